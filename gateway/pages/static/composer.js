// The place to answer: text, a file, or a template with its values.

import * as api from "./messenger_api.js";
import { fill, make } from "./dom.js";
import { moment } from "./format.js";
import { currentLanguage, say } from "./words.js";

const LONGEST_CAPTION = 1024;
const TYPES = "image/jpeg,image/png,application/pdf,text/plain,audio/mpeg,audio/ogg,video/mp4,.doc,.docx,.xls,.xlsx,.pptx";

export class Composer {
  constructor(chat) {
    this.chat = chat;
    this.words = make("p", { "data-testid": "window" });
    this.place = make("div", {});
    this.element = make("div", { class: "composer" }, this.words, this.place);
    this.text = make("textarea", { rows: 2, maxlength: 4096, onkeydown: (event) => this.onKey(event) });
    this.file = make("input", { type: "file", accept: TYPES, hidden: true, onchange: () => this.sendFile() });
    // The same message keeps its key until it is known to be written, so that a second try makes no second one.
    this.tried = { content: null, key: null };
    this.isSending = false;
    this.isTemplateShown = false;
  }

  show() {
    const { data } = this.chat;
    const mayWrite = data.may_take || this.chat.isMine || (data.state === "closed" && data.is_own);
    this.element.hidden = !mayWrite;
    if (!mayWrite) return;
    this.text.placeholder = say("type_text");
    this.text.setAttribute("aria-label", say("type_text"));
    this.words.className = data.is_window_open ? "quiet" : "warning";
    this.words.textContent = data.is_window_open ? say("window_until", { until: moment(data.window_until) }) : say("window_closed");
    const isTemplate = !data.is_window_open || this.isTemplateShown;
    // Who types in a form is not torn from it: it is made anew only where it is another one.
    const shows = `${isTemplate ? "template" : "text"} ${currentLanguage()}`;
    if (this.shows === shows) return;
    this.shows = shows;
    fill(this.place, isTemplate ? this.templateForm() : this.textForm());
  }

  textForm() {
    return make(
      "form",
      {
        class: "text-form",
        onsubmit: (event) => {
          event.preventDefault();
          this.sendText();
        },
      },
      this.text,
      make(
        "div",
        { class: "acts" },
        this.file,
        make("button", { type: "button", onclick: () => this.file.click() }, say("attach")),
        make("button", { type: "button", onclick: () => this.showTemplates(true) }, say("template")),
        make("button", { type: "submit", class: "first" }, say("send")),
      ),
    );
  }

  templateForm() {
    const { data } = this.chat;
    const values = make("div", { class: "values" });
    const choice = make(
      "select",
      {
        "aria-label": say("choose_template"),
        required: true,
        onchange: () => this.showValues(choice.value && data.templates[Number(choice.value)], values),
      },
      make("option", { value: "" }, data.templates.length ? say("choose_template") : say("no_templates")),
      data.templates.map((one, place) => make("option", { value: String(place) }, `${one.name} (${one.language})`)),
    );
    return make(
      "form",
      {
        class: "template-form",
        onsubmit: (event) => {
          event.preventDefault();
          this.sendTemplate(choice.value && data.templates[Number(choice.value)], values);
        },
      },
      choice,
      values,
      make(
        "div",
        { class: "acts" },
        data.is_window_open && make("button", { type: "button", onclick: () => this.showTemplates(false) }, say("cancel")),
        make("button", { type: "submit", class: "first" }, say("send")),
      ),
    );
  }

  showTemplates(isShown) {
    this.isTemplateShown = isShown;
    this.show();
  }

  showValues(template, values) {
    const inputs = Array.from({ length: template ? template.variables : 0 }, (_, place) =>
      make("input", { required: true, placeholder: `{{${place + 1}}}`, "aria-label": `{{${place + 1}}}`, maxlength: 1000 }),
    );
    fill(values, template ? make("p", { class: "quiet" }, template.body) : null, inputs);
    inputs[0]?.focus();
  }

  onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.sendText();
  }

  async sendText() {
    const typed = this.text.value;
    const text = typed.trim();
    if (!text) return;
    await this.send({ text }, (key) => api.write(this.chat.id, { client_key: key, text }), () => this.forget(typed));
    this.text.focus();
  }

  async sendTemplate(template, values) {
    if (!template) return;
    const given = [...values.querySelectorAll("input")].map((input) => input.value.trim());
    const message = { template: template.name, language: template.language, values: given };
    await this.send(message, (key) => api.write(this.chat.id, { client_key: key, ...message }), () => {
      // A form that is filled in still would be sent once more by a second click.
      this.shows = null;
      this.showTemplates(false);
    });
  }

  async sendFile() {
    const [file] = this.file.files;
    if (!file) return;
    // WhatsApp sends a sound without a text: what is typed stays for a message of its own.
    const typed = api.typeOf(file).startsWith("audio/") ? "" : this.text.value;
    const text = typed.trim();
    if (text.length > LONGEST_CAPTION) {
      this.chat.told.textContent = say("long_caption", { most: LONGEST_CAPTION });
    } else {
      const content = { name: file.name, size: file.size, changed: file.lastModified, text };
      await this.send(content, (key) => api.sendFile(this.chat.id, key, file, text), () => this.forget(typed), "uploading");
    }
    this.file.value = "";
  }

  /** Take out of the box what has been sent; what was typed meanwhile stays. */
  forget(sent) {
    const { value } = this.text;
    if (value.startsWith(sent)) this.text.value = value.slice(sent.length);
  }

  async send(content, work, done, words = "") {
    if (this.isSending) return;
    this.isSending = true;
    this.chat.told.textContent = words && say(words);
    const tried = JSON.stringify(content);
    if (this.tried.content !== tried) this.tried = { content: tried, key: api.newKey() };
    try {
      await work(this.tried.key);
      this.tried = { content: null, key: null };
      this.chat.told.textContent = "";
      done();
    } catch (error) {
      // What the gateway refused is not written: whatever is sent next is another message.
      if (error.outcome) this.tried = { content: null, key: null };
      this.chat.tell(error);
    }
    this.isSending = false;
    await this.chat.load();
  }
}
