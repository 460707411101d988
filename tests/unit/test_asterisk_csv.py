"""CDR files of Asterisk: nothing of them is lost, doubled or taken for what it is not."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.telephony.asterisk_csv import AsteriskCsvSource, read_csv_files, split_bad_rows
from resources.telephony.asterisk_layouts import LAYOUTS
from resources.telephony.asterisk_rows import MAX_LINE_BYTES
from resources.telephony.csv_lines import field_values, scan
from resources.telephony.source import Cursor, Portion, SourceUnavailableError

DATA = Path(__file__).parents[1] / "data" / "asterisk"
MASTER = LAYOUTS[8]
CUSTOM = LAYOUTS[4]
EPOCHS = LAYOUTS[9]
RECORDED = [("Master.csv", MASTER, 426), ("Master_dst_berlin.csv", MASTER, 358), ("cdr_custom_full.csv", EPOCHS, 426)]

Row = dict[str, str]


def rows_of(portions: Iterable[Portion]) -> list[Row]:
    """Read portions the way COPY does."""
    return [
        dict(zip(portion.csv_columns, fields, strict=True))
        for portion in portions
        for fields in csv.reader(io.StringIO(portion.csv_text.decode(), newline=""))
    ]


def recorded(name: str, columns: tuple[str, ...]) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return [dict(zip(columns, fields, strict=True)) for fields in csv.reader(stream)]


def written(rows: Iterable[Row], columns: tuple[str, ...], end: str = "\n") -> bytes:
    """Write rows as cdr_csv does: text quoted, numbers and absent answers bare."""
    text = io.StringIO()
    for row in rows:
        fields = [row.get(name, "") for name in columns]
        text.write(",".join(v if v.isdigit() else '"' + v.replace('"', '""') + '"' for v in fields) + end)
    return text.getvalue().encode()


def source(path: Path, portion_bytes: int = 8 << 20, **options: object) -> AsteriskCsvSource:
    return AsteriskCsvSource("ast", path, zone="Europe/Berlin", portion_bytes=portion_bytes, **options)  # type: ignore[arg-type]


def load(reader: AsteriskCsvSource, cursor: Cursor) -> tuple[list[Row], list[str], Cursor]:
    """Load what is new: its rows, the reasons of refused ones, and the new cursor."""
    portions = list(reader.portions_after(cursor))
    reasons = [row.reason for portion in portions for row in portion.refused]
    return rows_of(portions), reasons, portions[-1].cursor if portions else cursor


@pytest.fixture(name="master")
def fixture_master() -> list[Row]:
    return recorded("Master.csv", MASTER)


@pytest.fixture(name="path")
def fixture_path(tmp_path: Path) -> Path:
    folder = tmp_path / "cdr-csv"
    folder.mkdir()
    return folder / "Master.csv"


# --- rows and layouts -----------------------------------------------------------------------------


@pytest.mark.parametrize("portion_bytes", [1, 700, 5_000, 8 << 20])
@pytest.mark.parametrize(("name", "columns", "count"), RECORDED)
def test_every_recorded_row_comes_through(name: str, columns: tuple[str, ...], count: int, portion_bytes: int) -> None:
    """Whatever the size of a portion, one row included, the rows are those of the file, in its order."""
    portions = list(read_csv_files([DATA / name], portion_bytes=portion_bytes))
    assert rows_of(portions) == recorded(name, columns)
    assert len(rows_of(portions)) == count
    assert not [row for portion in portions for row in portion.refused]


def test_clean_text_is_passed_on_untouched() -> None:
    """A clean file costs no work per row: its bytes go on as they stand."""
    (portion,) = read_csv_files([DATA / "Master.csv"])
    assert portion.csv_text == (DATA / "Master.csv").read_bytes()
    assert portion.first_row_id == 0


@pytest.mark.parametrize("columns", LAYOUTS, ids=lambda columns: f"{len(columns)}_{columns[-1]}")
def test_a_layout_is_told_by_count_and_shape(path: Path, master: list[Row], columns: tuple[str, ...]) -> None:
    """Each layout that cdr_csv and cdr_custom write is known, also where two have the same length."""
    path.write_bytes(written(master, columns))
    rows, reasons, _ = load(source(path), {})
    assert not reasons
    assert rows == [{name: row.get(name, "") for name in columns} for row in master]


def test_options_changed_while_running_make_portions_of_one_layout(path: Path, master: list[Row]) -> None:
    """Rows of different layouts in one file, some of equal length, are each read by their own."""
    layouts = [LAYOUTS[1], LAYOUTS[2], MASTER, LAYOUTS[2], LAYOUTS[0], CUSTOM]
    stretches = [(columns, master[n * 60 : n * 60 + 60]) for n, columns in enumerate(layouts)]
    path.write_bytes(b"".join(written(rows, columns) for columns, rows in stretches))
    for portion_bytes in (1, 3_000, 8 << 20):
        rows, reasons, _ = load(source(path, portion_bytes), {})
        expected = [{name: row[name] for name in columns} for columns, some in stretches for row in some]
        assert not reasons
        assert sorted(map(str, rows)) == sorted(map(str, expected))
    portions = list(source(path).portions_after({}))
    assert len(portions) == 5
    for stored in range(5):
        rest = list(source(path).portions_after(portions[stored].cursor))
        assert {str(row) for row in rows_of(portions[: stored + 1] + rest)} == set(map(str, expected))


def test_a_mapping_given_by_hand_overrides(path: Path, master: list[Row]) -> None:
    """`columns` names the fields of a mapping, `-` leaves one out, other rows are refused."""
    columns = ("uniqueid", "start", "src", "lastdata", "dst", "billsec", "clid")
    path.write_bytes(written(master[:50], columns) + written(master[50:51], MASTER))
    rows, reasons, _ = load(source(path, columns=("uniqueid", "start", "src", "-", "dst", "billsec", "-")), {})
    kept = ("uniqueid", "start", "src", "dst", "billsec")
    assert rows == [{name: row[name] for name in kept} for row in master[:50]]
    assert reasons == ["21 columns, where a known layout has 7"]


def test_a_mapping_with_an_unknown_name_is_refused(path: Path) -> None:
    """A misspelt column is said at once, not loaded as something else."""
    with pytest.raises(ValueError, match="billsecs"):
        source(path, columns=("src", "billsecs"))


# --- broken rows ----------------------------------------------------------------------------------


def broken(master: list[Row], raw: bytes) -> bytes:
    """A file with something broken in its middle."""
    return written(master[:100], MASTER) + raw + written(master[100:], MASTER)


@pytest.mark.parametrize("portion_bytes", [1, 2_000, 8 << 20])
@pytest.mark.parametrize(
    ("raw", "reasons"),
    [
        (b'"a","b\n', ["a quote is opened and never closed"]),
        (b'"a","b\n"c","d\n', ["a quote is opened and never closed"] * 2),
        (b"nonsense\n", ["1 columns, where a known layout has 16, 17, 18, 19, 20, 21, 24"]),
        (b'"",' * 20 + b"1\r2\n", ["a line is broken inside or too long"]),
        (b"\n\n\n", []),
    ],
)
def test_a_broken_row_is_refused_and_its_neighbours_kept(
    path: Path, master: list[Row], raw: bytes, reasons: list[str], portion_bytes: int
) -> None:
    """A row that cannot be read goes to quarantine with its reason and text; none around it suffers."""
    path.write_bytes(broken(master, raw))
    portions = list(source(path, portion_bytes).portions_after({}))
    refused = [row for portion in portions for row in portion.refused]
    assert rows_of(portions) == master
    assert [row.reason for row in refused] == reasons
    assert [line for row in refused for line in row.raw.split("\n")] == [*filter(None, raw.decode().split("\n"))]


def test_a_row_with_foreign_values_is_not_lost(path: Path, master: list[Row]) -> None:
    """The right number of columns with other things in them: refused, here or by the mapping."""
    path.write_bytes(broken(master, b'"x",' * 20 + b"1\n"))
    alone, reasons, _ = load(source(path, 1), {})
    assert alone == master
    assert reasons == ["21 columns, but the values are not where a known layout of so many has them"]
    among_others, reasons, _ = load(source(path), {})
    assert [row["start"] for row in among_others if row not in master] == ["x"]
    assert not reasons


def test_a_row_damaged_by_a_crash_is_refused_and_the_next_one_kept(path: Path, master: list[Row]) -> None:
    """A crash fills what was not yet written with NUL bytes, right up to the next row."""
    whole = written(master[100:101], MASTER)
    path.write_bytes(broken(master[:100] + master[101:], whole[:70] + b"\0" * 4096 + whole))
    rows, reasons, _ = load(source(path), {})
    assert sorted(map(str, rows)) == sorted(map(str, master))
    assert len(reasons) == 1


def test_a_nul_byte_in_a_name_is_dropped(path: Path, master: list[Row]) -> None:
    """PostgreSQL stores no NUL byte; the row is taken without it."""
    path.write_bytes(broken(master, written([{**master[0], "clid": '"Ив\0ан" <101>'}], MASTER)))
    rows, reasons, _ = load(source(path), {})
    assert not reasons
    assert '"Иван" <101>' in [row["clid"] for row in rows]
    assert len(rows) == 427


@pytest.mark.parametrize("portion_bytes", [1, 8 << 20])
def test_a_name_may_hold_line_ends(path: Path, master: list[Row], portion_bytes: int) -> None:
    """A line end inside quotes belongs to the value: it is one row."""
    names = ['"one\ntwo" <1>', '"carriage\rreturn" <2>', '"a\n\n","b\n" <2>', '"\n" <3>']
    more = [{**master[0], "clid": name, "sequence": str(9000 + n)} for n, name in enumerate(names)]
    path.write_bytes(broken(master, written(more, MASTER)))
    rows, reasons, _ = load(source(path, portion_bytes), {})
    assert not reasons
    assert sorted(map(str, rows)) == sorted(map(str, master + more))


def test_windows_line_ends_are_taken(path: Path, master: list[Row]) -> None:
    """A file that went through Windows has carriage returns, which are no part of the last field."""
    path.write_bytes(written(master, MASTER, end="\r\n"))
    (portion,) = source(path).portions_after({})
    assert portion.csv_text == written(master, MASTER)


def test_a_row_in_another_encoding_is_read_in_the_fallback_one(path: Path, master: list[Row]) -> None:
    """Rows are UTF-8; one that is not is taken for cp1251, and the others stay what they are."""
    foreign = written([{**master[0], "clid": '"Отдел продаж" <101>'}], MASTER).decode().encode("cp1251")
    path.write_bytes(broken(master, foreign))
    rows, reasons, _ = load(source(path), {})
    assert not reasons
    assert sorted({row["clid"] for row in rows}) == sorted({*(row["clid"] for row in master), '"Отдел продаж" <101>'})


def test_a_letter_cut_in_half_is_no_other_encoding(path: Path, master: list[Row]) -> None:
    """The server cuts a name at 79 bytes, which may fall inside a letter; the rest stays readable."""
    name = ('"' + "Ы" * 60).encode()[:78]
    row = written([{**master[0], "clid": "NAME"}], MASTER).replace(b"NAME", b'""' + name[1:])
    path.write_bytes(broken(master, row))
    rows, _, _ = load(source(path), {})
    assert [row["clid"] for row in rows if "Ы" in row["clid"]] == ['"' + "Ы" * 38 + "\ufffd"]


def test_an_endless_line_is_refused_in_bounded_pieces(path: Path, master: list[Row]) -> None:
    """Garbage without line ends does not fill the memory, and the rows after it are read."""
    path.write_bytes(broken(master, b"x" * (3 * MAX_LINE_BYTES) + b"\n"))
    rows, reasons, _ = load(source(path, 1_000), {})
    assert rows == master
    assert len(reasons) >= 2


HOSTILE = st.text(st.sampled_from('",\n;\\ab<>()Ю名\u2028'), max_size=12)


@given(
    names=st.lists(HOSTILE, min_size=1, max_size=30),
    columns=st.sampled_from([MASTER, LAYOUTS[0], EPOCHS]),
    portion_bytes=st.integers(1, 4_000),
)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], columns: tuple[str, ...], portion_bytes: int
) -> None:
    """What Asterisk wrote, quotes doubled, comes out as it went in, wherever portions are cut."""
    row = recorded("Master.csv", MASTER)[0]
    rows = [{**row, "clid": name, "lastdata": name[::-1]} for name in names]
    path = tmp_path_factory.mktemp("any") / "Master.csv"
    path.write_bytes(written(rows, columns))
    portions = list(read_csv_files([path], portion_bytes=portion_bytes))
    expected = [{name: row.get(name, "") for name in columns} for row in rows]
    assert sorted(map(str, rows_of(portions))) == sorted(map(str, expected))


def test_lines_after_an_open_quote_are_still_understood() -> None:
    """One broken line does not turn the quotes of all that follow inside out."""
    block = b'"a,b","c",1\n"open,\n"d",2,3\n"e,f"\n'
    lines = scan(block)
    assert lines.fields[[0, 2, 3]].tolist() == [3, 3, 1]
    assert lines.is_odd.tolist() == [False, True, False, False]
    assert field_values(b'"a,b",c,1\n"d,e",",",2\n', scan(b'"a,b",c,1\n"d,e",",",2\n'), 0, 8).tolist() == [
        b"a,b",
        b"d,e",
    ]


# --- following a file -----------------------------------------------------------------------------


@pytest.mark.parametrize("portion_bytes", [1, 4_000, 8 << 20])
def test_a_load_goes_on_from_any_cursor(path: Path, master: list[Row], portion_bytes: int) -> None:
    """A run killed after any portion is carried on: what was stored plus the rest is everything."""
    shutil.copy(DATA / "Master.csv", path)
    reader = source(path, portion_bytes)
    portions = list(reader.portions_after({}))
    for stored in range(0, len(portions), max(1, len(portions) // 10)):
        rest = list(reader.portions_after(portions[stored].cursor))
        assert rows_of(portions[: stored + 1] + rest) == master
        assert reader.look(portions[stored].cursor).has_news == (rest != [])


def test_an_unfinished_row_is_left_for_the_next_load(path: Path, master: list[Row]) -> None:
    """A row that is just being written is taken when it is whole, wherever the write stopped."""
    text = written(master[:40], MASTER) + written([{**master[40], "clid": '"a\nb" <1>'}], MASTER)
    begin = len(written(master[:40], MASTER))
    for stop in range(begin, len(text), 7):
        path.write_bytes(text[:stop])
        rows, reasons, cursor = load(source(path), {})
        assert (rows, reasons) == (master[:40], [])
        assert not source(path).look(cursor).has_news
        path.write_bytes(text)
        rows, reasons, _ = load(source(path), cursor)
        assert [row["clid"] for row in rows] == ['"a\nb" <1>']
        assert not reasons


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(path: Path, master: list[Row]) -> None:
    """Rotation by renaming: rows written between the last load and the rename are not lost."""
    path.write_bytes(written(master[:100], MASTER))
    first, _, cursor = load(source(path), {})
    with path.open("ab") as stream:
        stream.write(written(master[100:150], MASTER))
    path.rename(path.with_name("old-cdrs-of-october"))
    assert source(path).look(cursor).has_news
    second, _, cursor = load(source(path), cursor)
    path.write_bytes(written(master[150:], MASTER))
    third, reasons, cursor = load(source(path), cursor)
    assert (first, second, third) == (master[:100], master[100:150], master[150:])
    assert not reasons
    assert load(source(path), cursor) == ([], [], cursor)


def test_a_file_copied_and_cut_short_is_followed(path: Path, master: list[Row]) -> None:
    """Logrotate's copytruncate: the rest of the old rows is in the copy, the new ones under the old name."""
    path.write_bytes(written(master[:100], MASTER))
    first, _, cursor = load(source(path), {})
    path.with_name("Master.csv.1").write_bytes(written(master[:150], MASTER))
    path.write_bytes(written(master[150:], MASTER))
    second, reasons, _ = load(source(path), cursor)
    assert not reasons
    assert sorted(map(str, first + second)) == sorted(map(str, master))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_rotated_file_compressed_at_once_is_followed(
    path: Path,
    master: list[Row],
    suffix: str,
    pack: object,
) -> None:
    """A file renamed and compressed between two loads is known by its first bytes, and read on."""
    path.write_bytes(written(master[:100], MASTER))
    first, _, cursor = load(source(path), {})
    path.with_name("Master.csv-20251026" + suffix).write_bytes(pack(written(master[:150], MASTER)))  # type: ignore[operator]
    path.unlink()
    path.write_bytes(written(master[150:], MASTER))
    second, reasons, cursor = load(source(path), cursor)
    assert not reasons
    assert sorted(map(str, first + second)) == sorted(map(str, master))
    assert load(source(path), cursor)[0] == []


def test_rotated_files_are_part_of_the_history(path: Path, master: list[Row]) -> None:
    """The first load reads the rotated forms too, oldest first, and nothing else in the folder."""
    for number, (name, rows) in enumerate(
        [("Master.csv.2.gz", master[:100]), ("Master.csv.1", master[100:200]), ("Master.csv", master[200:])]
    ):
        text = written(rows, MASTER)
        file = path.with_name(name)
        file.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    path.with_name("Simple.csv").write_bytes(b"1,2,3\n")
    path.with_name("Master.csv~").write_bytes(b"1,2,3\n")
    assert load(source(path), {})[:2] == (master, [])


def test_a_pattern_names_several_files(path: Path, master: list[Row]) -> None:
    """A pattern stands for what it matches."""
    path.with_name("a.csv").write_bytes(written(master[:100], MASTER))
    path.with_name("b.csv").write_bytes(written(master[100:], MASTER))
    assert sorted(map(str, load(source(path.with_name("?.csv")), {})[0])) == sorted(map(str, master))


@pytest.mark.parametrize("rows", [slice(100, 120), slice(100, 426)], ids=["shorter", "longer"])
def test_a_file_replaced_in_place_is_noticed_and_read(path: Path, master: list[Row], rows: slice) -> None:
    """Emptied and written anew under one name and inode: new rows are read, the gap is said."""
    path.write_bytes(written(master[:100], MASTER))
    _, _, cursor = load(source(path), {})
    path.write_bytes(written(master[rows], MASTER))
    assert source(path).look(cursor).has_news
    again, reasons, cursor = load(source(path), cursor)
    assert again == master[rows]
    assert [reason for reason in reasons if "may be missing" in reason] == reasons != []
    assert load(source(path), cursor)[:2] == ([], [])


def test_an_old_file_removed_after_it_was_read_is_no_loss(path: Path, master: list[Row]) -> None:
    """Logrotate removes the oldest file; it had been read to its end."""
    path.with_name("Master.csv.1").write_bytes(written(master[:100], MASTER))
    path.write_bytes(written(master[100:], MASTER))
    _, _, cursor = load(source(path), {})
    path.with_name("Master.csv.1").unlink()
    assert load(source(path), cursor)[:2] == ([], [])


def test_a_row_never_finished_in_a_rotated_file_is_refused(path: Path, master: list[Row]) -> None:
    """Once a file is out of use, its unfinished last row is all there will be: it is quarantined."""
    old = path.with_name("Master.csv.1")
    path.write_bytes(written(master[:100], MASTER) + b'"trunk","+7')
    os.utime(path, (1_700_000_000, 1_700_000_000))
    _, reasons, cursor = load(source(path), {})
    assert not reasons
    path.rename(old)
    path.write_bytes(written(master[100:], MASTER))
    rows, _, cursor_of_new_file = load(source(path), cursor)
    assert rows == master[100:]
    refused = [row.raw for portion in source(path).portions_after(cursor) for row in portion.refused]
    assert refused == ['"trunk","+7']
    cursor = cursor_of_new_file
    assert load(source(path), cursor)[:2] == ([], [])


def test_a_missing_file_is_an_error_not_an_empty_history(path: Path) -> None:
    """No file at all is a wrong path or a folder not mounted: it is said, with what to do."""
    for ask in (lambda: source(path).look({}), lambda: list(source(path).portions_after({}))):
        with pytest.raises(SourceUnavailableError, match="check the path"):
            ask()


def test_an_unreadable_cursor_starts_anew(path: Path, master: list[Row]) -> None:
    """A cursor of another version is no reason to stop: rows that come twice are known by their keys."""
    path.write_bytes(written(master, MASTER))
    assert load(source(path), {"v": 99, "somewhere": 1})[0] == master


def test_a_look_tells_news_without_reading(path: Path, master: list[Row]) -> None:
    """Nothing written since: nothing to do. A row more: news."""
    path.write_bytes(written(master[:100], MASTER))
    reader = source(path)
    assert reader.look({}).has_news
    _, _, cursor = load(reader, {})
    assert not reader.look(cursor).has_news
    with path.open("ab") as stream:
        stream.write(written(master[100:101], MASTER))
    assert reader.look(cursor).has_news
    assert "Master.csv" in reader.look(cursor).seen


# --- days read again ------------------------------------------------------------------------------


def between(reader: AsteriskCsvSource, start_at: str, end_at: str) -> list[Row]:
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start_at, end_at))
    return rows_of(reader.portions_between(start, end))


@pytest.mark.parametrize("portion_bytes", [1, 3_000, 8 << 20])
def test_calls_of_an_interval_come_whole(path: Path, master: list[Row], portion_bytes: int) -> None:
    """Every leg of each call that has one in the interval, legs outside it included, and no other call."""
    moved = [{**row, "start": row["start"].replace("04:0", f"{int(row['sequence']) % 24:02}:0")} for row in master]
    path.write_bytes(written(moved, MASTER))
    rows = between(source(path, portion_bytes), "2026-11-23 09:00", "2026-11-23 09:30")
    # 10:00 to 10:30 in Berlin, and an hour on either side for the repeated hour of a DST night.
    inside = {row["linkedid"] for row in moved if "2026-11-23 09:00" <= row["start"] < "2026-11-23 11:30"}
    expected = [row for row in moved if row["linkedid"] in inside]
    assert sorted(map(str, rows)) == sorted(map(str, expected))
    assert len({row["start"][11:13] for row in rows}) > 3


def test_without_linkedid_calls_are_what_one_channel_did(path: Path, master: list[Row]) -> None:
    """The layouts before newcdrcolumns have only uniqueid to tell which rows belong together."""
    columns = LAYOUTS[3]
    moved = [{**row, "start": row["start"].replace("04:0", f"{int(row['sequence']) % 24:02}:0")} for row in master]
    path.write_bytes(written(moved, columns))
    rows = between(source(path), "2026-11-23 09:00", "2026-11-23 09:30")
    inside = {row["uniqueid"] for row in moved if "2026-11-23 09:00" <= row["start"] < "2026-11-23 11:30"}
    assert sorted(row["uniqueid"] for row in rows) == sorted(
        row["uniqueid"] for row in moved if row["uniqueid"] in inside
    )


def test_calls_of_an_interval_in_rows_that_need_care(path: Path, master: list[Row]) -> None:
    """Names with line ends, other layouts and rotated files are no obstacle to reading days again."""
    odd = [{**row, "clid": 'x"\n"y'} for row in master[:20]]
    old = path.with_name("Master.csv.1.gz")
    old.write_bytes(gzip.compress(written(master[300:], MASTER)))
    path.write_bytes(written(odd, MASTER) + written(master[20:150], EPOCHS) + written(master[150:300], LAYOUTS[0]))
    rows = between(source(path), "2026-11-22 23:00", "2026-11-23 23:00")
    assert len(rows) == 426
    assert between(source(path), "2026-11-20 00:00", "2026-11-22 00:00") == []


# --- after COPY refused a portion ------------------------------------------------------------------


def test_a_portion_refused_by_copy_is_split(master: list[Row]) -> None:
    """Rows with another number of fields are set aside, the others stay, rewritten well-formed."""
    text = broken(master, b'"short"\n"a","b\n' + b'"x"y,' * 20 + b"1\n")
    portion = split_bad_rows(Portion({"v": 1}, csv_text=text, csv_columns=MASTER, first_row_id=7))
    rows = rows_of([portion])
    assert [row for row in rows if row["sequence"] != "1" or row["src"]] != []
    assert [row for row in rows if row["start"].startswith("2026")] == master
    assert [row.raw for row in portion.refused] == ['"short"', '"a","b']
    assert portion.cursor == {"v": 1}
