"""AMI and AJAM against a simulated Asterisk over real sockets: events, breaks, refusals, and what is in no log."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from resources.telephony.live.ajam import AjamChannel
from resources.telephony.live.ami import AmiChannel
from resources.telephony.live.asterisk_calls import AsteriskCalls
from resources.telephony.live.event import CallEvent, EventChannel, EventChannelError, Kind, Listening
from simulators.asterisk.manager import SimulatedManager
from tests.recorded_manager import SAMPLES, recorded_messages
from tests.serving import serving

CLIENT = "+79001112233"
WAYS = ("ami", "rawman", "mxml")

MakeManager = Callable[..., SimulatedManager]


def _channel(manager: SimulatedManager, way: str, **how: Any) -> EventChannel:  # noqa: ANN401
    login = {"login": manager.username, "secret": manager.secret} | how
    if way == "ami":
        return AmiChannel(manager.host, manager.ami_port, **login)
    return AjamChannel(f"{manager.ajam_url}/asterisk", written_as="mxml" if way == "mxml" else "rawman", **login)


async def _until(
    listening: Listening, is_enough: Callable[[list[CallEvent]], bool], seconds: float = 8
) -> list[CallEvent]:
    heard: list[CallEvent] = []
    async with asyncio.timeout(seconds):
        while not is_enough(heard):
            heard += await listening.next()
    return heard


def _ends(count: int) -> Callable[[list[CallEvent]], bool]:
    return lambda heard: sum(event.kind is Kind.ENDED for event in heard) >= count


def _short(events: list[CallEvent]) -> list[tuple[str, str | None]]:
    return [(event.kind.value, event.extension) for event in events]


async def _do(what: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401
    return await asyncio.to_thread(what, *given, **named)


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_heard_from_ring_to_end(asterisk_manager: SimulatedManager, way: str) -> None:
    """Each way tells the same story of an incoming call, with the client's number at the first ring."""

    async def story() -> list[CallEvent]:
        async with _channel(asterisk_manager, way).listen() as listening:
            assert listening.snapshot is not None
            assert (listening.snapshot.events, listening.snapshot.linkedids) == ([], frozenset())
            call = await _do(asterisk_manager.ring, CLIENT, "203")
            await _do(call.answer)
            await _do(call.hold)
            await _do(call.unhold)
            await _do(call.hangup)
            return await _until(listening, _ends(2))

    heard = asyncio.run(story())
    assert _short([event for event in heard if event.extension]) == [
        ("ringing", "203"), ("answered", "203"), ("held", "203"), ("resumed", "203"), ("ended", "203"),
    ]  # fmt: skip
    assert _short([event for event in heard if not event.extension]) == [
        ("ringing", None), ("answered", None), ("ended", None),
    ]  # fmt: skip
    assert {(event.direction, event.client_number, event.did) for event in heard} == {("in", CLIENT, "74951230001")}
    assert all(event.source_at and event.received_at >= event.source_at for event in heard)


@pytest.mark.parametrize("way", WAYS)
def test_what_lives_when_we_connect_is_known(asterisk_manager: SimulatedManager, way: str) -> None:
    """The snapshot holds a talking and a ringing call; what happens after it is heard."""
    talking = asterisk_manager.ring(CLIENT, "203")
    talking.answer()
    ringing = asterisk_manager.dial_out("204", "89005554433")

    async def story() -> list[CallEvent]:
        async with _channel(asterisk_manager, way).listen() as listening:
            snapshot = listening.snapshot
            assert snapshot is not None
            assert snapshot.linkedids == {talking.id, ringing.id}
            state = {(e.linkedid, e.extension, e.kind.value) for e in snapshot.events}
            assert {(talking.id, "203", "answered"), (talking.id, None, "answered")} <= state
            assert (ringing.id, "204", "ringing") in state
            assert (ringing.id, "204", "answered") not in state
            assert snapshot.leg_ids is not None
            assert {event.leg_id for event in snapshot.events} <= snapshot.leg_ids
            await _do(talking.hangup)
            return await _until(listening, _ends(2))

    assert {event.linkedid for event in asyncio.run(story())} == {talking.id}


@pytest.mark.parametrize("way", WAYS)
def test_the_recording_comes_through_as_it_is_read(asterisk_manager: SimulatedManager, way: str) -> None:
    """Events replayed over a socket give what the same events give when read from the file."""
    calls = AsteriskCalls(4)
    messages = recorded_messages(SAMPLES)
    expected = [(e.kind, e.leg_id, e.linkedid) for m in messages for e in calls.take(m, datetime.now(UTC))]

    async def story() -> list[CallEvent]:
        async with _channel(asterisk_manager, way, stream="channels").listen() as listening:
            await _do(asterisk_manager.replay, SAMPLES / "ami_transcript.txt.gz")
            return await _until(listening, lambda heard: len(heard) >= len(expected), seconds=30)

    assert [(e.kind, e.leg_id, e.linkedid) for e in asyncio.run(story())] == expected


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", ["auto", "cdr_connector"])
def test_mikopbx_rows_are_heard(make_asterisk_manager: MakeManager, way: str, stream: str) -> None:
    """`CdrConnector` alone: legs have the ids of the history, and all of them end."""
    manager = make_asterisk_manager(cdr_connector=True, channel_events=False, finalise_seconds=0.2)

    async def story() -> list[CallEvent]:
        async with _channel(manager, way, stream=stream).listen() as listening:
            call = await _do(manager.ring, CLIENT, "203")
            await _do(call.answer)
            await _do(call.hangup)
            return await _until(listening, _ends(2))

    heard = asyncio.run(story())
    assert [e.kind.value for e in heard if e.extension == "203"] == ["ringing", "answered", "ended"]
    assert all("_" in event.leg_id for event in heard if event.extension)
    assert {event.client_number for event in heard} == {CLIENT}


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_is_permanent_and_nowhere_written(
    asterisk_manager: SimulatedManager, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Trying again at once is pointless; neither the secret nor the right one is in a text or log."""

    async def story(secret: str) -> None:
        async with _channel(asterisk_manager, way, secret=secret).listen():
            pass

    httpx_log = logging.getLogger("httpx")
    with caplog.at_level(logging.DEBUG):
        level = httpx_log.level
        httpx_log.setLevel(logging.INFO)
        try:
            asyncio.run(story(asterisk_manager.secret))
            with pytest.raises(EventChannelError, match="refused the log-in") as refused:
                asyncio.run(story("not-the-secret"))
        finally:
            httpx_log.setLevel(level)
    assert refused.value.is_permanent
    for secret in ("not-the-secret", asterisk_manager.secret):
        assert secret not in str(refused.value)
        assert not any(secret in record.getMessage() for record in caplog.records if record.levelno >= logging.INFO)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_connection_is_noticed_at_once(asterisk_manager: SimulatedManager, way: str, reset: bool) -> None:
    """A reset or closed connection ends the listening with words, not with silence."""

    async def story() -> None:
        async with _channel(asterisk_manager, way).listen() as listening:
            await listening.next()
            waiting = asyncio.create_task(_until(listening, lambda _: False, seconds=4))
            await asyncio.sleep(0.3)
            await _do(asterisk_manager.cut_connections, reset=reset)
            await waiting

    with pytest.raises(EventChannelError) as lost:
        asyncio.run(story())
    assert not lost.value.is_permanent


@pytest.mark.parametrize("way", ["rawman", "mxml"])
def test_a_lost_session_is_judged_by_the_body(asterisk_manager: SimulatedManager, way: str) -> None:
    """`Permission denied` comes with status 200 and a new cookie; the listening ends, and the next one is well."""

    async def story() -> None:
        async with _channel(asterisk_manager, way).listen() as listening:
            await listening.next()
            await _do(asterisk_manager.lose_sessions)
            await _until(listening, lambda _: False, seconds=8)

    with pytest.raises(EventChannelError, match="session is lost"):
        asyncio.run(story())


@pytest.mark.parametrize("way", WAYS)
def test_a_silent_peer_is_noticed(asterisk_manager: SimulatedManager, way: str) -> None:
    """A peer that accepts and says nothing is dead; an idle one that answers is not."""
    quick = {"silence_seconds": 4.0} if way == "ami" else {"silence_seconds": 1.0, "wait_seconds": 1}

    async def story() -> None:
        async with _channel(asterisk_manager, way, **quick).listen() as listening:
            began_at_seconds = time.monotonic()
            while time.monotonic() - began_at_seconds < 5:
                assert await listening.next() == []
            await _do(asterisk_manager.be_silent, 20)
            await _until(listening, lambda _: False, seconds=9)

    with pytest.raises(EventChannelError, match=r"silent|no answer"):
        asyncio.run(story())


@pytest.mark.parametrize("way", WAYS)
def test_it_lets_go_within_a_second(asterisk_manager: SimulatedManager, way: str) -> None:
    """Cancelled while it waits, it logs off and closes at once, also when the server says nothing any more."""

    async def story(*, silent: bool) -> float:
        is_open = asyncio.Event()

        async def listen() -> None:
            async with _channel(asterisk_manager, way).listen() as listening:
                is_open.set()
                while True:
                    await listening.next()

        task = asyncio.create_task(listen())
        await is_open.wait()
        await asyncio.sleep(0.3)
        if silent:
            await _do(asterisk_manager.be_silent, 3)
        began_at_seconds = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return time.monotonic() - began_at_seconds

    assert asyncio.run(story(silent=False)) < 1
    assert asyncio.run(story(silent=True)) < 1


@pytest.mark.parametrize("way", ["ami", "ajam"])
def test_a_server_that_is_not_there_is_said(way: str) -> None:
    """No connection: an error that says so, and that may be over soon."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    channel: EventChannel = (
        AmiChannel("127.0.0.1", port, "listener", "secret")
        if way == "ami"
        else AjamChannel(f"http://127.0.0.1:{port}", "listener", "secret")
    )

    async def story() -> None:
        async with channel.listen():
            pass

    with pytest.raises(EventChannelError, match="is the PBX up") as lost:
        asyncio.run(story())
    assert not lost.value.is_permanent


def test_an_old_server_without_challenge_gets_the_password() -> None:
    """Where `Challenge` is unknown the log-in is plain; where it is known, the secret never travels."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/1.0\r\n")
        while True:
            try:
                action = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            heard.append(action)
            ident = next((line for line in action.split(b"\r\n") if line.startswith(b"ActionID")), b"") + b"\r\n"
            if b"Challenge" in action:
                writer.write(b"Response: Error\r\n" + ident + b"Message: Invalid/unknown command\r\n\r\n")
            elif b"CoreShow" in action:
                writer.write(
                    b"Response: Success\r\n" + ident + b"\r\nEvent: CoreShowChannelsComplete\r\n" + ident + b"\r\n"
                )
            elif b"Logoff" in action:
                break
            else:
                writer.write(b"Response: Success\r\n" + ident + b"\r\n")
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, AmiChannel("127.0.0.1", port, "listener", "old-secret").listen() as listening:
            assert listening.snapshot is not None

    asyncio.run(story())
    assert any(b"Secret: old-secret" in action for action in heard)


def test_a_session_lost_right_after_the_log_in_is_tried_again_at_once() -> None:
    """The PBX says "Permission denied", as to a user without rights: that is no reason to wait a minute."""

    async def rawman(request: Request) -> Response:
        if b"action=login" in await request.body():
            answer = PlainTextResponse("Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
            answer.set_cookie("mansession_id", "9b243559")
            return answer
        return PlainTextResponse("Response: Error\r\nMessage: Permission denied\r\n\r\n")

    async def story(url: str) -> None:
        async with AjamChannel(url, "listener", "secret").listen():
            pass

    with (
        serving(Starlette(routes=[Route("/rawman", rawman, methods=["GET", "POST"])])) as url,
        pytest.raises(EventChannelError, match="does not list its channels") as lost,
    ):
        asyncio.run(story(url))
    assert not lost.value.is_permanent


def test_the_secret_does_not_travel_over_ami(asterisk_manager: SimulatedManager) -> None:
    """A server that knows `Challenge` sees a digest only."""
    sent: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(asterisk_manager.host, asterisk_manager.ami_port)

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: list[bytes]) -> None:
            while data := await source.read(65536):
                kept.append(data)
                sink.write(data)
            sink.close()

        await asyncio.gather(carry(reader, to_server, sent), carry(from_server, writer, []), return_exceptions=True)

    async def story() -> None:
        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with (
            server,
            AmiChannel("127.0.0.1", port, asterisk_manager.username, asterisk_manager.secret).listen() as listening,
        ):
            await listening.next()
        await asyncio.sleep(0.2)

    asyncio.run(story())
    assert b"AuthType: MD5" in b"".join(sent)
    assert asterisk_manager.secret.encode() not in b"".join(sent)


def test_what_is_no_manager_is_said() -> None:
    """Another service on the port is an error with the right question, not a hang."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, AmiChannel("127.0.0.1", port, "listener", "secret").listen():
            pass

    with pytest.raises(EventChannelError, match="does not greet"):
        asyncio.run(story())


@pytest.mark.parametrize("way", WAYS)
def test_doubled_and_shuffled_events_end_every_leg_once(asterisk_manager: SimulatedManager, way: str) -> None:
    """With each event coming twice and out of order, calls still ring and end, once each."""
    asterisk_manager.faults.deliver_twice = True
    asterisk_manager.faults.shuffle_seconds = 0.05

    async def story() -> list[CallEvent]:
        async with _channel(asterisk_manager, way).listen() as listening:
            for at in range(5):
                call = await _do(asterisk_manager.ring, CLIENT, f"20{at}")
                await _do(call.answer)
                await asyncio.sleep(0.2)
                await _do(call.hangup)
            return await _until(listening, _ends(10))

    ended = [event.leg_id for event in asyncio.run(story()) if event.kind is Kind.ENDED]
    assert len(ended) == len(set(ended)) == 10
