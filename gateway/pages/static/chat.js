// One chat: what was written, the place to answer, and what can be done with it.

import * as api from "./messenger_api.js";
import { clients } from "./api.js";
import { Composer } from "./composer.js";
import { fill, make } from "./dom.js";
import { moment, phone } from "./format.js";
import { line } from "./lines.js";
import { say } from "./words.js";

const SEARCH_PAUSE_MS = 200;

export class Chat {
  /**
   * @param {number} id - chat_id.
   * @param {object} viewer - who looks.
   * @param {object} places - elements `chat` and `side`.
   * @param {object} on - `closed()`, and `titleOf(chat)`.
   */
  constructor(id, viewer, places, on) {
    Object.assign(this, { id, viewer, places, on, data: null, lines: [], hasMore: false });
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
    let told;
    try {
      told = await api.chat(this.id);
    } catch (error) {
      // It went to somebody else, or is not offered any more.
      this.tell(error);
      if (!this.data) this.on.closed();
      return;
    }
    this.data = told.chat;
    const kept = this.lines.filter((one) => one.at < (told.lines[0]?.at ?? ""));
    this.lines = [...kept, ...told.lines];
    if (!kept.length) this.hasMore = told.has_more;
    this.show();
    if (this.data.unread && this.data.owner_id === this.viewer.employee_id && document.hasFocus()) {
      await api.read(this.id).catch(() => {});
    }
  }

  async loadEarlier() {
    const [first] = this.lines;
    const told = await api.lines(this.id, first.at, first.key);
    this.lines = [...told.lines, ...this.lines];
    this.hasMore = told.has_more;
    this.showLines(false);
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
      make("button", { type: "button", class: look, onclick: () => this.change(name) }, say(label));
    fill(
      this.top,
      make("button", { type: "button", class: "back", "aria-label": say("cancel"), onclick: () => this.on.closed() }, "←"),
      make("div", { class: "who" }, make("h2", {}, this.on.titleOf(data)), make("p", { class: "quiet", "data-testid": "chat-state" }, state)),
      make(
        "div",
        { class: "acts" },
        (data.may_take || (data.state === "closed" && data.is_own)) && act("taken", "take", "first"),
        (this.isMine || data.may_take) && make("button", { type: "button", onclick: () => this.askWhom() }, say("hand_over")),
        this.isMine && act("returned", "give_back"),
        (this.isMine || data.may_take) && act("closed", "close_chat"),
      ),
    );
  }

  showLines(followsEnd, isNew = false) {
    const box = this.list;
    const atEnd = isNew || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    const fromEnd = box.scrollHeight - box.scrollTop;
    this.earlier.textContent = say("earlier");
    this.earlier.hidden = !this.hasMore;
    fill(box, this.lines.filter((one) => one.what !== "noted").map((one) => line(one, this)));
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
          await this.try(() => api.note(this.id, text.value.trim()));
          text.value = "";
        },
      },
      text,
      make("button", { type: "submit" }, say("add_comment")),
    );
  }

  searchBox() {
    const found = make("ul", { class: "rows", "aria-live": "polite" });
    let waiting;
    const assign = (client) => this.try(() => api.assign(this.id, client.party_id, client.contact_id));
    const input = make("input", {
      type: "search",
      class: "search",
      placeholder: say("search"),
      "aria-label": say("search"),
      autocomplete: "off",
      oninput: () => {
        clearTimeout(waiting);
        waiting = setTimeout(async () => {
          const words = input.value;
          const list = words.trim().length > 1 ? await clients(words) : [];
          if (input.value !== words) return;
          fill(
            found,
            list.map((client) =>
              make(
                "li",
                {},
                make("span", {}, [client.contact_name, client.name].filter(Boolean).join(" — ")),
                make("button", { type: "button", onclick: () => assign(client) }, say("assign")),
              ),
            ),
          );
        }, SEARCH_PAUSE_MS);
      },
    });
    return [make("h3", {}, say("whose")), input, found];
  }

  async askWhom() {
    const people = await api.colleagues();
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
          fill(this.dialog);
          await this.change("handed_over", { to_employee: whom.value, note: why.value });
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
    await this.try(() => api.change(this.id, { act, ...more }));
  }

  async decide(outboxId, act) {
    await this.try(() => api.decide(this.id, outboxId, act));
  }

  /** Do something and show the chat anew; what goes wrong is said. */
  async try(work) {
    this.told.textContent = "";
    try {
      await work();
    } catch (error) {
      this.tell(error);
    }
    await this.load();
  }

  tell(error) {
    this.told.textContent = error.outcome === "closed_window" ? say("window_closed") : say("failed_load", { why: error.message });
  }
}
