// What the messenger's page asks the gateway.

import * as gateway from "./request.js";
import { query } from "./request.js";

const ask = (path, how) => gateway.ask(`/messenger/api/${path}`, how);
const post = (path, data) => gateway.send("POST", `/messenger/api/${path}`, data);

export const me = () => ask("me");
export const chats = (list, before, chat) => ask(`chats?${query({ list, before, before_chat: chat })}`);
export const colleagues = () => ask("colleagues");
export const chat = (id) => ask(`chats/${id}`);
export const lines = (id, before, key) => ask(`chats/${id}/lines?${query({ before, before_key: key })}`);
export const write = (id, message) => post(`chats/${id}/messages`, message);
export const change = (id, data) => post(`chats/${id}/state`, data);
export const note = (id, text) => post(`chats/${id}/notes`, { text });
export const read = (id) => post(`chats/${id}/read`, {});
export const decide = (id, outboxId, act) => post(`chats/${id}/decisions`, { outbox_id: outboxId, act });
export const assign = (id, partyId, contactId) =>
  post(`chats/${id}/contact`, { party_id: partyId, contact_id: contactId ?? "" });
export const fileAddress = (id, messageId, mediaId) =>
  `/messenger/api/chats/${id}/file?${query({ message_id: messageId, media_id: mediaId })}`;

const TYPES = {
  pdf: "application/pdf",
  txt: "text/plain",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
};

/** Return a file's type; where no program for it is installed the browser knows none. */
export function typeOf(file) {
  return file.type || TYPES[file.name.split(".").at(-1).toLowerCase()] || "";
}

export function sendFile(id, key, file, text) {
  return ask(`chats/${id}/files?${query({ client_key: key })}`, {
    method: "POST",
    headers: {
      "Content-Type": typeOf(file),
      "X-File-Name": encodeURIComponent(file.name.toWellFormed?.() ?? file.name),
      "X-Text": encodeURIComponent(text.toWellFormed?.() ?? text),
    },
    body: file,
  });
}

/** Return a key by which the same message, sent twice over a bad line, stays one. */
export function newKey() {
  // randomUUID is there on https and localhost only.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Follow which chats change, for good.
 *
 * @param {object} on - `changed(ids)`, where 0 stands for all; `connected(isConnected)`.
 */
export function follow(on) {
  const stream = new EventSource("/messenger/api/events");
  stream.addEventListener("hello", () => {
    on.connected(true);
    on.changed([0]);
  });
  stream.addEventListener("chats", (message) => on.changed(JSON.parse(message.data).chats));
  stream.onerror = () => {
    on.connected(false);
    if (stream.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
      try {
        await me(); // goes to the log-in where that has ended
      } catch {
        // Whatever it is, the stream is tried again.
      }
      follow(on);
    }, 1000 + 1000 * Math.random());
  };
}
