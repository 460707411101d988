// Saying by hand whose a number is: candidates, a search among all clients, one click.

import * as api from "./api.js";
import { fill, make } from "./dom.js";
import { phone } from "./format.js";
import { say } from "./words.js";

const SEARCH_PAUSE_MS = 200;
const SHORTEST_SEARCH = 2;

/**
 * Return a search among all clients, each with a button that chooses it.
 *
 * @param {Array} candidates - clients to offer before anything is typed.
 * @param {function} choose - called with the client; a promise that fails is told.
 */
export function clientSearch(candidates, choose) {
  const found = make("ul", { class: "rows", "aria-live": "polite" });
  const told = make("p", { role: "status" });
  const tell = (error) => (told.textContent = say("failed_load", { why: error.message }));
  const chosen = async (client, button) => {
    button.disabled = true;
    try {
      await choose(client);
    } catch (error) {
      tell(error);
    }
    button.disabled = false;
  };
  const quiet = (text) => text && make("span", { class: "quiet" }, text);
  const offer = (client) =>
    make(
      "li",
      {},
      make(
        "span",
        {},
        [client.contact_name, client.name].filter(Boolean).join(" — "),
        quiet(client.why ? say(client.why) : (client.phones ?? []).map(phone).join(", ")),
      ),
      make("button", { type: "button", onclick: (event) => chosen(client, event.target) }, say("assign")),
    );
  let waiting;
  const look = async (words) => {
    const isShort = words.trim().length < SHORTEST_SEARCH;
    try {
      const clients = isShort ? candidates : await api.clients(words);
      if (input.value !== words) return;
      fill(found, clients.length || isShort ? clients.map(offer) : make("li", {}, say("found_none")));
    } catch (error) {
      tell(error);
    }
  };
  const input = make("input", {
    type: "search",
    class: "search",
    placeholder: say("search"),
    "aria-label": say("search"),
    autocomplete: "off",
    oninput: () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => look(input.value), SEARCH_PAUSE_MS);
    },
  });
  fill(found, candidates.map(offer));
  return [input, found, told];
}

/**
 * Return what to say with whose a number is.
 *
 * @param {string} number - whose owner is asked for.
 * @param {Array} candidates - clients to offer at once.
 * @param {function} done - called when the number has been assigned; may return a promise.
 */
export function assignment(number, candidates, done) {
  const choose = async (client) => {
    await api.assign({ number, party_id: client.party_id, contact_id: client.contact_id ?? "" });
    await done();
  };
  return make("section", { class: "assignment" }, make("h3", {}, say("candidates")), clientSearch(candidates, choose));
}
