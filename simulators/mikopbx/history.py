"""Believable call history: who calls whom and when, over days of an invented company.

The same seed makes the same calls. Instants are true; only the rows hold the PBX's wall clock, so a
history in Europe/Berlin has the hour that comes twice and the hour that never comes.
"""

from __future__ import annotations

import calendar
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import accumulate, count
from random import Random
from zoneinfo import ZoneInfo

from simulators.company import Company, Party, fixed_number, mobile_number
from simulators.mikopbx import scenes
from simulators.mikopbx.rows import CallRows, Row
from simulators.mikopbx.scenes import Caller, Colleague, Stage

_HOUR_WEIGHTS = (0, 0, 0, 0, 0, 0, 1, 4, 20, 70, 100, 105, 80, 70, 95, 100, 90, 70, 35, 14, 7, 4, 2, 1)
"""How many calls begin in each hour of a working day, relatively."""

_OPEN_FROM_HOUR, _OPEN_TO_HOUR = 8, 20
_WEEKEND_SHARES = {5: 0.25, 6: 0.08}
_FRONT = frozenset({"Продажи", "Сервис", "Логистика"})
_LONG_CALL_SHARE = 0.02
_LONG_CALL_SECONDS = 7200.0
_MIDNIGHT_EVERY_DAYS = 4
_CALL_BACK_SHARE = 0.6


@dataclass(frozen=True)
class FinishedCall:
    """A call as the PBX will have written it.

    Attributes:
        finalised_at: when all its legs become rows together, seconds after its last channel ended.
        rows: the legs; `recordingfile` holds the path that will be shown in the end.
        recordings_at: when the recordings have been converted and their paths are shown.
    """

    finalised_at: datetime
    rows: tuple[Row, ...]
    recordings_at: datetime


def generate_calls(
    company: Company,
    *,
    first_day: date,
    days: int,
    calls_per_day: int = 250,
    timezone: str = "Europe/Moscow",
    seed: int = 1,
) -> list[FinishedCall]:
    """Make the calls up that begin on so many days, in the order in which they begin.

    Args:
        company: whose calls they are.
        first_day: local to `timezone`.
        days: how many days.
        calls_per_day: on a working day, about; weekends have a quarter and less. A call has two to three legs.
        timezone: in which the PBX shows its clock and people work.
        seed: the same makes the same.
    """
    serial = count(1)
    calls: list[FinishedCall] = []
    for number in range(days):
        day = first_day + timedelta(days=number)
        chance = Random(f"{seed} {day}")
        calls += _Workday(company, day, ZoneInfo(timezone), chance, serial).calls(calls_per_day)
    return calls


def one_call(company: Company, now: datetime, timezone: str, chance: Random, serial: Iterator[int]) -> FinishedCall:
    """Make one call up that begins now."""
    zone = ZoneInfo(timezone)
    return _Workday(company, now.astimezone(zone).date(), zone, chance, serial).call(now.timestamp())


def is_open(moment: datetime, timezone: str) -> bool:
    """Tell whether people are at work."""
    local = moment.astimezone(ZoneInfo(timezone))
    return local.weekday() not in _WEEKEND_SHARES and _OPEN_FROM_HOUR <= local.hour < _OPEN_TO_HOUR


def rows_by_end(calls: list[FinishedCall]) -> list[Row]:
    """Return the legs in the order in which the PBX writes them: by the end of their calls."""
    return [row for call in sorted(calls, key=lambda call: call.finalised_at) for row in call.rows]


@dataclass(frozen=True)
class _Missed:
    """A client who was not reached, and who should call back."""

    number: str
    colleague: Colleague


_Scene = Callable[[Stage], _Missed | None]


class _Workday:
    """One day: who sits where, whose numbers are whose, and the calls of that day."""

    def __init__(self, company: Company, day: date, zone: ZoneInfo, chance: Random, serial: Iterator[int]) -> None:
        self._day = day
        self._zone = zone
        self._chance = chance
        self._serial = serial
        self._parties = company.parties
        # A few clients call often, most seldom.
        self._weights = list(accumulate(1 / (place + 4) for place in range(len(company.parties))))
        self._desks: dict[str, Colleague] = {}
        self._front: list[Colleague] = []
        for employee in company.employees:
            if extension := employee.extension_on(day):
                colleague = Colleague(extension, employee.name)
                self._desks[employee.employee_id] = colleague
                if employee.department in _FRONT:
                    self._front.append(colleague)

    def calls(self, per_day: int) -> list[FinishedCall]:
        """Make the day's calls up, call-backs of missed ones among them."""
        order = count()
        agenda: list[tuple[float, int, _Scene]] = [(begun, next(order), scene) for begun, scene in self._plan(per_day)]
        heapq.heapify(agenda)
        made: list[FinishedCall] = []
        while agenda:
            begun, _, scene = heapq.heappop(agenda)
            call, missed = self._play(begun, scene)
            made.append(call)
            back = begun + self._chance.uniform(120, 2400)
            if missed and self._is_open(back) and self._chance.random() < _CALL_BACK_SHARE:
                call_back: _Scene = partial(self._call_back, missed)
                heapq.heappush(agenda, (back, next(order), call_back))
        return made

    def call(self, begun: float) -> FinishedCall:
        """Make one call up."""
        return self._play(begun, self._usual)[0]

    def _plan(self, per_day: int) -> Iterator[tuple[float, _Scene]]:
        chance = self._chance
        share = _WEEKEND_SHARES.get(self._day.weekday(), 1.0) * chance.uniform(0.9, 1.1)
        for hour in chance.choices(range(24), _HOUR_WEIGHTS, k=round(per_day * share)):
            yield self._instant(hour), self._usual
        for _ in range(1 + per_day // 150):
            yield self._instant(chance.randrange(7)), self._usual
        is_last_of_month = self._day.day == calendar.monthrange(self._day.year, self._day.month)[1]
        if is_last_of_month or self._day.toordinal() % _MIDNIGHT_EVERY_DAYS == 0:
            last_minutes = datetime.combine(self._day, time(23, chance.randrange(50, 60)), self._zone)
            yield last_minutes.timestamp(), partial(self._long_call, 1500.0)
        midnight = datetime.combine(self._day, time(), self._zone)
        if midnight.utcoffset() != midnight.replace(hour=12).utcoffset():
            # People talk while the clocks change, too.
            for half_hour in range(2, 9):
                yield midnight.timestamp() + half_hour * 1800 - 600, partial(self._long_call, 1200.0)

    def _instant(self, hour: int) -> float:
        chance = self._chance
        wall = time(hour, chance.randrange(60), chance.randrange(60), chance.randrange(1000) * 1000)
        return datetime.combine(self._day, wall, self._zone).replace(fold=chance.randrange(2)).timestamp()

    def _is_open(self, instant: float) -> bool:
        return is_open(datetime.fromtimestamp(instant, UTC), self._zone.key)

    def _play(self, begun: float, scene: _Scene) -> tuple[FinishedCall, _Missed | None]:
        call = CallRows(begun, self._zone, self._chance, self._serial)
        missed = scene(Stage(begun, call, self._chance))
        finalised_at = datetime.fromtimestamp(call.ended + self._chance.uniform(5, 10), UTC)
        recordings_at = finalised_at + timedelta(seconds=self._chance.uniform(15, 240))
        return FinishedCall(finalised_at, tuple(call.rows), recordings_at), missed

    def _usual(self, stage: Stage) -> _Missed | None:
        roll = self._chance.random()
        if not self._is_open(stage.begun):
            if roll < 0.6:
                scenes.out_of_hours(stage, self._caller()[0])
                return None
            return self._incoming_direct(stage) if roll < 0.85 else self._outgoing(stage)
        if roll < 0.22:
            return self._incoming_queued(stage)
        if roll < 0.42:
            return self._incoming_direct(stage)
        if roll < 0.52:
            return self._incoming_put_through(stage)
        if roll < 0.88:
            return self._outgoing(stage)
        caller, wanted = self._chance.sample(list(self._desks.values()), k=2)
        scenes.internal(stage, caller, wanted, is_taken=self._chance.random() < 0.8)
        return None

    def _incoming_queued(self, stage: Stage) -> _Missed | None:
        caller, number, dealer = self._caller()
        rung = self._chance.sample(self._front, k=4)
        if dealer not in rung and self._chance.random() < 0.5:
            rung[0] = dealer
        taker = None
        if self._chance.random() < 0.82:
            taker = dealer if dealer in rung and self._chance.random() < 0.7 else self._chance.choice(rung)
        scenes.queued(stage, caller, rung, taker)
        return _Missed(number, dealer) if number and not taker else None

    def _incoming_direct(self, stage: Stage) -> _Missed | None:
        caller, number, dealer = self._caller()
        is_taken = self._chance.random() < 0.8
        scenes.direct(stage, caller, dealer, is_taken=is_taken, through_menu=self._chance.random() < 0.7)
        return _Missed(number, dealer) if number and not is_taken else None

    def _incoming_put_through(self, stage: Stage) -> _Missed | None:
        caller, _, dealer = self._caller()
        first = self._chance.choice([colleague for colleague in self._front if colleague != dealer])
        scenes.put_through(stage, caller, first, dealer, is_blind=self._chance.random() < 0.5)
        return None

    def _outgoing(self, stage: Stage) -> _Missed | None:
        number, dealer = self._client()
        is_taken = self._chance.random() < 0.75
        talk = _LONG_CALL_SECONDS + stage.seconds(0, 900) if self._chance.random() < _LONG_CALL_SHARE else None
        scenes.outgoing(stage, dealer, self._dialled(number), is_taken=is_taken, talk=talk)
        return None

    def _long_call(self, talk_seconds: float, stage: Stage) -> _Missed | None:
        number, dealer = self._client()
        scenes.outgoing(stage, dealer, self._dialled(number), is_taken=True, talk=talk_seconds)
        return None

    def _call_back(self, missed: _Missed, stage: Stage) -> _Missed | None:
        is_taken = self._chance.random() < 0.8
        scenes.outgoing(stage, missed.colleague, self._dialled(missed.number), is_taken=is_taken)
        return None

    def _client(self) -> tuple[str, Colleague]:
        """Pick a client's number and who deals with it today."""
        party = self._chance.choices(self._parties, cum_weights=self._weights)[0]
        contact = self._chance.choice([one for one in party.contacts if one.is_there_on(self._day)])
        return self._chance.choice(contact.numbers), self._dealer(party)

    def _caller(self) -> tuple[Caller, str, Colleague]:
        """Pick who calls in: the number as it is shown, the true one where it is known, who will deal with it."""
        line = int(self._chance.random() < 0.35)
        roll = self._chance.random()
        if roll < 0.03:
            return Caller(self._chance.choice(("anonymous", "")), line), "", self._chance.choice(self._front)
        if roll < 0.11:
            number = self._chance.choice((mobile_number, fixed_number))(self._chance)
            return Caller(self._shown(number, line), line), number, self._chance.choice(self._front)
        number, dealer = self._client()
        return Caller(self._shown(number, line), line), number, dealer

    def _dealer(self, party: Party) -> Colleague:
        """Pick who deals with the party: mostly the first of its people who works there today."""
        usual = [self._desks[one] for one in party.talkers if one in self._desks]
        roll = self._chance.random()
        if not usual or roll < 0.08:
            return self._chance.choice(self._front)
        return usual[1] if roll < 0.28 and len(usual) > 1 else usual[0]

    def _shown(self, number: str, line: int) -> str:
        """Write a caller's number as the provider of that line sends it."""
        if not number.startswith("+7"):
            return number
        if line == 0:
            return number[1:]
        return self._chance.choice((number, number, number, f"8{number[2:]}", number[2:]))

    def _dialled(self, number: str) -> Caller:
        """Write a number as employees dial it."""
        if not number.startswith("+7"):
            return Caller(f"810{number[1:]}")
        return Caller(self._chance.choice((f"8{number[2:]}", f"8{number[2:]}", number, number[1:])))
