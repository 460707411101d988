"""The journal as people use it: a real gateway on a real database, a simulated PBX with recordings, Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from resources.telephony.pbx_recordings import PbxAddress, RestShelf
from resources.telephony.recordings import RecordingShelf
from resources.warehouse import Warehouse
from simulators.mikopbx.rows import RECORDINGS
from tests.fix_gateway import ServedGateway
from tests.fix_journal import LILIA, MONDAY
from tests.fix_simulators import ServedPbx
from tests.rows import leg, load, select

MARCH = "first_day=2026-03-01&last_day=2026-03-31"


@pytest.fixture
def pbx(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    return simulated_pbx()


@pytest.fixture
def recording_shelves(pbx: ServedPbx) -> dict[str, RecordingShelf]:
    return {"office": RestShelf(PbxAddress(pbx.url, pbx.api_key))}


@pytest.fixture
def open_journal(
    gateway: ServedGateway, chief: dict[str, str], open_gateway_page: Callable[..., Page]
) -> Callable[..., Page]:
    """A function that logs a supervisor in and opens the journal of March."""

    def open_page(asked: str = f"view=calls&{MARCH}", **how: Any) -> Page:  # noqa: ANN401
        how = {"is_supervisor": True, "timezone_id": "Europe/Moscow", **how}
        page = open_gateway_page(gateway.url, "boris", "/journal", **how)
        page.goto(f"{gateway.url}/journal?{asked}")
        expect(page.locator("#title")).not_to_be_empty()
        return page

    return open_page


def rows(page: Page) -> Locator:
    return page.locator(".call-row")


def shoot(page: Page, name: str) -> None:
    """Keep a picture where the environment names a folder for them."""
    if folder := os.environ.get("SWITCHBOARD_TEST_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def wait_until_drawn(page: Page, canvas: Locator) -> None:
    """Wait until a canvas shows more than one colour; it is drawn a moment after it is there."""
    colours = "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    for _ in range(100):
        if canvas.evaluate(colours) > 10:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the chart stays blank")


def test_calls_are_found_as_a_name_is_typed(open_journal: Callable[..., Page]) -> None:
    """The list follows what is typed, and the address follows both: a reload shows the same."""
    page = open_journal()
    expect(rows(page)).to_have_count(6)
    shoot(page, "journal")
    page.fill("input[name=text]", "ромаш")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("ООО «Ромашка 100%»")
    page.reload()
    expect(page.locator("input[name=text]")).to_have_value("ромаш")
    expect(rows(page)).to_have_count(2)
    page.fill("input[name=text]", "нет такого")
    expect(page.locator(".empty")).to_have_text("There are no such calls.")


def test_filters_leave_their_calls_and_can_be_reset(open_journal: Callable[..., Page]) -> None:
    """Lost calls, marks, employees."""
    page = open_journal()
    page.select_option("select[name=kind]", "lost")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("lost")
    expect(rows(page)).to_contain_text("needs attention")
    page.select_option("select[name=kind]", "")
    page.check("input[name=mine]")
    expect(rows(page)).to_have_count(4)
    page.select_option("select[name=employee]", label="Анна <Смирнова> & Co")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("select[name=period]")).to_have_value("last_30")


def test_a_call_is_shown_leg_by_leg_and_its_recording_plays(
    open_journal: Callable[..., Page], warehouse: Warehouse, pbx: ServedPbx
) -> None:
    """The sound comes from the PBX, and a click in the middle plays from there."""
    row = leg("mikopbx-rec", MONDAY, LILIA, "202", talk=20)
    row["recordingfile"] = f"{RECORDINGS}/2026/03/02/10/{row['UNIQUEID']}.mp3"
    pbx.pbx.store.finalise([row])
    load(warehouse, [row])
    page = open_journal(f"view=calls&{MARCH}&party=lilia")
    call = rows(page).filter(has=page.locator("[title='Recording of the talk']"))
    call.locator("button.open").press("Enter")
    player = page.locator("audio")
    expect(player).to_be_visible()
    expect(page.locator(".legs tbody tr")).to_contain_text("Борис Кузнецов")
    seconds = player.evaluate(
        "async (audio) => { audio.muted = true; await audio.play(); audio.currentTime = 10;"
        " await new Promise((done) => audio.addEventListener('seeked', done));"
        " return [audio.duration, audio.currentTime]; }"
    )
    assert seconds[0] == pytest.approx(20, abs=0.5)
    assert seconds[1] >= 10
    expect(page.locator("#drill")).to_contain_text("Client: ЗАО Лилия")
    shoot(page, "journal-call")
    asked = [one for one in pbx.pbx.guard.requests if "playback" in one]
    assert asked
    call.locator("button.open").press("Enter")
    expect(player).to_have_count(0)


def test_a_recording_that_went_says_so(open_journal: Callable[..., Page], warehouse: Warehouse, pbx: ServedPbx) -> None:
    """Instead of a player that does nothing."""
    row = leg("mikopbx-gone", MONDAY, LILIA, "202", talk=20, recordingfile=f"{RECORDINGS}/gone.mp3")
    load(warehouse, [row])
    page = open_journal(f"view=calls&{MARCH}&party=lilia&status=accepted")
    rows(page).first.click()
    page.locator("audio").evaluate("(audio) => { audio.muted = true; audio.play().catch(() => {}); }")
    expect(page.locator(".legs [role=status]")).to_have_text("the PBX does not hand over this recording now")


def test_an_unknown_number_is_assigned_from_its_call(open_journal: Callable[..., Page], warehouse: Warehouse) -> None:
    """Find the client, one click: an override stands in the warehouse."""
    page = open_journal(f"view=calls&{MARCH}&unregistered=true")
    rows(page).first.click()
    page.fill(".assignment input", "лилия")
    page.locator(".assignment li", has_text="ЗАО Лилия").get_by_role("button").click()
    expect(page.locator(".details .done")).to_be_visible()
    assert select(warehouse, "SELECT number, party_id FROM number_overrides") == [("+79161112233", "lilia")]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ("periods", "Over time"),
        ("regions", "By region"),
        ("hours", "By hour and weekday"),
        ("lines", "By line"),
        ("employees", "By employee"),
        ("clients", "By client"),
        ("leads", "Leads"),
        ("missed", "Missed and called back"),
    ],
)
def test_every_report_has_a_chart_a_table_and_a_way_to_its_calls(
    open_journal: Callable[..., Page], report: str, words: str
) -> None:
    """The chart is drawn, the table has the figures, a click leads to the calls, and the way back leads back."""
    page = open_journal(f"view=reports&{MARCH}")
    page.get_by_role("button", name=words).click()
    expect(page.get_by_role("button", name=words)).to_have_attribute("aria-pressed", "true")
    canvas = page.locator(".chart canvas").first
    expect(canvas).to_have_attribute("aria-label", f"Chart: {words}. The table below has the same figures.")
    expect(page.locator(".chart + .wide .figures caption").first).to_have_text(words)
    wait_until_drawn(page, canvas)
    shoot(page, f"report-{report}")
    page.locator(".figures a").first.click()
    expect(page.locator("#to-calls")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#view")).not_to_have_attribute("aria-busy", "true")
    page.go_back()
    expect(page.get_by_role("button", name=words)).to_have_attribute("aria-pressed", "true")


def test_a_line_of_a_report_leads_to_exactly_its_calls(open_journal: Callable[..., Page]) -> None:
    """And what was set shows, and can be taken away."""
    page = open_journal(f"view=reports&report=regions&{MARCH}")
    page.get_by_role("link", name="Show calls: St Petersburg").click()
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#drill")).to_contain_text("Region: St Petersburg")
    page.get_by_role("button", name="Remove filter: Region: St Petersburg").click()
    expect(rows(page)).to_have_count(6)


def test_the_list_is_saved_as_a_file(open_journal: Callable[..., Page]) -> None:
    """With the filters that are set."""
    page = open_journal(f"view=calls&{MARCH}&kind=missed")
    with page.expect_download() as told:
        page.get_by_role("link", name="Download CSV").click()
    text = Path(told.value.path()).read_text("utf-8-sig")
    assert told.value.suggested_filename == "calls-2026-03-01.csv"
    assert len(text.splitlines()) == 3


def test_the_page_is_usable_in_russian_by_night_and_on_a_telephone(open_journal: Callable[..., Page]) -> None:
    """Nothing hangs over the edge, and no word is missing."""
    page = open_journal(
        f"view=calls&{MARCH}", viewport={"width": 360, "height": 740}, locale="ru-RU", color_scheme="dark"
    )
    expect(page.locator("#title")).to_have_text("Журнал звонков")
    expect(rows(page)).to_have_count(6)
    shoot(page, "journal-telephone")
    for view in ("calls", "reports"):
        page.locator(f"#to-{view}").click()
        expect(page.locator("#view")).not_to_have_attribute("aria-busy", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shoot(page, "report-telephone")
    words = page.locator("body").inner_text()
    assert not [name for name in ("kind_", "view_", "r_periods", "m_calls") if name in words]


def test_a_gateway_that_is_away_says_so_and_the_list_comes_back(open_journal: Callable[..., Page]) -> None:
    """An error is shown in place of the list, and the next change asks again."""
    page = open_journal()
    page.route("**/journal/api/calls?**", lambda route: route.abort())
    page.check("input[name=mine]")
    expect(page.locator("#view .warning")).to_be_visible()
    page.unroute("**/journal/api/calls?**")
    page.uncheck("input[name=mine]")
    expect(rows(page)).to_have_count(6)


def test_a_list_that_comes_late_does_not_cover_a_report(open_journal: Callable[..., Page]) -> None:
    """What was asked for before is let go."""
    page = open_journal()
    expect(rows(page)).to_have_count(6)
    held: list[Route] = []
    page.route("**/journal/api/calls?**", lambda route: held.append(route))
    page.check("input[name=first_contact]")
    page.locator("#to-reports").click()
    expect(page.locator(".figures")).to_be_visible()
    held[0].continue_()
    page.wait_for_timeout(500)
    expect(page.locator(".figures")).to_be_visible()
    expect(rows(page)).to_have_count(0)


def test_the_keyboard_keeps_its_place(open_journal: Callable[..., Page]) -> None:
    """After a choice in the form, among the tabs, and among the reports."""
    page = open_journal()
    page.locator("select[name=period]").focus()
    page.keyboard.press("Home")
    expect(page.locator("input[name=first_day]")).to_have_value(page.locator("input[name=last_day]").input_value())
    expect(page.locator("select[name=period]")).to_be_focused()
    page.goto(page.url.split("?")[0] + f"?view=calls&{MARCH}")
    expect(rows(page)).not_to_have_count(0)
    page.locator("#to-calls").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#to-reports")).to_be_focused()
    expect(page.locator(".figures")).to_be_visible()
    page.locator("#report-hours").press("Enter")
    expect(page.locator(".week")).to_be_visible()
    expect(page.locator("#report-hours")).to_be_focused()
    page.locator("#to-calls").click()
    page.locator("select[name=status]").select_option("reached")
    expect(rows(page)).to_have_count(2)


def test_a_year_that_is_being_typed_is_not_asked_for(open_journal: Callable[..., Page]) -> None:
    """The field has a date after each digit: the year 2, then 20."""
    page = open_journal()
    expect(rows(page)).to_have_count(6)
    page.locator("input[name=first_day]").press_sequentially("03032026")
    expect(page.locator("input[name=first_day]")).to_have_value("2026-03-03")
    expect(page.locator("input[name=first_day]")).to_be_focused()
    expect(rows(page)).to_have_count(3)


def test_midnight_and_first_contacts_lead_to_their_calls(
    open_journal: Callable[..., Page], warehouse: Warehouse
) -> None:
    """Nought is an hour; and what a report sets shows in the form."""
    load(warehouse, [leg("night", MONDAY.replace(hour=0, minute=30), LILIA, "202")])
    page = open_journal(f"view=reports&report=hours&{MARCH}")
    page.get_by_role("link", name="Show calls: 0:00").click()
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#drill")).to_contain_text("Hour: 0:00")
    page.go_back()
    page.locator("#report-leads").click()
    page.locator("select[name=unit]").select_option("month")
    page.get_by_role("link", name="Show calls: March 2026").click()
    expect(rows(page)).to_have_count(3)
    expect(page.locator("input[name=first_contact]")).to_be_checked()


def test_times_are_of_the_zone_of_the_days_one_asks_for(open_journal: Callable[..., Page]) -> None:
    """A colleague in Vladivostok who asks for Tuesday's calls at ten sees them at ten."""
    page = open_journal("view=calls&first_day=2026-03-03&last_day=2026-03-03&hour=10", timezone_id="Asia/Vladivostok")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".open")).to_contain_text("10:00")
    rows(page).click()
    expect(page.locator(".legs tbody tr")).to_contain_text("10:00:00")


def test_what_went_wrong_is_said_in_the_viewers_language(open_journal: Callable[..., Page]) -> None:
    """Also that days are the wrong way round."""
    page = open_journal("view=calls&kind=odd", locale="ru-RU")
    expect(page.locator("#view .warning")).to_have_text(
        "Не удалось загрузить: отбор в адресе страницы написан с ошибкой"
    )
    page.goto(page.url.split("?")[0] + "?view=reports&first_day=2026-03-31&last_day=2026-03-01")
    expect(page.locator("#view .warning")).to_have_text("Не удалось загрузить: первый день позже последнего")
