// Which calls are shown: kept in the page's address, so that a link, a reload and the way back show the same.

import { fill, make } from "./dom.js";
import { phone, weekday } from "./format.js";
import { say } from "./words.js";

const KINDS = ["all", "external", "in", "out", "internal", "missed", "lost"];
const STATUSES = ["accepted", "reached", "no_answer", "lost", "cancelled", "busy", "failed"];
const MARKS = ["first_contact", "needs_attention", "unregistered", "mine"];
/** What only a report or a link sets; each is shown, and can be taken away. */
const DRILLED = ["party", "number", "region", "hour", "weekday", "status", "employee", "did", "pbx"];
const NAMES = ["first_day", "last_day", "kind", "text", ...MARKS, ...DRILLED];
/** As the gateway names the region of numbers that have none. */
const UNKNOWN_REGION = "-";
const TYPING_PAUSE_MS = 150;

/** The filters in the address, those that are empty left out. */
export function readFilters(search = location.search) {
  const given = new URLSearchParams(search);
  return Object.fromEntries(NAMES.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

/** Days from the business day `today`, by what people call them. */
export function periods(today) {
  const day = (number) => {
    const at = new Date(`${today}T12:00:00Z`);
    at.setUTCDate(at.getUTCDate() + number);
    return at.toISOString().slice(0, 10);
  };
  const first = `${today.slice(0, 7)}-01`;
  const endOfLast = day(-Number(today.slice(8)));
  return {
    today: [today, today],
    yesterday: [day(-1), day(-1)],
    last_7: [day(-6), today],
    last_30: [day(-29), today],
    this_month: [first, today],
    last_month: [`${endOfLast.slice(0, 7)}-01`, endOfLast],
  };
}

/** The form over the list, and what a report has set besides. */
export class Filters {
  /**
   * @param {object} places - `form` and `chips`.
   * @param {object} viewer - who looks.
   * @param {object} options - employees, our numbers and servers to choose from.
   * @param {function} changed - called with the new filters.
   */
  constructor(places, viewer, options, changed) {
    this.places = places;
    this.viewer = viewer;
    this.options = options;
    this.changed = changed;
    this.values = {};
    places.form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Take over filters from outside. */
  set(values) {
    clearTimeout(this.typing);
    this.typing = null;
    this.values = values;
    if (this.fields) this.showValues();
  }

  /** Say what a client's key in the filters stands for. */
  tellParty(name) {
    this.partyName = name;
    this.showChips();
  }

  change(more) {
    const values = { ...this.values, ...(this.typing && { text: this.fields.text.value.trim() }), ...more };
    for (const name of Object.keys(values)) if (!values[name] || values[name] === "all") delete values[name];
    this.set(values);
    this.changed(values);
  }

  /** Show the form in the current language. Its fields stay when values change, or the keyboard would lose its place. */
  show() {
    this.fields = {};
    const field = (name, label, tag, attributes, ...children) => {
      const onchange = (event) => event.target.validity.valid && this.change({ [name]: event.target.value });
      this.fields[name] = make(tag, { name, onchange, ...attributes }, ...children);
      return make("label", {}, make("span", {}, say(label)), this.fields[name]);
    };
    const select = (name, label, entries, attributes) =>
      field(name, label, "select", attributes, entries.map(([value, words]) => make("option", { value }, words)));
    const known = periods(this.viewer.today);
    const onperiod = (event) => {
      const [first_day, last_day] = known[event.target.value] ?? ["", ""];
      this.change({ first_day, last_day });
    };
    const period = select("period", "period", [...Object.keys(known), "ever", "own_days"].map((name) => [name, say(name)]), {
      onchange: onperiod,
    });
    this.fields.period.lastChild.disabled = true;
    // A year that is still being typed is one long ago.
    const date = (name, label) => field(name, label, "input", { type: "date", min: "1900-01-01", max: "2200-01-01" });
    this.fields.text = make("input", {
      type: "search",
      name: "text",
      maxlength: 100,
      placeholder: say("find"),
      "aria-label": say("find"),
      autocomplete: "off",
      oninput: () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.change({}), TYPING_PAUSE_MS);
      },
    });
    const mark = (name) => {
      const onchange = (event) => this.change({ [name]: event.target.checked ? "true" : "" });
      this.fields[name] = make("input", { type: "checkbox", name, onchange });
      return make("label", { class: "mark" }, this.fields[name], say(name === "mine" ? "mine_only" : name));
    };
    const { employees, dids, pbxs } = this.options;
    this.places.form.setAttribute("aria-label", say("filters"));
    fill(
      this.places.form,
      period,
      date("first_day", "from"),
      date("last_day", "until"),
      select("kind", "kind", KINDS.map((kind) => [kind === "all" ? "" : kind, say(`kind_${kind}`)])),
      select("status", "status", [["", say("any_status")], ...STATUSES.map((status) => [status, say(status)])]),
      this.viewer.is_supervisor &&
        select("employee", "employee", [["", say("anybody")], ...employees.map((one) => [one.employee_id, one.name])]),
      dids.length > 0 && select("did", "did_line", [["", say("any_line")], ...dids.map((did) => [did, phone(did)])]),
      pbxs.length > 1 && select("pbx", "pbx", [["", say("any_line")], ...pbxs.map((name) => [name, name])]),
      make("div", { class: "find" }, this.fields.text),
      make("fieldset", {}, make("legend", { class: "unseen" }, say("marks")), MARKS.map(mark)),
      make("button", { type: "button", onclick: () => this.reset() }, say("reset")),
    );
    this.showValues();
  }

  /** Show in the form what is set; what is being typed stays as it is. */
  showValues() {
    const { values, fields } = this;
    const known = periods(this.viewer.today);
    const days = [values.first_day ?? "", values.last_day ?? ""];
    const period = Object.keys(known).find((name) => String(known[name]) === String(days)) ?? (days.join("") ? "own_days" : "ever");
    for (const [name, field] of Object.entries(fields)) {
      const value = name === "period" ? period : values[name] ?? "";
      if (field.type === "checkbox") field.checked = value === "true";
      else if (field.value.trim() !== value) field.value = value;
      // What is no choice here has a chip.
      if (field.selectedIndex === -1) field.value = "";
    }
    this.showChips();
  }

  reset() {
    const [first_day, last_day] = periods(this.viewer.today).last_30;
    this.set({});
    this.change({ first_day, last_day });
  }

  /** Show what is set and has no place in the form. */
  showChips() {
    const words = {
      number: phone,
      did: phone,
      party: (value) => this.partyName ?? value,
      region: (value) => (value === UNKNOWN_REGION ? say("unknown_region") : value),
      weekday: (value) => weekday(Number(value)),
      hour: (value) => `${value}:00–${value}:59`,
    };
    const set = DRILLED.filter((name) => this.values[name] && this.fields[name]?.value !== this.values[name]);
    fill(
      this.places.chips,
      set.map((name) => {
        const value = words[name]?.(this.values[name]) ?? this.values[name];
        const what = `${say(name === "did" ? "did_line" : name)}: ${value}`;
        const remove = () => {
          this.change({ [name]: "" });
          (this.places.chips.querySelector("button") ?? this.fields.text).focus();
        };
        return make(
          "li",
          {},
          what,
          make("button", { type: "button", "aria-label": say("remove", { what }), onclick: remove }, "×"),
        );
      }),
    );
  }
}
