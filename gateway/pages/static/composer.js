// The place to answer: text, a file, or a template with its values.

import * as api from "./messenger_api.js";
import { fill, make } from "./dom.js";
import { moment } from "./format.js";
import { currentLanguage, say } from "./words.js";

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
    this.key = api.newKey();
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
      { "aria-label": say("choose_template"), onchange: () => this.showValues(choice, values) },
      make("option", { value: "" }, data.templates.length ? say("choose_template") : say("no_templates")),
      data.templates.map((one, place) => make("option", { value: String(place) }, `${one.name} (${one.language})`)),
    );
    return make(
      "form",
      {
        class: "template-form",
        onsubmit: (event) => {
          event.preventDefault();
          this.sendTemplate(data.templates[Number(choice.value)], values);
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

  showValues(choice, values) {
    const template = this.chat.data.templates[Number(choice.value)];
    const inputs = Array.from({ length: template?.variables ?? 0 }, (_, place) =>
      make("input", { required: true, placeholder: `{{${place + 1}}}`, "aria-label": `{{${place + 1}}}`, maxlength: 1000 }),
    );
    fill(values, template && make("p", { class: "quiet" }, template.body), inputs);
    inputs[0]?.focus();
  }

  onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.sendText();
  }

  async sendText() {
    const text = this.text.value.trim();
    if (!text || this.isSending) return;
    await this.send(() => api.write(this.chat.id, { client_key: this.key, text }), () => (this.text.value = ""));
    this.text.focus();
  }

  async sendTemplate(template, values) {
    if (!template) return;
    const given = [...values.querySelectorAll("input")].map((input) => input.value.trim());
    const message = { client_key: this.key, template: template.name, language: template.language, values: given };
    await this.send(() => api.write(this.chat.id, message), () => this.showTemplates(false));
  }

  async sendFile() {
    const [file] = this.file.files;
    if (!file) return;
    this.chat.told.textContent = say("uploading");
    await this.send(() => api.sendFile(this.chat.id, this.key, file, this.text.value.trim()), () => (this.text.value = ""));
    this.file.value = "";
  }

  async send(work, done) {
    this.isSending = true;
    this.chat.told.textContent = "";
    try {
      await work();
      this.key = api.newKey();
      done();
    } catch (error) {
      this.chat.tell(error);
    }
    this.isSending = false;
    await this.chat.load();
  }
}
