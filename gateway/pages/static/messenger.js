// The page: lists of chats, the chat that is open, and who it is with.

import * as api from "./messenger_api.js";
import "./messenger_words.js";
import { Chat } from "./chat.js";
import { fill, make, refill } from "./dom.js";
import { moment, phone } from "./format.js";
import { onLanguage, showFrame } from "./frame.js";
import { chooseLanguage, currentLanguage, say } from "./words.js";

const SETTLE_MS = 250;
const AGAIN_MS = 3000;
// Who is at work, and whose 24 hours are over, changes by the clock: nothing tells of it.
const LOOK_MS = 60_000;

const $ = (id) => document.getElementById(id);
let viewer = null;
let list = "queue";
let rows = [];
let hasMore = false;
let counts = { queue: 0, mine: 0, mine_unread: 0 };
let open = null;
/** Chats that were opened, by their id: what is typed in one stays. */
const opened = new Map();
let isConnected = false;
let isLoaded = false;
let waiting;
const changed = new Set();

async function begin() {
  viewer = await api.me();
  counts = viewer;
  chooseLanguage(viewer.language);
  if (!viewer.queue && viewer.mine) list = "mine";
  showAll();
  const asked = Number(new URLSearchParams(location.search).get("chat"));
  if (asked) await show(asked);
  api.follow({
    changed: onChanged,
    connected(now) {
      isConnected = now;
      showStatus();
    },
  });
  setInterval(() => onChanged([0]), LOOK_MS);
  // A chat counts as read when its owner looks.
  addEventListener("focus", () => onChanged([0]));
}

/** Read anew what is shown, once things have settled. */
function onChanged(ids, pause = SETTLE_MS) {
  for (const id of ids) changed.add(id);
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const seen = new Set(changed);
    changed.clear();
    try {
      await loadList();
      if (open && (seen.has(0) || seen.has(open.id))) await open.load();
    } catch {
      onChanged([...seen], AGAIN_MS);
    }
  }, pause);
}

async function loadList() {
  const asked = list;
  const told = await api.chats(asked);
  if (asked !== list) return;
  const unread = new Map(rows.map((chat) => [chat.chat_id, chat.unread]));
  const fresh = isLoaded && told.chats.find((chat) => chat.unread > (unread.get(chat.chat_id) ?? 0));
  ({ chats: rows, has_more: hasMore } = told);
  counts = told;
  isLoaded = true;
  if (fresh) $("told").textContent = say("new_message", { who: titleOf(fresh) });
  showLists();
}

async function loadMore() {
  const asked = list;
  const last = rows.at(-1);
  const told = await api.chats(list, list === "queue" ? last.opened_at : last.last_message_at, String(last.chat_id));
  if (asked !== list || rows.at(-1)?.chat_id !== last.chat_id) return;
  rows = [...rows, ...told.chats];
  hasMore = told.has_more;
  showLists();
}

function showAll() {
  showFrame(viewer, "messenger");
  $("more").textContent = say("more");
  $("reason").textContent = viewer.accounts.length ? "" : say("no_account");
  showStatus();
  showLists();
  if (open) open.show();
  else fill($("chat"), make("p", { class: "empty" }, say("choose_chat")));
}

function showStatus() {
  $("status").dataset.state = isConnected ? "on" : "lost";
  $("status-words").textContent = say(isConnected ? "connected" : "reconnecting");
}

function showLists() {
  const names = ["queue", "mine", ...(viewer.is_supervisor ? ["everybody"] : []), "closed"];
  const badge = { queue: counts.queue, mine: counts.mine_unread };
  document.title = `${counts.mine_unread ? `(${counts.mine_unread}) ` : ""}${say("page_messenger")}`;
  refill(
    $("lists"),
    names.map((name) => ({
      key: name,
      sign: [currentLanguage(), name === list, badge[name]].join(" "),
      show: () =>
        make(
          "button",
          { type: "button", role: "tab", "data-focus": "tab", "aria-selected": String(name === list), onclick: () => choose(name) },
          say(name),
          badge[name] ? make("span", { class: "badge" }, String(badge[name])) : null,
        ),
    })),
  );
  const about = [currentLanguage(), new Date().toDateString(), list].join(" ");
  const shown = rows.map((chat) => ({
    key: chat.chat_id,
    sign: about + (open?.id === chat.chat_id) + JSON.stringify(chat),
    show: () => row(chat),
  }));
  const empty = { key: "empty", sign: about, show: () => make("li", { class: "quiet" }, say(`no_chats_${list}`)) };
  refill($("chats"), shown.length ? shown : [empty]);
  $("more").hidden = !hasMore;
}

function row(chat) {
  const words = chat.last_text || (chat.last_kind ? say(`k_${chat.last_kind}`) : "");
  const mine = chat.last_direction === "out" ? `${say("you")}: ` : "";
  const since = list === "queue" ? say("waits_since", { since: moment(chat.opened_at) }) : moment(chat.last_message_at);
  return make(
    "li",
    {},
    make(
      "button",
      {
        type: "button",
        class: "chat-row",
        "data-focus": "row",
        "aria-current": open?.id === chat.chat_id ? "true" : null,
        onclick: () => show(chat.chat_id),
      },
      make("span", { class: "chat-row-head" }, make("strong", {}, titleOf(chat)), make("span", { class: "quiet" }, since)),
      make("span", { class: "chat-row-text" }, mine + words),
      chat.has_trouble && make("span", { class: "trouble" }, say("s_failed")),
      chat.unread > 0 && make("span", { class: "badge" }, String(chat.unread)),
      list === "everybody" && make("span", { class: "quiet" }, chat.owner_name),
    ),
  );
}

/** Whose chat it is, in one line. */
function titleOf(chat) {
  return [...new Set([chat.contact_name, chat.party_name])].filter(Boolean).join(" — ") || chat.name || phone(chat.number);
}

async function choose(name) {
  list = name;
  rows = [];
  isLoaded = false;
  showLists();
  await loadList().catch(() => onChanged([], AGAIN_MS));
}

async function show(id) {
  if (open?.id !== id) {
    const on = { closed: hide, titleOf, isOpen: (chat) => chat === open };
    open = opened.get(id) ?? new Chat(id, viewer, { chat: $("chat"), side: $("side") }, on);
    opened.set(id, open);
    history.replaceState(null, "", `?chat=${id}`);
  }
  document.body.classList.add("has-chat");
  await open.load();
  showLists();
}

function hide() {
  open = null;
  document.body.classList.remove("has-chat");
  history.replaceState(null, "", location.pathname);
  fill($("chat"), make("p", { class: "empty" }, say("choose_chat")));
  fill($("side"));
  showLists();
}

$("more").addEventListener("click", () => loadMore().catch(() => onChanged([], AGAIN_MS)));
onLanguage(showAll);

begin().catch((error) => {
  $("reason").textContent = say("failed_load", { why: error.message });
  setTimeout(() => location.reload(), 5000);
});
