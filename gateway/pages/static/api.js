// What the page asks the gateway.

import * as gateway from "./request.js";
import { query } from "./request.js";

const ask = (path) => gateway.ask(`/card/api/${path}`);
const send = (method, path, data) => gateway.send(method, `/card/api/${path}`, data);

export const me = () => ask("me");
export const live = () => ask("live");
export const card = (values) => ask(`card?${query(values)}`);
export const clients = (words) => ask(`clients?${query({ q: words })}`);
export const choosePolicy = (policy) => send("PUT", "me", { opens_card_on: policy });
export const assign = (data) => send("POST", "assign", data);
export const shown = (eventId) => send("POST", "shown", { event_id: eventId });

/**
 * Follow the stream of events for good: a stream that ends is opened again after the last event seen.
 *
 * @param {number} after - event_id of the last event known.
 * @param {object} on - `call`, `switched`, `reset` (gives the id to go on from), `connected(isConnected)`.
 */
export function follow(after, on) {
  let last = after;
  let stream;

  function open() {
    stream = new EventSource(`/card/api/events?after=${last}`);
    stream.addEventListener("hello", () => on.connected(true));
    stream.addEventListener("call", (message) => {
      const event = JSON.parse(message.data);
      // A stream that is opened anew may tell again what came last.
      if (event.event_id <= last) return;
      last = event.event_id;
      on.call(event);
    });
    stream.addEventListener("switch", (message) => on.switched(JSON.parse(message.data)));
    stream.addEventListener("reset", async () => {
      stream.close();
      try {
        last = await on.reset();
      } finally {
        setTimeout(open, 1000);
      }
    });
    stream.onerror = () => {
      on.connected(false);
      // The browser gives up where the answer is an error; a gateway that starts again answers some.
      if (stream.readyState === EventSource.CLOSED) setTimeout(check, 1000 + 1000 * Math.random());
    };
  }

  async function check() {
    try {
      await me(); // goes to the log-in where that has ended
    } catch {
      // Whatever it is, the stream is tried again.
    }
    open();
  }

  open();
}
