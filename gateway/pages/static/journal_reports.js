// Reports: each as a chart and as a table, and every figure leads to its calls.

import { fill, make } from "./dom.js";
import { count, day, duration, phone, weekday } from "./format.js";
import * as api from "./journal_api.js";
import { say } from "./words.js";

const CALLS = ["calls", "inbound", "answered", "missed", "lost", "outbound", "reached", "talk_seconds"];
const HOURS = [...Array(24).keys()];
const MOST_BARS = 20;

/** What each report counts, what of it is drawn, and how. */
const REPORTS = {
  periods: { measures: CALLS, drawn: ["answered", "missed", "reached"], before: "calls", isOverTime: true },
  regions: { measures: CALLS, drawn: ["inbound", "outbound"], isFlat: true },
  hours: { measures: CALLS, drawn: ["answered", "missed", "outbound"] },
  lines: { measures: ["calls", "answered", "missed", "lost", "talk_seconds"], drawn: ["answered", "missed"], isFlat: true },
  employees: { measures: CALLS, drawn: ["answered", "reached"], isFlat: true },
  clients: { measures: CALLS, drawn: ["inbound", "outbound"], isFlat: true },
  leads: { measures: ["leads", "answered_leads", "lost_leads"], drawn: ["leads", "lost_leads"], isOverTime: true },
  missed: {
    measures: ["missed", "called_back", "reached_after", "needs_attention", "call_back_seconds"],
    drawn: ["missed", "called_back", "reached_after"],
    isOverTime: true,
  },
};

export const NAMES = Object.keys(REPORTS);
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
  }

  async load(name, unit, filters) {
    Object.assign(this, { name, unit, filters });
    const number = ++this.asked;
    this.place.setAttribute("aria-busy", "true");
    try {
      const told = await api.report(name, unit, filters);
      if (number !== this.asked) return;
      this.rows = told.rows;
      this.show();
    } catch (error) {
      if (number !== this.asked) return;
      this.endChart();
      fill(this.place, this.choices(), make("p", { class: "warning" }, say("failed_load", { why: error.message })));
    } finally {
      if (number === this.asked) this.place.removeAttribute("aria-busy");
    }
  }

  /** Let go of the chart, which would otherwise go on listening to the window. */
  endChart() {
    this.chart?.destroy();
    this.chart = null;
  }

  show() {
    this.endChart();
    if (!this.rows.some((row) => SUMMED_OF(row))) {
      fill(this.place, this.choices(), make("p", { class: "empty" }, say("no_rows")));
      return;
    }
    const canvas = make("canvas", { role: "img", "aria-label": say("chart_of", { what: say(`r_${this.name}`) }) });
    fill(
      this.place,
      this.choices(),
      this.totals(),
      make("div", { class: "chart", "data-shape": REPORTS[this.name].isFlat ? "flat" : "tall" }, canvas),
      this.name === "hours" ? this.week() : this.table(),
    );
    this.draw(canvas);
  }

  choices() {
    const chosen = (name, unit) => this.on.chosen(name, unit);
    const tab = (name) =>
      make(
        "button",
        { type: "button", "aria-pressed": String(name === this.name), onclick: () => chosen(name, this.unit) },
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
          { name: "unit", "aria-label": say("unit"), onchange: (event) => chosen(this.name, event.target.value) },
          UNITS.map(step),
        ),
    );
  }

  /** The sums, with those of the period before where the report has them. */
  totals() {
    const { measures } = REPORTS[this.name];
    const sum = (rows, name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
    // A call of two employees stands in the lines of both.
    if (this.name === "employees") return null;
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

  table() {
    const { measures, before } = REPORTS[this.name];
    const heads = [say(`k_${this.name}`), ...measures.map((name) => say(`m_${name}`)), before && say("m_before")];
    const row = (one) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, this.link(one, this.label(one))),
        measures.map((name) => make("td", {}, one[name] === null ? "" : shown(name, one[name]))),
        before && make("td", { class: "quiet" }, count(one.before[before])),
      );
    return make(
      "table",
      { class: "figures" },
      make("thead", {}, make("tr", {}, heads.filter(Boolean).map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, this.rows.map(row)),
    );
  }

  /** Weekdays by hours; the more calls, the stronger the colour. */
  week() {
    const at = new Map(this.rows.map((row) => [row.key, row]));
    const most = Math.max(...this.rows.map((row) => row.calls));
    const cell = (number, hour) => {
      const one = at.get(`${number}-${String(hour).padStart(2, "0")}`);
      const td = make("td", {}, one && this.link(one, count(one.calls), `${weekday(number)}, ${hour}:00`));
      td.style.setProperty("--share", one ? one.calls / most : 0);
      return td;
    };
    return make(
      "div",
      { class: "wide" },
      make(
        "table",
        { class: "figures week" },
        make("thead", {}, make("tr", {}, make("th", {}), HOURS.map((hour) => make("th", { scope: "col" }, hour)))),
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

  link(one, words, what = words) {
    if (!one.drill) return words;
    const drilled = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.on.drilled({ ...this.filters, ...one.drill });
    };
    const address = `?${new URLSearchParams({ ...this.filters, ...one.drill, view: "calls" })}`;
    return make("a", { href: address, "aria-label": say("show_calls", { what }), onclick: drilled }, words);
  }

  label(one) {
    switch (this.name) {
      case "periods":
      case "leads":
      case "missed":
        return this.unit === "month"
          ? new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", year: "numeric", timeZone: "UTC" }).format(
              new Date(`${one.key}T12:00:00Z`),
            )
          : day(one.key);
      case "regions":
        return one.key || say("unknown_region");
      case "lines":
        return phone(one.key);
      case "clients":
        return one.name ?? phone(one.key);
      default:
        return one.key;
    }
  }

  draw(canvas) {
    const { drawn, before, isFlat } = REPORTS[this.name];
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(name).trim();
    const colours = { missed: "--ringing", lost_leads: "--ringing", answered: "--talking", called_back: "--held" };
    const others = ["--accent", "--talking", "--held"];
    const rows = this.name === "hours" ? byHour(this.rows) : this.rows.slice(0, isFlat ? MOST_BARS : undefined);
    const isStacked = !["leads", "missed"].includes(this.name);
    const sets = drawn.map((name, place) => ({
      label: say(`m_${name}`),
      data: rows.map((row) => row[name]),
      backgroundColor: ink(colours[name] ?? others[place]),
      stack: isStacked ? "calls" : name,
    }));
    if (before) {
      sets.push({
        type: "line",
        label: `${say("m_calls")}: ${say("m_before").toLowerCase()}`,
        data: rows.map((row) => row.before[before]),
        borderColor: ink("--faint"),
        backgroundColor: ink("--faint"),
        borderDash: [4, 4],
        pointRadius: 2,
        stack: "before",
      });
    }
    if (isFlat) canvas.parentElement.style.height = `${Math.max(8, rows.length * 1.9 + 5)}rem`;
    const axis = { grid: { color: ink("--line") }, ticks: { color: ink("--faint") } };
    this.chart = new Chart(canvas, {
      type: "bar",
      data: { labels: rows.map((row) => (this.name === "hours" ? row.key : this.label(row))), datasets: sets },
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
          const one = elements.length > 0 && rows[elements[0].index];
          if (one?.drill) this.on.drilled({ ...this.filters, ...one.drill });
        },
      },
    });
  }
}

const SUMMED_OF = (row) => (row.calls ?? row.leads ?? row.missed) || row.before?.calls;

function byHour(rows) {
  return HOURS.map((hour) => {
    const total = { key: String(hour), drill: { hour }, answered: 0, missed: 0, outbound: 0 };
    for (const row of rows.filter((one) => one.hour === hour)) {
      for (const name of ["answered", "missed", "outbound"]) total[name] += row[name];
    }
    return total;
  });
}

function shown(name, value) {
  return name.endsWith("_seconds") ? duration(value) : count(value);
}
