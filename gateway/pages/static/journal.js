// The page: calls or reports, by filters that stand in the page's address.

import { onLanguage, showFrame } from "./frame.js";
import * as api from "./journal_api.js";
import { CallList } from "./journal_calls.js";
import { Filters, periods, readFilters } from "./journal_filters.js";
import { NAMES, Reports } from "./journal_reports.js";
import "./journal_words.js";
import { query } from "./request.js";
import { chooseLanguage, say } from "./words.js";

const $ = (id) => document.getElementById(id);
const VIEWS = ["calls", "reports"];
let viewer;
let filters;
let list;
let reports;
let state = { view: "calls", report: "periods", unit: "day", filters: {} };

async function begin() {
  viewer = await api.me();
  chooseLanguage(viewer.language);
  filters = new Filters({ form: $("filters"), chips: $("drill") }, viewer, await api.options(), (values) => {
    go({ filters: values }, { isReplaced: true });
  });
  list = new CallList($("view"), viewer.zone, (calls) => filters.tellParty(state.filters.party && calls[0]?.party_name));
  reports = new Reports($("view"), {
    chosen: (report, unit) => go({ report, unit }),
    drilled: (values) => {
      go({ view: "calls", filters: values });
      $("view").focus();
    },
  });
  readAddress();
  filters.set(state.filters);
  showAll();
}

/** Read what the address asks for: the last thirty days where it names nothing. */
function readAddress() {
  const given = new URLSearchParams(location.search);
  const one = (name, known, otherwise) => (known.includes(given.get(name)) ? given.get(name) : otherwise);
  const found = readFilters();
  const [first_day, last_day] = periods(viewer.today).last_30;
  state = {
    view: one("view", VIEWS, "calls"),
    report: one("report", NAMES, "periods"),
    unit: one("unit", ["day", "week", "month"], "day"),
    filters: location.search ? found : { first_day, last_day },
  };
}

/** Go on to another state, with an address of its own; typing and ticking boxes leave one address behind, not many. */
function go(more, { isReplaced = false } = {}) {
  state = { ...state, ...more };
  const { view, report, unit } = state;
  const address = `${location.pathname}?${query({ view, ...(view === "reports" && { report, unit }), ...state.filters })}`;
  history[isReplaced ? "replaceState" : "pushState"](null, "", address);
  if (!isReplaced) filters.set(state.filters);
  load();
}

function load() {
  showViews();
  if (state.view === "calls") {
    reports.leave();
    list.load(state.filters);
  } else {
    list.leave();
    reports.load(state.report, state.unit, state.filters);
  }
}

/** Show which of the tabs is chosen; the arrow keys go from one to the other. */
function showViews() {
  for (const view of VIEWS) {
    const tab = $(`to-${view}`);
    const isChosen = view === state.view;
    tab.textContent = say(`view_${view}`);
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    tab.onclick = () => go({ view });
    tab.onkeydown = (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = VIEWS.find((one) => one !== view);
      $(`to-${other}`).focus();
      go({ view: other });
    };
  }
  $("view").setAttribute("aria-labelledby", `to-${state.view}`);
}

function showAll() {
  showFrame(viewer, "journal");
  // Nothing comes by itself here, so there is no connection to tell of.
  $("status").dataset.state = "on";
  $("status").hidden = true;
  filters.show();
  load();
}

addEventListener("popstate", () => {
  readAddress();
  filters.set(state.filters);
  load();
});
onLanguage(showAll);
$("theme").addEventListener("click", load);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", load);

begin().catch((error) => {
  $("reason").textContent = say("failed_load", { why: api.reason(error) });
});
