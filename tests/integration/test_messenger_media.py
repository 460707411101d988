"""Files of messages: whole, by their hash, tried again, and given up only when the provider has them no more."""

from __future__ import annotations

import hashlib

from assets.messenger.media import fetch_due, forget_media
from tests.fix_messenger import MessengerBench

IVANOV = "+79161234567"


def received(bench: MessengerBench, count: int = 1) -> None:
    """Let somebody send pictures."""
    for _ in range(count):
        bench.whatsapp.receive("image", IVANOV)
    bench.taken_in()


def soon(bench: MessengerBench) -> None:
    """Let the pause after a failure be over."""
    bench.execute("UPDATE message_media SET next_try_at = now() WHERE state = 'waiting'")


def test_a_file_is_kept_under_the_hash_of_its_bytes(messenger: MessengerBench) -> None:
    """Which is the one the provider told."""
    received(messenger)
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"kept": 1}
    [(sha256, told, size)] = messenger.rows("SELECT sha256, told_sha256, size_bytes FROM message_media")
    kept = messenger.messengers.media_folder / sha256[:2] / sha256
    content = kept.read_bytes()
    assert hashlib.sha256(content).hexdigest() == sha256
    assert told in {sha256, ""}
    assert len(content) == size
    assert list(messenger.messengers.media_folder.glob("part-*")) == []


def test_a_spoilt_file_is_fetched_again_and_never_kept(messenger: MessengerBench) -> None:
    """Once it may be the network; the second time it is the provider."""
    received(messenger)
    messenger.whatsapp.faults.switch_on("media_spoilt", path="")
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"kept": 1}
    received(messenger)
    messenger.whatsapp.faults.switch_on("media_spoilt", times=None, path="")
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"gone": 1}
    [(error,)] = messenger.rows("SELECT error FROM message_media WHERE state = 'gone'")
    assert "hash" in error
    assert len(list(messenger.messengers.media_folder.glob("??/*"))) == 1


def test_an_address_that_ended_is_asked_for_anew(messenger: MessengerBench) -> None:
    """It is good for five minutes only."""
    received(messenger)
    messenger.whatsapp.faults.switch_on("media_expired", path="")
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"kept": 1}


def test_a_file_that_cannot_be_had_now_is_tried_again_later(messenger: MessengerBench) -> None:
    """With its reason, and a growing pause."""
    received(messenger)
    messenger.whatsapp.faults.switch_on("unavailable", times=1, path="")
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"put off": 1}
    assert messenger.rows("SELECT state, tries, next_try_at > now() FROM message_media") == [("waiting", 1, True)]
    assert fetch_due(messenger.warehouse, messenger.messengers) == {}
    soon(messenger)
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"kept": 1}


def test_a_file_the_provider_forgot_is_gone_and_says_so(messenger: MessengerBench) -> None:
    """After seven days."""
    received(messenger)
    messenger.execute("UPDATE message_media SET expires_at = now() - interval '1 second'")
    assert fetch_due(messenger.warehouse, messenger.messengers) == {}
    assert messenger.value("SELECT state FROM message_media") == "gone"


def test_a_file_that_is_too_large_is_not_fetched(messenger: MessengerBench) -> None:
    """Nor is a part of it left behind."""
    from dataclasses import replace

    received(messenger)
    messenger.messengers = replace(messenger.messengers, largest_media_bytes=3)
    assert fetch_due(messenger.warehouse, messenger.messengers) == {"gone": 1}
    assert [path for path in messenger.messengers.media_folder.rglob("*") if path.is_file()] == []


def test_a_file_past_its_time_is_removed_unless_another_message_shows_it(messenger: MessengerBench) -> None:
    """The rows stay."""
    received(messenger)
    fetch_due(messenger.warehouse, messenger.messengers)
    messenger.execute(
        "INSERT INTO message_media (account, media_id, message_id, mime_type, file_name, told_sha256, state, sha256, "
        "fetched_at, expires_at) SELECT account, 'other', message_id, '', '', '', 'kept', sha256, now(), now() "
        "FROM message_media"
    )
    messenger.execute("UPDATE message_media SET fetched_at = now() - interval '400 days' WHERE media_id <> 'other'")
    folder = messenger.messengers.media_folder
    assert forget_media(messenger.warehouse, folder, 365) == 1
    assert len(list(folder.glob("??/*"))) == 1
    messenger.execute("UPDATE message_media SET fetched_at = now() - interval '400 days'")
    assert forget_media(messenger.warehouse, folder, 365) == 1
    assert list(folder.glob("??/*")) == []
    assert messenger.rows("SELECT DISTINCT state FROM message_media") == [("forgotten",)]


def test_a_file_that_was_never_sent_is_removed_after_its_time(messenger: MessengerBench) -> None:
    """Unless another message may still send it."""
    messenger.whatsapp.receive_text(IVANOV, "здравствуйте")
    messenger.taken_in()
    sha256 = hashlib.sha256(b"x").hexdigest()
    folder = messenger.messengers.media_folder
    kept = folder / sha256[:2] / sha256
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    failed, waiting = (messenger.write(IVANOV, "", kind="document", sha256=sha256) for _ in range(2))
    fail = "UPDATE outbox SET state = 'failed', settled_at = now() - interval '400 days' WHERE outbox_id = :id"
    messenger.execute(fail, id=failed)
    assert forget_media(messenger.warehouse, folder, 365) == 1
    assert kept.exists()
    messenger.execute(fail, id=waiting)
    assert forget_media(messenger.warehouse, folder, 365) == 1
    assert not kept.exists()
    assert forget_media(messenger.warehouse, folder, 365) == 0
