// Reports: each as a chart and as a table, and every figure leads to its calls.

import { fill, make } from "./dom.js";
import { count, days, duration, phone, weekday } from "./format.js";
import * as api from "./journal_api.js";
import { say } from "./words.js";

const OUTSIDE = ["calls", "inbound", "answered", "missed", "lost", "outbound", "reached", "talk_seconds"];
const CALLS = [...OUTSIDE.slice(0, -1), "internal", "talk_seconds"];
/** Each call is one of these. */
const PARTS = ["answered", "missed", "outbound", "internal"];
const HOURS = [...Array(24).keys()];
const MOST_BARS = 20;

/** What each report counts, what of it is drawn, and how. */
const REPORTS = {
  periods: { measures: CALLS, drawn: PARTS, before: "calls", isOverTime: true },
  regions: { measures: OUTSIDE, drawn: ["inbound", "outbound"], isFlat: true },
  hours: { measures: CALLS, drawn: PARTS },
  weekdays: { measures: CALLS, drawn: PARTS },
  lines: { measures: ["calls", "answered", "missed", "lost", "talk_seconds"], drawn: ["answered", "missed"], isFlat: true },
  employees: { measures: CALLS, drawn: ["answered", "reached"], isFlat: true },
  clients: { measures: OUTSIDE, drawn: ["inbound", "outbound"], isFlat: true },
  leads: { measures: ["leads", "answered_leads", "lost_leads"], drawn: ["leads", "lost_leads"], isOverTime: true },
  missed: {
    measures: ["missed", "called_back", "reached_after", "needs_attention", "call_back_seconds"],
    drawn: ["missed", "called_back", "reached_after"],
    isOverTime: true,
  },
};

/** The report of hours shows weekdays as well. */
export const NAMES = Object.keys(REPORTS).filter((name) => name !== "weekdays");
const UNITS = ["day", "week", "month"];
const SUMMED = new Set(["calls", "inbound", "answered", "missed", "lost", "outbound", "reached", "internal", "talk_seconds",
  "leads", "answered_leads", "lost_leads", "called_back", "reached_after", "needs_attention"]);

/** One report at a time. */
export class Reports {
  /**
   * @param {Element} place - where it is shown.
   * @param {object} on - `chosen(name, unit)`, and `drilled(filters)` to show the calls of a line.
   */
  constructor(place, on) {
    this.place = place;
    this.on = on;
    this.asked = 0;
    this.charts = [];
  }

  async load(name, unit, filters) {
    Object.assign(this, { name, unit, filters });
    const number = ++this.asked;
    this.place.setAttribute("aria-busy", "true");
    for (const one of NAMES) document.getElementById(`report-${one}`)?.setAttribute("aria-pressed", String(one === name));
    try {
      const told = await api.report(name, unit, filters);
      if (number !== this.asked) return;
      this.told = told;
      this.rows = told.rows;
      this.keepFocus(() => this.show());
    } catch (error) {
      if (number !== this.asked) return;
      this.endCharts();
      const failure = make("p", { class: "warning", role: "alert" }, say("failed_load", { why: api.reason(error) }));
      this.keepFocus(() => fill(this.place, this.choices(), failure));
    } finally {
      if (number === this.asked) this.place.removeAttribute("aria-busy");
    }
  }

  /** Let go of what was asked for: something else is to be shown. */
  leave() {
    this.asked++;
    this.endCharts();
  }

  /** Let go of the charts, which would otherwise go on listening to the window. */
  endCharts() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  /** Show all anew; the keyboard keeps its place among the choices. */
  keepFocus(show) {
    const id = this.place.contains(document.activeElement) && document.activeElement.id;
    show();
    if (id) document.getElementById(id)?.focus();
  }

  show() {
    this.endCharts();
    if (!this.rows.some((row) => SUMMED_OF(row))) {
      fill(this.place, this.choices(), make("p", { class: "empty" }, say("no_rows")));
      return;
    }
    const parts =
      this.name === "hours"
        ? [["hours", byHour(this.rows)], ["weekdays", byWeekday(this.rows)]]
        : [[this.name, this.rows]];
    fill(
      this.place,
      this.choices(),
      this.days(),
      this.totals(),
      this.name === "clients" && make("p", { class: "quiet" }, say("top_clients")),
      this.name === "hours" && this.week(),
    );
    for (const [name, rows] of parts) {
      const canvas = make("canvas", { role: "img", "aria-label": say("chart_of", { what: say(`r_${name}`) }) });
      // Drawn where it stands, for its size.
      this.place.append(make("div", { class: "chart" }, canvas));
      this.draw(canvas, name, rows);
      this.place.append(this.table(name, rows));
    }
  }

  /** The days that are counted, and those they are compared with. */
  days() {
    const days = between(this.told);
    const first = this.rows[0].drill_before;
    const before = first && between({ ...this.rows.at(-1).drill_before, first_day: first.first_day });
    return make("p", { class: "quiet days", role: "status" }, before ? say("days_before", { days, before }) : days);
  }

  choices() {
    const chosen = (name, unit) => this.on.chosen(name, unit);
    const tab = (name) =>
      make(
        "button",
        { type: "button", id: `report-${name}`, "aria-pressed": String(name === this.name), onclick: () => chosen(name, this.unit) },
        say(`r_${name}`),
      );
    const step = (unit) => make("option", { value: unit, selected: unit === this.unit }, say(`unit_${unit}`));
    return make(
      "div",
      { class: "report-choices", role: "group", "aria-label": say("report") },
      NAMES.map(tab),
      REPORTS[this.name].isOverTime &&
        make(
          "select",
          { name: "unit", id: "report-unit", "aria-label": say("unit"), onchange: (event) => chosen(this.name, event.target.value) },
          UNITS.map(step),
        ),
    );
  }

  /** The sums, with those of the period before where the report has them. */
  totals() {
    const { measures } = REPORTS[this.name];
    const sum = (rows, name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
    // A call of two employees stands in the lines of both; and not every client has a line.
    if (this.name === "employees" || this.name === "clients") return null;
    return make(
      "dl",
      { class: "totals" },
      measures
        .filter((name) => SUMMED.has(name))
        .map((name) => {
          const before = this.rows[0].before && sum(this.rows.map((row) => row.before), name);
          return make(
            "div",
            {},
            make("dt", {}, say(`m_${name}`)),
            make("dd", {}, shown(name, sum(this.rows, name))),
            before !== undefined && make("dd", { class: "quiet" }, say("before", { value: shown(name, before) })),
          );
        }),
    );
  }

  table(name, rows) {
    const { measures, before } = REPORTS[name];
    const heads = [say(`k_${name}`), ...measures.map((name) => say(`m_${name}`)), before && say("m_before")];
    const row = (one) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, this.link(one.drill, this.label(name, one))),
        measures.map((measure) => make("td", {}, one[measure] === null ? "" : shown(measure, one[measure]))),
        before && make("td", {}, this.link(one.drill_before, count(one.before[before]), between(one.drill_before))),
      );
    const table = make(
      "table",
      { class: "figures" },
      make("caption", { class: "unseen" }, say(`r_${name}`)),
      make("thead", {}, make("tr", {}, heads.filter(Boolean).map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows.map(row)),
    );
    return wide(say(`r_${name}`), table);
  }

  /** Weekdays by hours; the more calls, the stronger the colour. */
  week() {
    const at = new Map(this.rows.map((row) => [row.key, row]));
    const most = Math.max(...this.rows.map((row) => row.calls));
    const cell = (number, hour) => {
      const one = at.get(`${number}-${String(hour).padStart(2, "0")}`);
      const td = make("td", {}, one && this.link(one.drill, count(one.calls), `${weekday(number)}, ${hour}:00, ${count(one.calls)}`));
      td.style.setProperty("--share", one ? one.calls / most : 0);
      return td;
    };
    return wide(
      say("calls_by_hour"),
      make(
        "table",
        { class: "figures week" },
        make("caption", { class: "unseen" }, say("calls_by_hour")),
        make("thead", {}, make("tr", {}, make("td", {}), HOURS.map((hour) => make("th", { scope: "col" }, hour)))),
        make(
          "tbody",
          {},
          [1, 2, 3, 4, 5, 6, 7].map((number) =>
            make("tr", {}, make("th", { scope: "row" }, weekday(number, "short")), HOURS.map((hour) => cell(number, hour))),
          ),
        ),
      ),
    );
  }

  /** The filters that leave the calls of a line, as they stand in an address. */
  filtersOf(drill) {
    const { first_day, last_day } = this.told;
    const set = Object.entries({ ...this.filters, first_day, last_day, ...drill });
    return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
  }

  link(drill, words, what = words) {
    if (!drill) return words;
    const filters = this.filtersOf(drill);
    const drilled = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.on.drilled(filters);
    };
    const address = `?${new URLSearchParams({ ...filters, view: "calls" })}`;
    return make("a", { href: address, "aria-label": say("show_calls", { what }), onclick: drilled }, words);
  }

  label(name, one) {
    switch (name) {
      case "periods":
      case "leads":
      case "missed":
        return this.unit === "month"
          ? new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", year: "numeric", timeZone: "UTC" }).format(
              new Date(`${one.key}T12:00:00Z`),
            )
          : between(one.drill);
      case "regions":
        return one.key || say("unknown_region");
      case "hours":
        return `${one.key}:00`;
      case "weekdays":
        return weekday(one.key);
      case "lines":
        return phone(one.key);
      case "clients":
        return one.name ?? phone(one.key);
      default:
        return one.key;
    }
  }

  draw(canvas, name, rows) {
    const { drawn, before, isFlat } = REPORTS[name];
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(name).trim();
    const colours = { missed: "--ringing", lost_leads: "--ringing", answered: "--talking", called_back: "--held", outbound: "--accent",
      inbound: "--talking", internal: "--over" };
    const others = ["--accent", "--talking", "--held"];
    const bars = rows.slice(0, isFlat ? MOST_BARS : undefined);
    const isStacked = !["leads", "missed"].includes(name);
    const sets = drawn.map((measure, place) => ({
      label: say(`m_${measure}`),
      data: bars.map((row) => row[measure]),
      backgroundColor: ink(colours[measure] ?? others[place]),
      stack: isStacked ? "calls" : measure,
    }));
    if (before) {
      sets.push({
        type: "line",
        label: `${say("m_calls")}: ${say("m_before").toLowerCase()}`,
        data: bars.map((row) => row.before[before]),
        borderColor: ink("--ink"),
        backgroundColor: ink("--ink"),
        borderDash: [4, 4],
        pointRadius: 2,
        stack: "before",
        // Over the bars, which would hide it.
        order: -1,
      });
    }
    if (isFlat) canvas.parentElement.style.height = `${Math.max(8, bars.length * 1.9 + 5)}rem`;
    const axis = { grid: { color: ink("--line") }, ticks: { color: ink("--faint") } };
    const chart = new Chart(canvas, {
      type: "bar",
      data: { labels: bars.map((row) => this.label(name, row)), datasets: sets },
      options: {
        indexAxis: isFlat ? "y" : "x",
        responsive: true,
        maintainAspectRatio: false,
        animation: false,
        scales: {
          x: { ...axis, stacked: isStacked, beginAtZero: true },
          y: { ...axis, stacked: isStacked, beginAtZero: true },
        },
        plugins: { legend: { labels: { color: ink("--ink") } } },
        onClick: (_event, elements) => {
          const one = elements.length > 0 && bars[elements[0].index];
          if (one?.drill) this.on.drilled(this.filtersOf(one.drill));
        },
      },
    });
    this.charts.push(chart);
  }
}

const SUMMED_OF = (row) => (row.calls ?? row.leads ?? row.missed) || row.before?.calls;

const between = ({ first_day, last_day }) => days(first_day, last_day);

const byHour = (rows) => HOURS.map((hour) => summed(hour, { hour }, rows.filter((one) => one.hour === hour)));

const byWeekday = (rows) =>
  [1, 2, 3, 4, 5, 6, 7].map((number) => summed(number, { weekday: number }, rows.filter((one) => one.weekday === number)));

function summed(key, drill, rows) {
  const sums = CALLS.map((name) => [name, rows.reduce((total, row) => total + row[name], 0)]);
  return { key, drill, ...Object.fromEntries(sums) };
}

/** A table that may be wider than the window: the keyboard moves it, too. */
function wide(name, table) {
  return make("div", { class: "wide", role: "region", tabindex: 0, "aria-label": name }, table);
}

function shown(name, value) {
  return name.endsWith("_seconds") ? duration(value) : count(value);
}
