// One chat: what was written, the place to answer, and what can be done with it.

import * as api from "./messenger_api.js";
import { clientSearch } from "./assignment.js";
import { Composer } from "./composer.js";
import { fill, make, refill } from "./dom.js";
import { moment, phone } from "./format.js";
import { line } from "./lines.js";
import { currentLanguage, say } from "./words.js";

export class Chat {
  /**
   * @param {number} id - chat_id.
   * @param {object} viewer - who looks.
   * @param {object} places - elements `chat` and `side`.
   * @param {object} on - `closed()`, `titleOf(chat)`, and `isOpen(chat)`: whether it is the one to be shown.
   */
  constructor(id, viewer, places, on) {
    Object.assign(this, { id, viewer, places, on, data: null, lines: [], hasMore: false, asked: 0 });
    this.list = make("ol", { class: "lines plain", "aria-live": "polite" });
    this.earlier = make("button", { type: "button", class: "earlier", onclick: () => this.loadEarlier() });
    this.told = make("p", { class: "told", role: "status" });
    this.composer = new Composer(this);
    this.dialog = make("div", {});
    this.top = make("header", { class: "card-head" });
    this.facts = make("section", {});
    this.notes = make("section", {});
    // Made once and filled again and again: who types in them is not torn from it.
    this.element = make("article", { class: "chat" }, this.top, this.earlier, this.list, this.told, this.dialog, this.composer.element);
    this.side = [this.facts, make("section", {}, this.searchBox()), this.notes, make("section", {}, this.commentForm())];
  }

  /** Read the chat anew; what is typed stays, and what was scrolled to. */
  async load() {
    const asked = ++this.asked;
    let told;
    try {
      told = await api.chat(this.id);
    } catch (error) {
      if (asked !== this.asked || !this.on.isOpen(this)) return;
      // It went to somebody else, or is not offered any more; why something just failed says more.
      if (!this.told.textContent) this.tell(error);
      if (!this.data) this.on.closed();
      return;
    }
    // An older answer may come after a newer one, or after another chat was opened.
    if (asked !== this.asked || !this.on.isOpen(this)) return;
    this.data = told.chat;
    this.take(told);
    this.show();
    if (this.data.unread && this.data.owner_id === this.viewer.employee_id && document.hasFocus()) {
      await api.read(this.id).catch(() => {});
    }
  }

  /** Keep what was loaded earlier where the latest lines follow it without a gap. */
  take(told) {
    const keys = new Set(told.lines.map((one) => one.key));
    const joint = told.has_more ? this.lines.findIndex((one) => keys.has(one.key)) : -1;
    const first = told.lines[0]?.at ?? "";
    const kept = this.lines.slice(0, Math.max(joint, 0)).filter((one) => one.at <= first);
    this.lines = [...kept, ...told.lines];
    if (!kept.length) this.hasMore = told.has_more;
  }

  async loadEarlier() {
    const [first] = this.lines;
    try {
      const told = await api.lines(this.id, first.at, first.key);
      // Loaded anew or asked twice meanwhile: these lines would stand in the wrong place.
      if (this.lines[0]?.key !== first.key) return;
      this.lines = [...told.lines, ...this.lines];
      this.hasMore = told.has_more;
      this.showLines(false);
    } catch (error) {
      this.tell(error);
    }
  }

  get isMine() {
    return this.data.state === "in_work" && (this.data.is_own || this.viewer.is_supervisor);
  }

  show() {
    if (!this.data) return;
    const isNew = this.places.chat.firstElementChild !== this.element;
    this.composer.show();
    this.showHead();
    this.showSide();
    if (isNew) {
      fill(this.places.chat, this.element);
      fill(this.places.side, this.side);
    }
    this.showLines(true, isNew);
  }

  showHead() {
    const { data } = this;
    const state = data.state === "queue" ? say("in_queue") : data.state === "closed" ? say("is_closed") : say("owner_is", { who: data.owner_name });
    const act = (name, label, look = "") =>
      make("button", { type: "button", class: look, "data-focus": name, onclick: () => this.change(name) }, say(label));
    const mayAct = this.isMine || data.may_take;
    const mayTake = data.may_take || (data.state === "closed" && data.is_own);
    const handOver = { type: "button", "data-focus": "hand_over", onclick: () => this.askWhom() };
    const title = this.on.titleOf(data);
    refill(this.top, [
      {
        key: "back",
        sign: currentLanguage(),
        show: () => make("button", { type: "button", class: "back", "aria-label": say("cancel"), onclick: () => this.on.closed() }, "←"),
      },
      {
        key: "who",
        sign: `${title}\n${state}`,
        show: () =>
          make("div", { class: "who" }, make("h2", {}, title), make("p", { class: "quiet", "data-testid": "chat-state" }, state)),
      },
      {
        key: "acts",
        sign: JSON.stringify([currentLanguage(), mayTake, mayAct, this.isMine]),
        show: () =>
          make(
            "div",
            { class: "acts" },
            mayTake && act("taken", "take", "first"),
            mayAct && make("button", handOver, say("hand_over")),
            this.isMine && act("returned", "give_back"),
            mayAct && act("closed", "close_chat"),
          ),
      },
    ]);
  }

  showLines(followsEnd, isNew = false) {
    const box = this.list;
    const atEnd = isNew || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    const fromEnd = box.scrollHeight - box.scrollTop;
    this.earlier.textContent = say("earlier");
    this.earlier.hidden = !this.hasMore;
    // A moment of today is shown without its day: tomorrow it is shown anew.
    const about = `${currentLanguage()} ${new Date().toDateString()}`;
    refill(
      box,
      this.lines
        .filter((one) => one.what !== "noted")
        .map((one) => ({ key: one.key, sign: about + JSON.stringify(one), show: () => line(one, this) })),
    );
    if (followsEnd && atEnd) box.scrollTop = box.scrollHeight;
    else box.scrollTop = box.scrollHeight - fromEnd;
  }

  showSide() {
    const { data } = this;
    const rows = [
      ["person", data.party_name],
      ["contact", [data.contact_name, data.by_hand && say("by_hand")].filter(Boolean).join(", ")],
      ["number", data.number && make("a", { href: `tel:${data.number}` }, phone(data.number))],
      ["profile", data.name],
      ["username", data.username && `@${data.username}`],
      ["account", data.account],
      ["rule", data.rule],
    ];
    this.unassign.textContent = say("unassign");
    this.unassign.hidden = !data.party_id;
    const notes = this.lines.filter((one) => one.what === "noted");
    const shown = rows.filter(([, value]) => value);
    fill(this.facts, make("dl", { class: "facts" }, shown.map(([name, value]) => [make("dt", {}, say(name)), make("dd", {}, value)])));
    fill(
      this.notes,
      make("h3", {}, say("comment")),
      make(
        "ul",
        { class: "notes plain" },
        notes.map((one) => make("li", {}, make("p", {}, one.note), make("p", { class: "quiet" }, `${one.doer ?? ""}, ${moment(one.at)}`))),
      ),
    );
  }

  commentForm() {
    const text = make("textarea", { rows: 2, placeholder: say("comment_hint"), "aria-label": say("comment_hint"), maxlength: 4000 });
    return make(
      "form",
      {
        class: "note-form",
        onsubmit: async (event) => {
          event.preventDefault();
          if (!text.value.trim()) return;
          if (await this.try(() => api.note(this.id, text.value.trim()))) text.value = "";
        },
      },
      text,
      make("button", { type: "submit" }, say("add_comment")),
    );
  }

  searchBox() {
    const assign = (client) => this.try(() => api.assign(this.id, client.party_id, client.contact_id));
    // Whose contact it is not is known to people, not to numbers.
    this.unassign = make("button", { type: "button", onclick: () => assign({ party_id: "" }) });
    return [make("h3", {}, say("whose")), clientSearch([], assign), this.unassign];
  }

  async askWhom() {
    let people;
    try {
      people = await api.colleagues();
    } catch (error) {
      this.tell(error);
      return;
    }
    const whom = make(
      "select",
      { "aria-label": say("to_whom") },
      people.map((one) =>
        make(
          "option",
          { value: one.employee_id, disabled: one.unavailable !== null && !this.viewer.is_supervisor },
          [one.name, one.department, one.unavailable_text].filter(Boolean).join(", "),
        ),
      ),
    );
    const why = make("input", { placeholder: say("why_handed"), "aria-label": say("why_handed"), maxlength: 1000 });
    const form = make(
      "form",
      {
        class: "hand-over",
        onsubmit: async (event) => {
          event.preventDefault();
          if (await this.change("handed_over", { to_employee: whom.value, note: why.value })) fill(this.dialog);
        },
      },
      whom,
      why,
      make("button", { type: "submit" }, say("hand_over")),
      make("button", { type: "button", onclick: () => fill(this.dialog) }, say("cancel")),
    );
    fill(this.dialog, form);
    whom.focus();
  }

  async change(act, more = {}) {
    return this.try(() => api.change(this.id, { act, ...more }));
  }

  async decide(outboxId, act) {
    await this.try(() => api.decide(this.id, outboxId, act));
  }

  /** Do something and show the chat anew; what goes wrong is said. Return whether it went well. */
  async try(work) {
    this.told.textContent = "";
    let isDone = true;
    try {
      await work();
    } catch (error) {
      isDone = false;
      this.tell(error);
    }
    await this.load();
    return isDone;
  }

  tell(error) {
    this.told.textContent = error.outcome
      ? say(`r_${error.outcome}`, { who: error.owner })
      : say("failed", { why: error.message });
  }
}
