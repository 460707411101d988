// The list of calls, and one call leg by leg under its row.

import { assignment } from "./assignment.js";
import { fill, make } from "./dom.js";
import { clock, duration, moment, phone } from "./format.js";
import * as api from "./journal_api.js";
import { say } from "./words.js";

const COLUMNS = ["when", "what", "client", "who", "did_line", "wait", "talk", "marks"];

/** The list of calls that filters leave, newest first. */
export class CallList {
  /**
   * @param {Element} place - where it is shown.
   * @param {string} zone - in which times are shown: that of the days one asks for.
   * @param {function} loaded - called with the first calls when they came.
   */
  constructor(place, zone, loaded) {
    this.place = place;
    this.zone = zone;
    this.loaded = loaded;
    this.asked = 0;
  }

  /** Read the list anew. Answers that come after a later question are let go. */
  async load(filters) {
    this.filters = filters;
    const number = ++this.asked;
    this.place.setAttribute("aria-busy", "true");
    try {
      const told = await api.calls(filters);
      if (number !== this.asked) return;
      this.calls = told.calls;
      this.hasMore = told.has_more;
      this.show();
      this.loaded(this.calls);
    } catch (error) {
      if (number === this.asked) fill(this.place, failure(error));
    } finally {
      if (number === this.asked) this.place.removeAttribute("aria-busy");
    }
  }

  /** Let go of what was asked for: something else is to be shown. */
  leave() {
    this.asked++;
  }

  async loadMore(button) {
    button.disabled = true;
    const number = this.asked;
    const { call_day, started_at, pbx_id, linkedid } = this.calls.at(-1);
    try {
      const told = await api.calls(this.filters, { call_day, started_at, pbx_id, linkedid });
      if (number !== this.asked) return;
      const rows = told.calls.map((call) => this.row(call));
      this.body.append(...rows);
      this.calls = [...this.calls, ...told.calls];
      this.hasMore = told.has_more;
      this.showFoot();
      rows[0]?.querySelector(".open").focus();
    } catch (error) {
      if (number !== this.asked) return;
      button.disabled = false;
      this.foot.append(failure(error));
    }
  }

  show() {
    this.body = make("tbody", {}, this.calls.map((call) => this.row(call)));
    this.foot = make("div", { class: "list-foot" });
    const head = make("tr", {}, COLUMNS.map((name) => make("th", { scope: "col", class: `c-${name}` }, say(name))));
    fill(
      this.place,
      make("table", { class: "calls" }, make("thead", {}, head), this.body),
      !this.calls.length && make("p", { class: "empty" }, say("no_calls_found")),
      this.foot,
    );
    this.showFoot();
  }

  showFoot() {
    const more = make("button", { type: "button", onclick: () => this.loadMore(more) }, say("more_calls"));
    const shown = say("calls_shown", { count: this.calls.length });
    document.getElementById("told").textContent = this.calls.length ? shown : say("no_calls_found");
    fill(
      this.foot,
      make("span", { class: "quiet" }, shown),
      this.hasMore && more,
      this.calls.length > 0 && make("a", { class: "button", href: api.fileAddress(this.filters), download: true }, say("export")),
    );
  }

  row(call) {
    const cells = {
      when: make("button", { type: "button", class: "open", "aria-expanded": "false" }, moment(call.started_at, this.zone)),
      what: [
        make("span", { class: "arrow", "data-direction": call.direction, "aria-hidden": "true" }),
        make("span", {}, say(call.status), make("span", { class: "quiet" }, say(call.direction))),
      ],
      client: clientOf(call),
      who: call.employees.map((one) => one.name).join(", ") || call.extensions.join(", "),
      did_line: phone(call.did),
      wait: duration(call.wait_seconds),
      talk: call.talk_seconds ? duration(call.talk_seconds) : "",
      marks: [
        call.first_contact && make("span", { class: "badge first-mark" }, say("first_mark")),
        call.needs_attention && make("span", { class: "badge" }, say("attention")),
        recordingMark(call.recording),
      ],
    };
    const row = make(
      "tr",
      { class: "call-row", "data-status": call.status },
      COLUMNS.map((name) => make("td", { class: `c-${name}`, "data-label": say(name) }, cells[name])),
    );
    row.addEventListener("click", (event) => {
      // Whoever marks a number to copy it does not ask for the call.
      const isMarking = !event.target.closest("button") && String(getSelection());
      if (event.target.closest("a, audio") || isMarking) return;
      this.toggle(row, call, cells.when);
    });
    return row;
  }

  toggle(row, call, button) {
    if (row.nextSibling?.classList?.contains("details")) {
      row.nextSibling.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const cell = make("td", { colspan: COLUMNS.length }, make("p", { class: "quiet" }, say("loading")));
    row.after(make("tr", { class: "details" }, cell));
    button.setAttribute("aria-expanded", "true");
    this.showDetails(cell, call);
  }

  async showDetails(cell, call) {
    try {
      const told = await api.call(call);
      const isUnknown = !told.party_id && told.number && told.direction !== "internal";
      const given = () => fill(place, make("p", { class: "done", role: "status" }, say("assigned")));
      const place = isUnknown && make("div", {}, assignment(told.number, [], given));
      fill(cell, make("section", { "aria-label": say("details") }, legs(told, this.zone), place));
    } catch (error) {
      fill(cell, failure(error));
    }
  }
}

function failure(error) {
  return make("p", { class: "warning", role: "alert" }, say("failed_load", { why: api.reason(error) }));
}

/** Say what there is to hear; nothing where nothing is, and nothing is to come. */
function recordingMark(state) {
  if (!state || state === "none") return null;
  if (state === "pending" || state === "missing") return make("span", { class: "quiet" }, say(`rec_${state}`));
  return make("span", { class: "quiet", role: "img", title: say("listen"), "aria-label": say("listen") }, "▶");
}

function clientOf(call) {
  if (call.direction === "internal") return "";
  const name = [call.contact_name, call.party_name].filter(Boolean).join(" — ");
  const number = call.number ? phone(call.number) : say("hidden");
  const others = { ambiguous: say("ambiguous") };
  return make(
    "span",
    {},
    name || make("span", { class: "quiet" }, others[call.outcome] ?? say("unknown_client")),
    make("span", { class: "quiet" }, number),
  );
}

const LEG_COLUMNS = ["leg_started", "leg_from", "leg_to", "leg_outcome", "talk", "leg_recording"];

function legs(call, zone) {
  const party = (name, number) => (name ? make("span", {}, name, make("span", { class: "quiet" }, phone(number))) : phone(number));
  const row = (leg) => {
    const cells = {
      leg_started: clock(leg.started_at, zone),
      leg_from: party(leg.src_name, leg.src_number),
      leg_to: [party(leg.dst_name, leg.dst_number), leg.is_app && make("span", { class: "quiet" }, say("is_app"))],
      leg_outcome: say(leg.disposition),
      talk: leg.talk_seconds ? duration(leg.talk_seconds) : "",
      leg_recording: recordingOf(call, leg),
    };
    return make("tr", {}, LEG_COLUMNS.map((name) => make("td", { "data-label": say(name) }, cells[name])));
  };
  const head = make("tr", {}, LEG_COLUMNS.map((name) => make("th", { scope: "col" }, say(name))));
  return make("table", { class: "legs" }, make("thead", {}, head), make("tbody", {}, call.legs.map(row)));
}

function recordingOf(call, leg) {
  if (!leg.recording) return "";
  if (leg.recording !== "available" && leg.recording !== "named") return say(`rec_${leg.recording}`);
  const player = make("audio", {
    controls: true,
    preload: "none",
    src: api.recordingAddress(call.pbx_id, leg.leg_id),
    "aria-label": say("listen"),
  });
  const told = make("span", { role: "status" });
  // The element says only that it failed; the gateway says why.
  player.addEventListener("error", async () => {
    const answer = await fetch(player.src, { headers: { Range: "bytes=0-0" } }).catch(() => ({}));
    told.textContent = answer.ok ? say("rec_broken") : api.reason(answer);
  });
  return [player, told];
}
