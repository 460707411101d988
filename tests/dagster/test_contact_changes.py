"""Sensor and job `contact_changes`: a change on a card or by hand reaches exactly its calls, and soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from assets.contacts.crm_source import CrmSource
from assets.contacts.overrides import assign
from assets.contacts.rules import ContactRules
from assets.contacts.sources import FileSource, Refreshed, SourceLook
from assets.platform import Platform
from pipelines.definitions import build_defs
from pipelines.sensors import Answer, look_for_contact_changes
from pipelines.settings import Settings
from resources.warehouse import Warehouse
from simulators.onec.company import phone_row
from simulators.onec.presets import CONTACT_INFORMATION, PARTNERS, PLAN
from tests.fix_onec import ServedOnec
from tests.rows import leg, load, select

NOW = datetime.now(UTC)
QUARTER = timedelta(minutes=15)
ROMASHKA, STRANGER = "+74951234567", "+74959998877"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def office(platform: Platform) -> Platform:
    """The platform with three calls of today, two of them from numbers of its cards."""
    calls = [("c1", ROMASHKA), ("c2", STRANGER), ("c3", "+74957654321")]
    load(platform.warehouse, [leg(name, NOW, number, "201", duration=30, talk=20) for name, number in calls])
    return platform


def tick(platform: Platform, instance: dg.DagsterInstance, at: datetime = NOW) -> Answer:
    return look_for_contact_changes(instance, platform, at, QUARTER)


def reason(answer: Answer) -> str:
    assert isinstance(answer, dg.SkipReason), answer
    return str(answer.skip_message)


def run(platform: Platform, instance: dg.DagsterInstance, answer: Answer) -> dg.ExecuteInProcessResult:
    assert isinstance(answer, list), reason(answer)
    [request] = answer
    job = build_defs(Settings(), platform).resolve_job_def("contact_changes")
    return job.execute_in_process(instance=instance, run_config=request.run_config, raise_on_error=False)


def owners(warehouse: Warehouse) -> list[str | None]:
    return [party for (party,) in select(warehouse, "SELECT party_id FROM enriched_calls ORDER BY linkedid")]


def add_card(platform: Platform, party: str, number: str) -> None:
    source = platform.contacts[0]
    assert isinstance(source, FileSource)
    source.path.write_text(source.path.read_text("utf-8") + f"{party},{party},company,,,{number},,,\n", "utf-8")


@dataclass
class Scripted:
    """A source that says what a test wants it to, and counts how often it is looked at."""

    name: str = "crm"
    is_cheap: bool = False
    has_news: bool = False
    failure: Exception | None = None
    looks: list[int] = field(default_factory=list)

    def look(self, _warehouse: Warehouse) -> SourceLook:
        """Say it, or fail."""
        self.looks.append(1)
        if self.failure:
            raise self.failure
        return SourceLook(self.has_news, f"{self.name}: looked at")

    def refresh(self, _warehouse: Warehouse, _rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Give nothing, or fail."""
        assert not is_whole
        if self.failure:
            raise self.failure
        return Refreshed()


def test_a_changed_card_reaches_exactly_its_calls(office: Platform, instance: dg.DagsterInstance) -> None:
    """First all cards are new; then one more. The run shows in the UI what it wrote, and the next look says why not."""
    assert run(office, instance, tick(office, instance)).success
    assert owners(office.warehouse) == ["romashka", None, "vasilek"]
    assert "contacts_csv: unchanged" in reason(tick(office, instance))
    add_card(office, "vega", STRANGER)
    result = run(office, instance, tick(office, instance))
    assert result.success
    assert owners(office.warehouse) == ["romashka", "vega", "vasilek"]
    written = {event.asset_key.to_user_string() for event in materialisations(instance, result.run_id)}
    assert written == {"crm_parties", "crm_phones", "contact_ownership", "number_owners", "enriched_calls"}
    [day] = [event for event in materialisations(instance, result.run_id) if event.partition]
    assert day.metadata["rows touched"].value == 1
    assert day.metadata["share with an owner"].value == 1
    assert isinstance(tick(office, instance), dg.SkipReason)


def materialisations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetMaterialization]:
    """What assets a run wrote."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    return [
        event.step_materialization_data.materialization for event in events if event and event.is_step_materialization
    ]


def test_an_assignment_by_hand_is_taken_up_by_the_next_look(office: Platform, instance: dg.DagsterInstance) -> None:
    """Nothing else tells of it: the queue does."""
    run(office, instance, tick(office, instance))
    with office.warehouse.transaction() as connection:
        assign(connection, STRANGER, "sirius", ContactRules(), is_retroactive=True)
    assert run(office, instance, tick(office, instance)).success
    assert owners(office.warehouse) == ["romashka", "sirius", "vasilek"]
    assert isinstance(tick(office, instance), dg.SkipReason)


def test_what_cannot_tell_of_changes_is_compared_each_quarter_of_an_hour(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """A source that can is looked at by every tick."""
    slow, quick = Scripted("slow"), Scripted("quick", is_cheap=True)
    platform = replace(office, contacts=(slow, quick))
    for minute in range(31):
        tick(platform, instance, NOW + timedelta(minutes=minute))
    assert (len(slow.looks), len(quick.looks)) == (3, 31)
    assert "slow: next look at" in reason(tick(platform, instance, NOW + timedelta(minutes=31)))


def test_a_source_that_fails_makes_the_tick_red_and_is_asked_less_and_less(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """Each try may cost its server minutes: after 1, 2, 4 ... and at most 30 minutes. The others have their turn."""
    broken, other = Scripted("broken", failure=OSError("no route")), Scripted("other", is_cheap=True)
    platform = replace(office, contacts=(broken, other))
    with pytest.raises(OSError, match="no route"):
        tick(platform, instance)
    assert "broken: failed 1 times" in reason(tick(platform, instance, NOW + timedelta(seconds=30)))
    asked = []
    for minute in range(1, 180):
        looks = len(broken.looks)
        with suppress(OSError):
            tick(platform, instance, NOW + timedelta(minutes=minute))
        if len(broken.looks) > looks:
            asked.append(minute)
    assert asked == [1, 3, 7, 15, 31, 61, 91, 121, 151]
    other.has_news = True
    assert isinstance(tick(platform, instance, NOW + timedelta(minutes=200)), list)
    broken.failure = None
    tick(platform, instance, NOW + timedelta(minutes=240))
    looks = len(broken.looks)
    tick(platform, instance, NOW + timedelta(minutes=256))
    assert len(broken.looks) == looks + 1


def test_one_broken_source_does_not_keep_the_others_changes_back(
    office: Platform, instance: dg.DagsterInstance
) -> None:
    """The run takes in what it can, links the calls, and then fails with the reason; the next waits a while."""
    broken = Scripted("broken", has_news=True)
    platform = replace(office, contacts=(*office.contacts, broken))
    answer = tick(platform, instance)
    broken.failure = OSError("went away")
    result = run(platform, instance, answer)
    assert not result.success
    assert owners(office.warehouse) == ["romashka", None, "vasilek"]
    assert "The run before this one failed" in reason(tick(platform, instance))
    broken.failure = None
    assert isinstance(tick(platform, instance, NOW + timedelta(hours=1)), list)


def test_a_source_that_shrank_is_refused_and_says_so(office: Platform, instance: dg.DagsterInstance) -> None:
    """The old cards stay, and so do the calls' owners."""
    for number in range(40):
        add_card(office, f"p{number}", f"+7495000{number:04}")
    assert run(office, instance, tick(office, instance)).success
    source = office.contacts[0]
    assert isinstance(source, FileSource)
    lines = source.path.read_text("utf-8").splitlines()
    source.path.write_text("\n".join(lines[:5]) + "\n", "utf-8")
    result = run(office, instance, tick(office, instance))
    assert not result.success
    [failure] = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    assert failure is not None
    assert failure.message.startswith("Source contacts_csv has lost 40 of 44")
    assert owners(office.warehouse) == ["romashka", None, "vasilek"]


def test_two_runs_never_overlap(office: Platform, instance: dg.DagsterInstance) -> None:
    """A look finds the run before it at work and says so."""
    with office.warehouse.locked("contact changes"):
        assert "still at work" in reason(tick(office, instance))


@pytest.mark.parametrize("is_inside", [True, False])
def test_nobody_looks_outside_the_working_window(
    office: Platform, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, is_inside: bool
) -> None:
    """8-21, as all jobs."""
    monkeypatch.setattr("pipelines.sensors.is_within", lambda *_given: is_inside)
    sensor = build_defs(Settings(), office).get_repository_def().get_sensor_def("contact_changes")
    with dg.build_sensor_context(instance=instance, resources={"platform": office}) as context:
        answer = sensor.evaluate_tick(context)
    assert bool(answer.run_requests) is is_inside
    assert is_inside or "Outside the working window 08:00-21:00" in str(answer.skip_message)


@pytest.mark.parametrize("is_planned", [True, False])
def test_a_card_changed_in_1c_reaches_its_calls(
    office: Platform,
    instance: dg.DagsterInstance,
    simulated_onec: Callable[..., ServedOnec],
    is_planned: bool,
) -> None:
    """By the next look where an exchange plan tells of it, else by the next comparison, a quarter of an hour later."""
    served = simulated_onec()
    how = {"plan": PLAN.partition("_")[2], "node": served.store.node(PLAN, "Switchboard")} if is_planned else {}
    crm = CrmSource("trade", open=lambda: served.source(**how), has_plan=is_planned)
    platform = replace(office, contacts=(crm,))
    assert run(platform, instance, tick(platform, instance)).success
    assert owners(office.warehouse) == [None, None, None]
    after = NOW + (timedelta(minutes=1) if is_planned else QUARTER)
    assert "trade" in reason(tick(platform, instance, after))
    partner = next(iter(served.store.entities(PARTNERS)))["Ref_Key"]
    served.store.update(PARTNERS, partner, {CONTACT_INFORMATION: [phone_row(STRANGER, "json")]})
    if not is_planned:
        assert "next look" in reason(tick(platform, instance, after + timedelta(minutes=1)))
    answer = tick(platform, instance, after + (timedelta(minutes=1) if is_planned else QUARTER))
    assert run(platform, instance, answer).success
    assert owners(office.warehouse) == [None, partner, None]
