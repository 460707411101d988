// One client card: what is known of the client of a call, and the place where an unknown number is assigned.

import * as api from "./api.js";
import { assignment } from "./assignment.js";
import { fill, make } from "./dom.js";
import { duration, moment, phone } from "./format.js";
import { currentLanguage, say } from "./words.js";


/** The card of one call. */
export class ClientCard {
  /**
   * @param {object} call - `pbx_id`, `call_id` and what is known of the call so far.
   * @param {function} changed - called when its name or state changed.
   */
  constructor(call, changed) {
    this.call = { state: "ringing", ...call };
    this.changed = changed;
    this.key = keyOf(call);
    this.isNew = true;
    this.hasFailed = false;
    this.data = null;
    this.head = make("header", { class: "card-head" });
    this.body = make("div", { class: "card-body" });
    this.element = make("article", { class: "card", "aria-label": this.title }, this.head, this.body);
    this.showHead();
    fill(this.body, make("div", { class: "waiting", "aria-hidden": "true" }));
  }

  /** Whose card it is, in one line. */
  get title() {
    const { client, contact } = this.data ?? {};
    const name = client?.name ?? this.call.party_name;
    const person = contact?.name ?? this.call.contact_name;
    // A private client is their own contact.
    return [...new Set([person, name])].filter(Boolean).join(" — ") || phone(this.number) || say("hidden");
  }

  get number() {
    return this.data?.number ?? this.call.number;
  }

  /** Read the card's data; what is typed into the search stays. */
  async load() {
    try {
      this.data = await api.card({ pbx: this.call.pbx_id, call: this.call.call_id, lang: currentLanguage() });
      this.hasFailed = false;
    } catch (error) {
      this.hasFailed = true;
      this.reason = error.message;
    }
    this.showHead();
    this.showBody();
    this.changed();
  }

  /** Take over how the call stands now; null is that it has ended. */
  update(call) {
    const before = this.call.state;
    if (call === null) this.call = { ...this.call, state: "ended", ended_at: this.call.ended_at ?? Date.now() };
    else this.call = { ...this.call, ...call };
    if (before !== this.call.state) this.changed();
    this.showHead();
  }

  /** Let the clock go on. */
  tick() {
    if (this.clock && this.call.answered_at && this.call.state !== "ended") {
      this.clock.textContent = duration((Date.now() - new Date(this.call.answered_at)) / 1000);
    }
  }

  showHead() {
    const { call } = this;
    const end = call.ended_at ?? Date.now();
    const talked = call.answered_at ? duration((end - new Date(call.answered_at)) / 1000) : "";
    this.clock = make("span", { class: "clock" }, talked);
    this.element.setAttribute("aria-label", this.title);
    fill(
      this.head,
      make(
        "div",
        { class: "who" },
        make("h2", {}, this.title),
        make(
          "p",
          { class: "state", "data-state": call.state },
          make("span", { class: "dot", "aria-hidden": "true" }),
          make("span", { "data-testid": "state" }, say(call.state)),
          call.direction && make("span", { class: "quiet" }, say(call.direction)),
          this.clock,
        ),
      ),
      this.data?.crm_url &&
        make("a", { class: "button", href: this.data.crm_url, target: "_blank", rel: "noopener" }, say("open_crm")),
    );
  }

  showBody() {
    if (this.hasFailed) {
      const again = make("button", { type: "button", onclick: () => this.load() }, say("retry"));
      fill(this.body, make("p", { class: "warning" }, say("failed_load", { why: this.reason })), again);
      return;
    }
    const { data } = this;
    const isUnknown = !data.is_known || data.is_ambiguous;
    const documents = data.documents.length ? list(data.documents.map(document_)) : quiet(say("no_documents"));
    const history = data.history.length ? list(data.history.map(past)) : quiet(say("no_history"));
    fill(
      this.body,
      isUnknown && data.number && this.assignment(),
      data.others.length > 0 && section("others", list(data.others.map(otherCall)), "warning"),
      make("div", { class: "left" }, this.facts(), section("documents", documents)),
      section("history", history),
    );
  }

  facts() {
    const { data, call } = this;
    const { responsible } = data;
    const rows = [
      ["company", data.client?.name ?? (data.is_ambiguous ? say("ambiguous") : say(this.number ? "unknown" : "hidden"))],
      ["contact", data.contact?.name],
      ["number", this.number && make("a", { href: `tel:${this.number}` }, phone(this.number))],
      ["did", phone(call.did ?? data.call?.did)],
      [
        "responsible",
        responsible
          ? [
              `${responsible.name}${responsible.extension ? `, ${responsible.extension}` : ""}`,
              quiet([responsible.reason_text, responsible.is_stale && say("stale")].filter(Boolean).join("; ")),
            ]
          : say("nobody"),
      ],
      ["away", !responsible && data.unavailable?.length ? data.unavailable.join("; ") : null],
    ];
    return make(
      "dl",
      { class: "facts" },
      rows.filter(([, value]) => value).map(([name, value]) => [make("dt", {}, say(name)), make("dd", {}, value)]),
    );
  }

  assignment() {
    return assignment(this.data.number, this.data.candidates, async () => {
      await this.load();
      this.body.prepend(make("p", { class: "done", role: "status" }, say("assigned")));
    });
  }
}

/** Name a call among all. */
export function keyOf(call) {
  return `${call.pbx_id}/${call.call_id}`;
}

function section(name, content, look = "") {
  return make("section", { class: look }, make("h3", {}, say(name)), content);
}

function list(items) {
  return make("ul", { class: "rows" }, items);
}

function quiet(text) {
  return text ? make("span", { class: "quiet" }, text) : null;
}

function otherCall(call) {
  const names = call.employees.map((one) => one.name).join(", ") || call.extensions.join(", ");
  return make("li", {}, make("span", {}, names, quiet(phone(call.number))), quiet(say(call.state)));
}

function document_(one) {
  const name = say(one.kind);
  const shown = one.url ? make("a", { href: one.url, target: "_blank", rel: "noopener" }, name) : name;
  return make("li", {}, make("span", {}, shown, quiet(one.employee_name)), quiet(moment(one.at)));
}

function past(one) {
  if (one.type === "message") {
    const words = [one.text || say("message"), quiet([say(one.direction), ...one.employees].join(", "))];
    return make("li", { "data-type": "message" }, make("span", {}, words), quiet(moment(one.at)));
  }
  const talk = one.talk_seconds ? duration(one.talk_seconds) : "";
  return make(
    "li",
    { class: one.needs_attention && "attention" },
    make(
      "span",
      {},
      `${say(one.direction)}, ${say(one.status)}${talk && `, ${talk}`}`,
      one.needs_attention && make("strong", {}, say("attention")),
      quiet((one.employees ?? []).join(", ")),
    ),
    quiet(moment(one.at)),
  );
}
