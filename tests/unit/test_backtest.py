"""The routing backtest: predictions from the past alone, measures by their published formulas."""

from __future__ import annotations

import gzip
import math
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from assets.backtest.events import HistoryFileError, make_events, read_csv, start_after
from assets.backtest.measures import calibrate, choose, continuity, measure, name_responsible
from assets.backtest.plot import as_markdown, draw
from assets.backtest.replay import Evidence, LeakageError, Predictor, replay
from assets.routing.rules import RoutingRules
from pipelines.cli.backtest import backtest

SHARED = (
    Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "backtest"
)
RULES = RoutingRules(fewest_interactions=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000


def on(day: float) -> datetime:
    return START + timedelta(days=day)


def history(*rows: tuple[float, str, str]) -> pd.DataFrame:
    """Return events of (day, client, employee)."""
    return make_events((on(day), client, employee) for day, client, employee in rows)


def evidence(day: float, employee: str = "anna", **unusual: Any) -> Evidence:  # noqa: ANN401
    at = int(day * DAY)
    plain = Evidence(at, at, "c", "", employee, 1.0, 0, is_talker=True, expires_at=2**62)
    return plain._replace(**unusual)


def columns(predictions: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """Return rows as tuples that compare: NaN is None."""
    frame = predictions[list(names)].astype(object)
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)]


# --- prediction ----------------------------------------------------------------------------------


def test_a_prediction_follows_the_published_formula() -> None:
    """Decayed sums of (client, employee): anna 1 + 2^-1 a half-life ago, boris 1."""
    predictor = Predictor(replace(RULES, half_life_days=10))
    for row in (evidence(0), evidence(10), evidence(10, "boris")):
        predictor.learn(row)
    found = predictor.predict(11 * DAY, "c", "")
    assert found.ranked == ["anna", "boris"]
    assert found.share == pytest.approx(1.5 / 2.5)
    assert found.gap == DAY


def test_the_company_stands_behind_a_contact() -> None:
    """`P = (S_contact + k * P_company) / (sum S_contact + k)`: little evidence of the contact does not decide alone."""
    predictor = Predictor(replace(RULES, shrinkage=2))
    rows = [evidence(5), evidence(5), evidence(5, "boris", contact="ivan")]
    for row in rows:
        predictor.learn(row)
    found = predictor.predict(6 * DAY, "c", "ivan")
    assert found.ranked == ["boris", "anna"]
    assert found.share == pytest.approx((1 + 2 * 1 / 3) / (1 + 2))
    assert predictor.predict(6 * DAY, "c", "").ranked == ["anna", "boris"]
    assert predictor.predict(6 * DAY, "c", "olga").share == pytest.approx(2 / 3)
    alone = Predictor(replace(RULES, shrinkage=0))
    for row in rows:
        alone.learn(row)
    assert alone.predict(6 * DAY, "c", "ivan").share == 1


def test_ties_go_to_the_latest_then_to_the_id() -> None:
    """Score, then latest interaction, then employee: the same on every machine."""
    predictions = replay(history((0, "c", "boris"), (0, "c", "anna"), (9, "c", "x")), RULES)
    assert columns(predictions, "first", "last", "frequent")[-1] == ("anna", "anna", "anna")
    predictions = replay(
        history((0, "c", "anna"), (1, "c", "boris"), (9, "c", "x")), replace(RULES, half_life_days=1e9)
    )
    assert columns(predictions, "first", "last", "frequent")[-1] == ("boris", "boris", "boris")


def test_sums_survive_more_half_lives_than_a_number_can_hold() -> None:
    """Forward decay is re-based on the way: 4,000 half-lives overflow a double four times over."""
    predictor = Predictor(replace(RULES, half_life_days=1))
    for day in range(4000):
        predictor.learn(evidence(day, ("anna", "boris", "boris")[day % 3], contact="ivan"))
    found = predictor.predict(4000 * DAY, "c", "")
    ages = [(4000 - 1 - day, ("anna", "boris", "boris")[day % 3]) for day in range(4000)]
    anna, everybody = (sum(2.0**-age for age, who in ages if who in of) for of in (("anna",), ("anna", "boris")))
    assert found.share == pytest.approx(max(anna, everybody - anna) / everybody)


def test_expired_evidence_counts_nothing() -> None:
    """From the instant on, as for an employee who left; whoever took the calls stays whoever took them."""
    predictor = Predictor(RULES)
    for row in (evidence(0, expires_at=10 * DAY), evidence(1, expires_at=10 * DAY), evidence(0, "boris")):
        predictor.learn(row)
    assert predictor.predict(10 * DAY - 1, "c", "").ranked == ["anna", "boris"]
    found = predictor.predict(10 * DAY, "c", "")
    assert (found.ranked, found.share, found.last, found.frequent) == (["boris"], 1.0, "anna", "anna")


def test_too_little_evidence_names_nobody() -> None:
    """Two interactions or a minute of talk, as the routing table asks; the ranking is there all the same."""
    rules = RoutingRules(fewest_interactions=2, enough_talk_seconds=60)
    short, long = (evidence(0, client=f"{talk}", talk_seconds=talk) for talk in (59, 60))
    predictor = Predictor(rules)
    predictor.learn(short)
    predictor.learn(long)
    assert [predictor.predict(DAY, client, "").has_evidence for client in ("59", "60")] == [False, True]


def test_a_small_share_abstains() -> None:
    """Coverage falls below 1, and the calls of nobody count for no precision."""
    predictions = replay(history((0, "c", "anna"), (1, "c", "boris"), (2, "c", "boris"), (3, "c", "anna")), RULES)
    found = [measure(name_responsible(predictions, share)) for share in (0, 0.6, 1)]
    assert [each.coverage for each in found] == [0.75, 0.5, 0.25]
    assert [each.precision for each in found] == [1 / 3, 0, 0]
    assert len({each.hit_3 for each in found}) == 1


# --- leakage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [2, 2.5])
def test_the_guard_stops_evidence_of_the_predicted_moment_or_later(day: float) -> None:
    """An event of the future, injected past the walk, fails instead of making the figures look good."""
    predictor = Predictor(RULES)
    predictor.learn(evidence(1))
    predictor.predict(2 * DAY, "c", "")
    predictor.learn(evidence(day))
    with pytest.raises(LeakageError, match="1970-01-03"):
        predictor.predict(2 * DAY, "c", "")


def test_a_row_that_claims_to_be_known_before_it_happened_stops_the_replay() -> None:
    """The walk lets it in at `known_at`; the guard sees `at`."""
    events = history((0, "c", "anna"), (2, "c", "boris"), (5, "d", "boris"))
    events.loc[2, "known_at"] = pd.Timestamp(on(1))
    with pytest.raises(LeakageError, match="2026-01-06"):
        replay(events, RULES)


def test_calls_of_one_instant_do_not_see_each_other() -> None:
    """Strictly before: which of them comes first is nobody's knowledge."""
    predictions = replay(history((0, "c", "anna"), (1, "c", "boris"), (1, "c", "gleb"), (1, "d", "vera")), RULES)
    assert columns(predictions, "first", "last", "gap_days") == [
        ("", "", None),
        ("anna", "anna", 1.0),
        ("anna", "anna", 0.0),
        ("", "", None),
    ]


def test_a_call_is_evidence_only_once_it_has_ended() -> None:
    """While one colleague still talks, the other's call is predicted without that talk."""
    events = history((0, "c", "anna"), (1, "c", "boris"), (2, "c", "boris"))
    events.loc[1, "known_at"] = pd.Timestamp(on(2))
    assert columns(replay(events, RULES), "first", "last")[-1] == ("anna", "anna")


MOMENTS = st.integers(0, 40).map(lambda number: number / 4)
ROWS = st.lists(
    st.tuples(MOMENTS, st.sampled_from("cd"), st.sampled_from(["anna", "boris", "vera"])), min_size=1, max_size=30
)
SETTINGS = st.builds(
    RoutingRules,
    half_life_days=st.sampled_from([0.01, 1, 90]),
    shrinkage=st.sampled_from([0, 2]),
    fewest_interactions=st.integers(1, 3),
)


def unlike(rows: list[tuple[float, str, str]]) -> pd.DataFrame:
    """Return events that differ in all that counts: weight, contact, end, expiry."""
    events = history(*rows)
    chance = random.Random(repr(sorted(rows)))
    kinds = {row: (chance.choice(["", "ivan"]), chance.choice([0.3, 1.0, 2.4])) for row in sorted(set(rows))}
    events["contact"] = [kinds[row][0] for row in rows]
    events["weight"] = [kinds[row][1] for row in rows]
    events["known_at"] += pd.to_timedelta([kinds[row][1] for row in rows], unit="D")
    events["expires_at"] = events["at"].where(events["weight"] == 0.3) + pd.Timedelta(days=5)
    return events


@given(rows=ROWS, rules=SETTINGS, chance=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[float, str, str]], rules: RoutingRules, chance: random.Random
) -> None:
    """A database promises no order: not a bit of the figures may hang on it."""
    events = unlike(rows)
    mixed = events.sample(frac=1, random_state=chance.randrange(2**32))
    pd.testing.assert_frame_equal(replay(events, rules), replay(mixed, rules), check_exact=True)
    pd.testing.assert_frame_equal(continuity(events), continuity(mixed), check_exact=True)


@given(rows=ROWS, rules=SETTINGS)
@settings(max_examples=15, deadline=None)
def test_the_same_settings_twice_give_identical_figures(
    rows: list[tuple[float, str, str]], rules: RoutingRules
) -> None:
    """Figures can be quoted."""
    first, second = (repr(measure(name_responsible(replay(unlike(rows), rules), 0.45))) for _ in range(2))
    assert first == second


@given(rows=ROWS, rules=SETTINGS, later=MOMENTS, who=st.sampled_from(["anna", "gleb"]))
@settings(max_examples=30, deadline=None)
def test_a_future_event_changes_no_earlier_prediction(
    rows: list[tuple[float, str, str]], rules: RoutingRules, later: float, who: str
) -> None:
    """Nothing of what comes reaches back, not even through a sum's last bit."""
    events = unlike(rows)
    more = pd.concat([events, history((later, "c", who))], ignore_index=True)
    before, after = (found[found["at"] < on(later)] for found in (replay(events, rules), replay(more, rules)))
    pd.testing.assert_frame_equal(before, after, check_exact=True)


# --- measures ------------------------------------------------------------------------------------


def test_measures_count_what_they_say() -> None:
    """Four calls of one client: a first, and one each at rank 1, rank 2 and off the list."""
    predictions = replay(
        history((0, "c", "anna"), (1, "c", "anna"), (2, "c", "boris"), (3, "c", "boris")),
        replace(RULES, half_life_days=1e9),
    )
    assert columns(predictions, "first", "rank", "last", "frequent") == [
        ("", None, "", ""),
        ("anna", 1, "anna", "anna"),
        ("anna", None, "anna", "anna"),
        ("anna", 2, "boris", "anna"),
    ]
    found = measure(name_responsible(predictions, 0.45))
    assert (found.calls, found.ranked, found.hit_1, found.hit_3, found.mrr) == (4, 0.75, 0.25, 0.5, 1.5 / 4)
    assert (found.coverage, found.precision, found.last, found.frequent, found.owner) == (0.75, 1 / 3, 0.5, 0.25, 0)
    assert (found.lift_over_last, found.lift_over_frequent, found.lift_over_owner) == (-0.25, 0, 0.25)
    assert found.lift_where_named == pytest.approx(1 / 3 - 2 / 3)


def test_nothing_to_measure_is_no_number() -> None:
    """A share of no calls is not 0."""
    found = measure(name_responsible(replay(history(), RULES), 0.45))
    assert found.calls == 0
    assert math.isnan(found.hit_1)
    assert math.isnan(found.lift_over_last)
    assert start_after(history(), 0.2) is None


def test_calibration_bins_include_their_lower_bound() -> None:
    """A share of exactly the limit is named, so it stands in the bin above it; 1 stands in the last."""
    shares = pd.DataFrame({"share": [0.449, 0.45, 0.95, 1.0, math.nan], "rank": [1, 2, 1, 1, math.nan]})
    assert columns(calibrate(shares), "share_from", "share_to", "calls", "hit_rate") == [
        (0.35, 0.45, 1, 1.0),
        (0.45, 0.6, 1, 0.0),
        (0.95, 1.0, 2, 1.0),
    ]


def test_continuity_follows_the_published_formulas() -> None:
    """A A B A: UPC 3/4, COC (9 + 1 - 4) / 12, SECON 1/3; a client of one interaction says nothing."""
    events = history((0, "c", "a"), (1, "c", "a"), (2, "c", "b"), (3, "c", "a"), (4, "d", "a"))
    [(team, clients, interactions, upc, coc, secon)] = columns(
        continuity(events), "team", "clients", "interactions", "upc", "coc", "secon"
    )
    assert (team, clients, interactions) == ("", 1, 4)
    assert (upc, coc, secon) == (0.75, 0.5, pytest.approx(1 / 3))


def test_secon_is_the_last_talkers_hit_rate() -> None:
    """That is what makes it worth watching before any routing is built."""
    chance = random.Random(5)
    events = history(*((day, chance.choice("cd"), chance.choice("ab")) for day in range(60)))
    predictions = replay(events, RULES)
    again = predictions[predictions["gap_days"].notna()]
    assert continuity(events)["secon"][0] == measure(name_responsible(again, 0)).last


def test_the_picture_is_a_small_png_within_markdown() -> None:
    """It stands in Dagster's event log, once per day."""
    predictions = name_responsible(replay(history(*((day, "c", "ab"[day % 2]) for day in range(30))), RULES), 0.45)
    image = draw(measure(predictions), calibrate(predictions))
    assert image.startswith(b"\x89PNG")
    assert len(image) < 40_000
    assert as_markdown(image, "Backtest").startswith("![Backtest](data:image/png;base64,iVBOR")
    draw(measure(predictions[:0]), calibrate(predictions[:0]))


# --- files ---------------------------------------------------------------------------------------

HEADER = "at,client,employee"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "history.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_columns_are_found_by_name_and_instants_in_any_zone(tmp_path: Path) -> None:
    """Others may stand between them; a compressed file is the same file."""
    plain = written(
        tmp_path, "employee,NOTE,Client,at", 'anna,"a, b",c,2026-03-02T10:00:00+03:00', "", "x,,d,2026-03-02 07:00Z"
    )
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    moment = pd.Timestamp("2026-03-02 07:00", tz="UTC")
    for path in (plain, packed):
        assert columns(read_csv(path), *HEADER.split(",")) == [(moment, "c", "anna"), (moment, "d", "x")]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "line 1: no column at, client, employee"),
        (["at,client"], "line 1: no column employee"),
        ([HEADER, "2026-03-02T10:00:00Z,c,anna", "yesterday,c,anna"], "line 3: 'yesterday' is no instant"),
        ([HEADER, "2026-03-02T10:00:00,c,anna"], "line 2: '2026-03-02T10:00:00' is no instant with an offset"),
        ([HEADER, "2026-03-02T10:00:00Z,,anna"], "line 2: client or employee is empty"),
        ([HEADER, "2026-03-02T10:00:00Z,c"], "line 2: 2 fields"),
        ([HEADER, '2026-03-02T10:00:00Z,c,"anna'], "line 2: unexpected end of data"),
    ],
)
def test_what_makes_no_sense_is_named_by_its_line(tmp_path: Path, lines: list[str], problem: str) -> None:
    """One wrong line is better found than guessed about."""
    with pytest.raises(HistoryFileError, match=problem):
        read_csv(written(tmp_path, *lines))


@pytest.mark.parametrize(
    "content", [b"at,client,employee\n\xff\xfe", gzip.compress(b"at,client,employee\n", mtime=0)[:-6]]
)
def test_a_file_that_is_no_text_says_so(tmp_path: Path, content: bytes) -> None:
    """Wrong encoding, or a download that broke off."""
    path = tmp_path / ("history.csv.gz" if content.startswith(b"\x1f") else "history.csv")
    path.write_bytes(content)
    with pytest.raises(HistoryFileError, match="cannot be read"):
        read_csv(path)


# --- the command ---------------------------------------------------------------------------------


def run_command(*arguments: str) -> tuple[int, str]:
    app = Typer()
    app.command()(backtest)
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "140"})
    # Rich breaks lines where the width ends, which the length of the temporary folder's name moves.
    return result.exit_code, " ".join(result.output.split())


def test_the_command_compares_settings_and_says_the_same_twice(tmp_path: Path) -> None:
    """A line per combination, and the baselines on the same calls."""
    chance = random.Random(7)
    rows = (f"{on(day / 5).isoformat()},c{chance.randrange(5)},e{chance.randrange(3)}" for day in range(200))
    file = str(written(tmp_path, HEADER, *rows))
    code, shown = run_command("--csv", file, "--half-life", "30,90", "--smallest-share", "0.35,0.6")
    assert code == 0, shown
    for line in ("160 calls", "half-life 30 d, share 0.35", "half-life 90 d, share 0.6", "last talker", "SECON"):
        assert line in shown
    assert run_command("--csv", file, "--half-life", "30,90", "--smallest-share", "0.35,0.6") == (0, shown)
    code, shown = run_command("--csv", file, "--from", "2026-01-11", "--until", "2026-01-12")
    assert "5 calls" in shown


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--half-life", "30,x"], "'30,x' is no list"),
        (["--half-life", "0"], "more than 0"),
        (["--smallest-share", "45"], "between 0 and 1"),
        (["--warm-up", "1"], "--warm-up"),
    ],
)
def test_the_command_refuses_settings_that_make_no_sense(tmp_path: Path, arguments: list[str], problem: str) -> None:
    """With the option's name."""
    code, shown = run_command("--csv", str(written(tmp_path, HEADER)), *arguments)
    assert code == 2
    assert problem in shown


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    """No traceback."""
    code, shown = run_command("--csv", str(written(tmp_path, HEADER, "x,c,anna")))
    assert (code, "line 2" in shown) == (1, True)
    code, shown = run_command("--csv", str(written(tmp_path, HEADER)))
    assert (code, "no calls to test" in shown) == (1, True)


# --- public histories ----------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.exists(), reason=f"the shared change histories are not at {SHARED}")
def test_a_public_history_gives_the_figures_that_were_found_before() -> None:
    """First 20 % learned from, only a day or more after the client's latest: 2,914 calls, last 45.7, frequent 37.9."""
    events = read_csv(SHARED / "history_2.csv.gz")
    chosen = choose(replay(events, RULES), start_at=start_after(events, 0.2), min_gap_days=1)
    found = measure(name_responsible(chosen, 0.45))
    assert (found.calls, round(100 * found.last, 1), round(100 * found.frequent, 1)) == (2914, 45.7, 37.9)
