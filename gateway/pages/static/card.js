// The page: which calls are going on, which cards are open, and what happens to them.

import * as api from "./api.js";
import { ClientCard, keyOf } from "./client.js";
import { fill, isTyping, make } from "./dom.js";
import { phone } from "./format.js";
import { onLanguage, showFrame } from "./frame.js";
import { chooseLanguage, currentLanguage, say } from "./words.js";

const MOST_CARDS = 9;
const SETTLE_MS = 150;

const $ = (id) => document.getElementById(id);
const calls = new Map();
let cards = [];
let active = null;
let viewer = null;
let isConnected = false;
let exchange = { is_on: true, reason: "" };
let refreshing;

async function begin() {
  viewer = await api.me();
  exchange = { is_on: viewer.is_exchange_on, reason: viewer.switch_reason };
  chooseLanguage(viewer.language);
  const after = await loadCalls();
  for (const call of calls.values()) if (call.is_mine && call.direction !== "internal") open(call);
  const [pbx_id, ...rest] = (new URLSearchParams(location.search).get("call") ?? "").split("/");
  if (pbx_id && rest.length) open({ pbx_id, call_id: rest.join("/") });
  showAll();
  api.follow(after, {
    call: onEvent,
    reset: loadCalls,
    connected(now) {
      if (now && !isConnected) refreshCalls();
      isConnected = now;
      showStatus();
    },
    switched(now) {
      exchange = now;
      showStatus();
    },
  });
  setInterval(() => cards.forEach((card) => card.tick()), 1000);
}

async function loadCalls() {
  const { last_event_id: last, calls: going } = await api.live();
  calls.clear();
  for (const call of going) calls.set(keyOf(call), call);
  for (const card of cards) {
    const call = calls.get(card.key);
    if (call) card.update(call);
    else if (card.call.state !== "ended") card.update(null);
  }
  showCalls();
  return last;
}

/** Read what is going on, once things have settled. */
function refreshCalls() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => loadCalls().catch(() => refreshCalls()), SETTLE_MS);
}

function onEvent(event) {
  const key = keyOf(event);
  const known = calls.get(key);
  if (event.opens) {
    const card = open({ ...event, state: event.kind === "answered" ? "answered" : "ringing" });
    if (card) opened(card, event);
  }
  const talks = event.kind === "answered" && event.extension;
  const state = { held: "held", resumed: "answered" }[event.kind] ?? (talks ? "answered" : null);
  if (state) {
    const change = { state, ...(talks && { answered_at: known?.answered_at ?? event.at }) };
    cards.find((card) => card.key === key)?.update(change);
  }
  refreshCalls();
}

/** Open the card of a call; null where it is open. */
function open(call) {
  const key = keyOf(call);
  const before = cards.find((card) => card.key === key);
  if (before) return null;
  const card = new ClientCard(call, showTabs);
  cards = [card, ...cards].slice(0, MOST_CARDS);
  // Nobody is torn from what they type, nor from a talk.
  const mayShow = !active || active.call.state === "ended" || (!isTyping() && active.call.state !== "answered");
  if (mayShow || !cards.includes(active)) select(card);
  else showTabs();
  card.loading = card.load();
  return card;
}

async function opened(card, event) {
  $("told").textContent = say("new_card", { who: card.title });
  notify(card, event);
  await card.loading;
  // Two frames later it has been painted.
  requestAnimationFrame(() => requestAnimationFrame(() => api.shown(event.event_id).catch(() => {})));
}

/** Tell of a card outside the page, from one of the open tabs only, where that was allowed before. */
function notify(card, event) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !navigator.locks) return;
  navigator.locks.request(`call-${event.event_id}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    new Notification(card.title, { body: phone(card.number), tag: card.key });
    await new Promise((done) => setTimeout(done, 5000));
  });
}

function select(card) {
  active = card;
  if (card) card.isNew = false;
  showTabs();
  fill($("panel"), card?.element ?? make("p", { class: "empty" }, say("no_cards"), make("br"), waitingWords()));
}

function waitingWords() {
  return viewer?.is_supervisor ? say("waiting_supervisor") : "";
}

function close(card) {
  const place = cards.indexOf(card);
  cards = cards.filter((one) => one !== card);
  select(active === card ? cards[Math.min(place, cards.length - 1)] ?? null : active);
}

function showAll() {
  showFrame(viewer, "card");
  $("calls-title").textContent = say("calls");
  $("help").textContent = say("help");
  $("policy-label").textContent = say("opens");
  for (const option of $("policy").options) option.textContent = say(`${option.value}_policy`);
  $("policy").value = viewer.opens_card_on;
  $("tabs").setAttribute("aria-label", say("cards"));
  showStatus();
  showCalls();
  select(active);
}

function showStatus() {
  const words = isConnected ? (exchange.is_on ? say("connected") : say("off")) : say("reconnecting");
  $("status").dataset.state = isConnected ? (exchange.is_on ? "on" : "off") : "lost";
  $("status-words").textContent = words;
  $("status").title = exchange.is_on ? "" : exchange.reason;
  $("reason").textContent = isConnected && !exchange.is_on ? `${say("off")}: ${exchange.reason}` : "";
}

function showCalls() {
  const rows = [...calls.values()].map((call) =>
    make(
      "li",
      {},
      make(
        "button",
        { type: "button", class: "call", "data-state": call.state, onclick: () => show(call) },
        make("span", { class: "dot", "aria-hidden": "true" }),
        make(
          "span",
          { class: "call-words" },
          make("strong", {}, call.contact_name || call.party_name || phone(call.number) || say(call.direction ?? "hidden")),
          make("span", { class: "quiet" }, `${say(call.state)} · ${who(call)}`),
        ),
      ),
    ),
  );
  fill($("calls"), rows.length ? rows : make("li", { class: "quiet" }, say("no_calls")));
}

function who(call) {
  return call.employees.map((one) => one.name).join(", ") || call.extensions.join(", ") || say(call.direction ?? "in");
}

function show(call) {
  open(call);
  select(cards.find((card) => card.key === keyOf(call)));
}

function showTabs() {
  const fresh = cards.filter((card) => card.isNew).length;
  document.title = `${fresh ? `(${fresh}) ` : ""}${active ? `${active.title} · ` : ""}${say("page_card")}`;
  fill(
    $("tabs"),
    cards.map((card) =>
      make(
        "span",
        { class: "tab", "data-state": card.call.state, "data-new": card.isNew },
        make(
          "button",
          { type: "button", role: "tab", "aria-selected": String(card === active), onclick: () => select(card) },
          make("span", { class: "dot", "aria-hidden": "true" }),
          card.title,
        ),
        make("button", { type: "button", class: "close", "aria-label": say("close"), onclick: () => close(card) }, "×"),
      ),
    ),
  );
}

onLanguage(() => {
  showAll();
  cards.forEach((card) => card.load());
});

$("policy").addEventListener("change", async (event) => {
  try {
    await api.choosePolicy(event.target.value);
    viewer.opens_card_on = event.target.value;
  } catch {
    event.target.value = viewer.opens_card_on;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.altKey && event.code.startsWith("Digit")) {
    const card = cards[Number(event.code.slice(5)) - 1];
    if (!card) return;
    event.preventDefault();
    select(card);
  } else if (event.key === "Escape") {
    if (isTyping()) document.activeElement.blur();
    else if (active) close(active);
  } else if (event.key === "/" && !isTyping()) {
    const search = document.querySelector(".search");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "?" && !isTyping()) {
    $("help").hidden = !$("help").hidden;
  }
});

begin().catch((error) => {
  $("reason").textContent = say("failed_load", { why: error.message });
  setTimeout(() => location.reload(), 5000);
});
