// Which calls are shown: kept in the page's address, so that a link, a reload and the way back show the same.

import { fill, make } from "./dom.js";
import { phone, weekday } from "./format.js";
import { say } from "./words.js";

const KINDS = ["all", "external", "in", "out", "internal", "missed", "lost"];
const MARKS = ["first_contact", "needs_attention", "unregistered", "mine"];
/** What only a report or a link sets; each is shown, and can be taken away. */
const DRILLED = ["party", "number", "region", "hour", "weekday", "status", "employee", "did", "pbx"];
const NAMES = ["first_day", "last_day", "kind", "text", ...MARKS, ...DRILLED];
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

  /** Take over filters from outside; what is being typed stays as it is. */
  set(values) {
    this.values = values;
    this.show();
  }

  /** Say what a client's key in the filters stands for. */
  tellParty(name) {
    this.partyName = name;
    this.showChips();
  }

  change(more) {
    const values = { ...this.values, ...more };
    for (const name of Object.keys(values)) if (!values[name] || values[name] === "all") delete values[name];
    this.values = values;
    this.changed(values);
    this.showChips();
  }

  show() {
    const { values } = this;
    const select = (name, label, entries, changed = (value) => this.change({ [name]: value })) =>
      make(
        "label",
        {},
        make("span", {}, say(label)),
        make(
          "select",
          { name, onchange: (event) => changed(event.target.value) },
          entries.map(([value, words]) => make("option", { value, selected: value === (values[name] ?? "") }, words)),
        ),
      );
    const known = periods(this.viewer.today);
    const days = [values.first_day ?? "", values.last_day ?? ""];
    const current = Object.keys(known).find((name) => String(known[name]) === String(days)) ?? (days.join("") ? "own_days" : "ever");
    const period = make(
      "select",
      {
        name: "period",
        onchange: (event) => {
          const [first, last] = known[event.target.value] ?? ["", ""];
          if (event.target.value !== "own_days") this.change({ first_day: first, last_day: last });
          this.show();
        },
      },
      [...Object.keys(known), "ever", "own_days"].map((name) =>
        make("option", { value: name, selected: name === current, disabled: name === "own_days" }, say(name)),
      ),
    );
    const date = (name, label) =>
      make(
        "label",
        {},
        make("span", {}, say(label)),
        make("input", {
          type: "date",
          name,
          value: values[name] ?? "",
          onchange: (event) => {
            this.change({ [name]: event.target.value });
            this.show();
          },
        }),
      );
    let waiting;
    const find = make("input", {
      type: "search",
      name: "text",
      value: values.text ?? "",
      placeholder: say("find"),
      "aria-label": say("find"),
      autocomplete: "off",
      oninput: () => {
        clearTimeout(waiting);
        waiting = setTimeout(() => this.change({ text: find.value.trim() }), TYPING_PAUSE_MS);
      },
    });
    const mark = (name) =>
      make(
        "label",
        { class: "mark" },
        make("input", {
          type: "checkbox",
          name,
          checked: values[name] === "true",
          onchange: (event) => this.change({ [name]: event.target.checked ? "true" : "" }),
        }),
        say(name === "mine" ? "mine_only" : name),
      );
    const { employees, dids, pbxs } = this.options;
    this.places.form.setAttribute("aria-label", say("filters"));
    fill(
      this.places.form,
      make("label", {}, make("span", {}, say("period")), period),
      date("first_day", "from"),
      date("last_day", "until"),
      select("kind", "kind", KINDS.map((kind) => [kind === "all" ? "" : kind, say(`kind_${kind}`)])),
      this.viewer.is_supervisor &&
        select("employee", "employee", [["", say("anybody")], ...employees.map((one) => [one.employee_id, one.name])]),
      dids.length > 0 && select("did", "did_line", [["", say("any_line")], ...dids.map((did) => [did, phone(did)])]),
      pbxs.length > 1 && select("pbx", "pbx", [["", say("any_line")], ...pbxs.map((name) => [name, name])]),
      make("div", { class: "find" }, find),
      make("fieldset", {}, make("legend", { class: "unseen" }, say("marks")), MARKS.map(mark)),
      make("button", { type: "button", onclick: () => this.reset() }, say("reset")),
    );
    this.showChips();
  }

  reset() {
    const [first_day, last_day] = periods(this.viewer.today).last_30;
    this.values = {};
    this.change({ first_day, last_day });
    this.show();
  }

  /** Show what is set and has no place in the form. */
  showChips() {
    const { employees, dids, pbxs } = this.options;
    const inForm = {
      employee: this.viewer.is_supervisor && employees.some((one) => one.employee_id === this.values.employee),
      did: dids.includes(this.values.did),
      pbx: pbxs.length > 1,
    };
    const words = {
      number: phone,
      party: (value) => this.partyName ?? value,
      weekday: (value) => weekday(Number(value)),
      hour: (value) => `${value}:00–${value}:59`,
      status: say,
    };
    const set = DRILLED.filter((name) => this.values[name] && !inForm[name]);
    fill(
      this.places.chips,
      set.map((name) => {
        const value = words[name]?.(this.values[name]) ?? this.values[name];
        const what = `${say(name === "did" ? "did_line" : name)}: ${value}`;
        const remove = () => {
          this.change({ [name]: "" });
          this.show();
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
