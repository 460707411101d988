// What stands in a chat, line by line.

import { fileAddress } from "./messenger_api.js";
import { make } from "./dom.js";
import { moment, phone } from "./format.js";
import { say } from "./words.js";

const MARKS = { accepted: "·", sent: "✓", delivered: "✓✓", read: "✓✓", played: "✓✓" };
const SHOWN_PICTURES = new Set(["image/jpeg", "image/png", "image/webp"]);

/** Return a line: a message, what waits in the outbox, or what was done with the chat. */
export function line(one, chat) {
  return one.type === "event" ? happened(one) : message(one, chat);
}

function happened(one) {
  const isByEmployee = one.what === "reopened" && one.doer;
  const words = isByEmployee ? say("reopened_by", one) : say(`e_${one.what}`, one);
  return make("li", { class: "event" }, make("span", {}, words, one.note && one.what === "handed_over" ? `: ${one.note}` : ""), make("span", { class: "quiet" }, moment(one.at)));
}

function message(one, chat) {
  const isOpen = one.type === "waiting" && ["unknown", "failed", "needs_template"].includes(one.status);
  return make(
    "li",
    { class: `message ${one.direction}`, "data-status": one.status, "data-type": one.type },
    one.is_forwarded && make("p", { class: "quiet" }, say("forwarded")),
    one.quoted && make("blockquote", {}, one.quoted.text || say(`k_${one.quoted.kind}`)),
    one.is_revoked ? make("p", { class: "quiet" }, say("revoked")) : content(one, chat),
    one.reactions.length > 0 && make("p", { class: "reactions" }, one.reactions.join(" ")),
    make(
      "p",
      { class: "quiet meta" },
      [one.author, moment(one.at), one.is_edited && say("edited")].filter(Boolean).join(", "),
      one.direction === "out" && make("span", { class: "mark", title: say(`s_${one.status}`) }, MARKS[one.status] ?? say(`s_${one.status}`)),
    ),
    (one.status === "failed" || isOpen) && one.error && make("p", { class: "trouble" }, one.error),
    isOpen &&
      make(
        "p",
        { class: "acts" },
        make("button", { type: "button", "data-focus": "again", onclick: () => chat.decide(one.outbox_id, "again") }, say("again")),
        make("button", { type: "button", onclick: () => chat.decide(one.outbox_id, "cancel") }, say("leave_it")),
      ),
    one.type === "waiting" &&
      one.status === "queued" &&
      make("p", { class: "acts" }, make("button", { type: "button", onclick: () => chat.decide(one.outbox_id, "cancel") }, say("leave_it"))),
  );
}

function content(one, chat) {
  const parts = [...one.files.map((file) => media(file, one, chat))];
  if (one.location?.latitude !== undefined) parts.push(place(one.location));
  for (const card of one.contacts) {
    parts.push(make("p", {}, make("strong", {}, card.name), make("span", { class: "quiet" }, ` ${card.organization} ${card.phones.map(phone).join(", ")}`)));
  }
  if (one.products.length) {
    parts.push(make("ul", {}, one.products.map((item) => make("li", {}, `${item.product_id} × ${item.quantity} — ${item.price} ${item.currency}`))));
  }
  if (one.template) parts.push(make("p", {}, `${say("template")}: ${one.template}${one.template_values?.length ? ` (${one.template_values.join(", ")})` : ""}`));
  if (one.text) parts.push(make("p", { class: "text" }, one.text));
  if (!parts.length) parts.push(make("p", { class: "quiet" }, one.file_name || say(`k_${one.kind}`)));
  return parts;
}

function media(file, one, chat) {
  const name = file.file_name || say(`k_${one.kind}`);
  if (file.state !== "kept") return make("p", { class: "quiet" }, `${name}: ${say(`file_${file.state}`)}`);
  const address = fileAddress(chat.id, one.message_id, file.media_id);
  const type = file.mime_type.split(";")[0];
  if (SHOWN_PICTURES.has(type)) return make("a", { href: address, target: "_blank", rel: "noopener" }, make("img", { src: address, alt: name, loading: "lazy" }));
  if (type.startsWith("audio/")) return make("audio", { src: address, controls: true, preload: "none" });
  if (type === "video/mp4") return make("video", { src: address, controls: true, preload: "none" });
  return make("p", {}, make("a", { href: address, target: "_blank", rel: "noopener" }, name));
}

function place(where) {
  const address = `https://www.openstreetmap.org/?mlat=${Number(where.latitude)}&mlon=${Number(where.longitude)}#map=16/${Number(where.latitude)}/${Number(where.longitude)}`;
  return make("p", {}, [where.name, where.address].filter(Boolean).join(", "), " ", make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, say("map")));
}
