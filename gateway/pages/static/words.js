// Every word of the page, in both languages; which one is shown is remembered in the browser.

const WORDS = {
  ru: {
    connected: "На связи",
    reconnecting: "Связь восстанавливается…",
    off: "Обмен событиями выключен",
    opens: "Открывать карточку",
    ringing_policy: "при звонке",
    answered_policy: "при ответе",
    never_policy: "не открывать",
    language: "English",
    dark: "Тёмная",
    light: "Светлая",
    leave: "Выйти",
    pages: "Страницы",
    page_card: "Карточка клиента",
    page_messenger: "Сообщения",
    page_journal: "Журнал звонков",
    calls: "Звонки сейчас",
    no_calls: "Сейчас никто не говорит.",
    cards: "Карточки",
    no_cards: "Карточка откроется, когда зазвонит телефон.",
    waiting_supervisor: "Вы видите звонки всех сотрудников.",
    unknown: "Неизвестный номер",
    hidden: "Номер скрыт",
    ambiguous: "Номер у нескольких клиентов",
    company: "Клиент",
    contact: "Контакт",
    number: "Номер",
    did: "Звонит на",
    responsible: "Ответственный",
    nobody: "не определён",
    stale: "таблица маршрутизации устарела",
    away: "Не могут ответить",
    documents: "Открытые документы",
    no_documents: "Нет открытых документов.",
    history: "Последние звонки и сообщения",
    no_history: "Раньше не звонили.",
    others: "С клиентом говорят ещё",
    candidates: "Чей это номер?",
    search: "Найти клиента по имени или номеру",
    found_none: "Ничего не найдено.",
    assign: "Присвоить",
    assigned: "Номер присвоен. Прежние звонки будут связаны в течение двух минут.",
    open_crm: "Открыть в CRM",
    close: "Закрыть карточку",
    ringing: "звонит",
    answered: "разговор",
    held: "на удержании",
    ended: "завершён",
    in: "входящий",
    out: "исходящий",
    internal: "внутренний",
    accepted: "принят",
    reached: "дозвонились",
    no_answer: "не ответили",
    lost: "потерян",
    cancelled: "отменён",
    busy: "занято",
    failed: "не удался",
    attention: "требует внимания",
    message: "сообщение",
    new_card: "Звонит {who}",
    failed_load: "Не удалось загрузить: {why}",
    retry: "Повторить",
    help: "Alt+1…9 — карточка, / — поиск, Esc — закрыть карточку, ? — эта подсказка",
    shares: "у него такой же номер",
    tail: "совпадают последние цифры",
    order: "заказ", email: "письмо", meeting: "встреча", sms: "SMS", call: "звонок",
  },
  en: {
    connected: "Connected",
    reconnecting: "Reconnecting…",
    off: "The exchange of events is off",
    opens: "Open the card",
    ringing_policy: "when it rings",
    answered_policy: "when answered",
    never_policy: "never",
    language: "Русский",
    dark: "Dark",
    light: "Light",
    leave: "Log out",
    pages: "Pages",
    page_card: "Client card",
    page_messenger: "Messages",
    page_journal: "Call journal",
    calls: "Calls now",
    no_calls: "Nobody is on the telephone.",
    cards: "Cards",
    no_cards: "A card opens when the telephone rings.",
    waiting_supervisor: "You see everybody's calls.",
    unknown: "Unknown number",
    hidden: "Hidden number",
    ambiguous: "Several clients have this number",
    company: "Client",
    contact: "Contact",
    number: "Number",
    did: "Called",
    responsible: "Responsible",
    nobody: "nobody",
    stale: "the routing table is out of date",
    away: "Cannot answer",
    documents: "Open documents",
    no_documents: "No open documents.",
    history: "Last calls and messages",
    no_history: "No calls before this one.",
    others: "Also talking to this client",
    candidates: "Whose number is it?",
    search: "Find a client by name or number",
    found_none: "Nothing found.",
    assign: "Assign",
    assigned: "The number is assigned. Earlier calls are linked within two minutes.",
    open_crm: "Open in the CRM",
    close: "Close the card",
    ringing: "ringing",
    answered: "talking",
    held: "on hold",
    ended: "ended",
    in: "incoming",
    out: "outgoing",
    internal: "internal",
    accepted: "accepted",
    reached: "reached",
    no_answer: "no answer",
    lost: "lost",
    cancelled: "cancelled",
    busy: "busy",
    failed: "failed",
    attention: "needs attention",
    message: "message",
    new_card: "{who} is calling",
    failed_load: "Could not be loaded: {why}",
    retry: "Try again",
    help: "Alt+1…9 card, / search, Esc close the card, ? this line",
    shares: "has the same number",
    tail: "the last digits are the same",
    order: "order", email: "e-mail", meeting: "meeting", sms: "SMS", call: "call",
  },
};

const WHY = { "shares the number": "shares", "last digits": "tail" };

let language = "ru";

/** Choose a language: the one chosen here before, else the browser's, else the one given. */
export function chooseLanguage(otherwise) {
  const chosen = localStorage.getItem("language");
  const wished = navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in WORDS);
  language = chosen in WORDS ? chosen : wished ?? otherwise;
  document.documentElement.lang = language;
}

/** Go over to the other language and remember it. */
export function switchLanguage() {
  localStorage.setItem("language", language === "ru" ? "en" : "ru");
  chooseLanguage(language);
}

export function currentLanguage() {
  return language;
}

/** Add the words of a page of its own: `{ru: {…}, en: {…}}`. */
export function addWords(words) {
  for (const name of Object.keys(WORDS)) Object.assign(WORDS[name], words[name]);
}

/** Return a word, with what stands in braces filled in; a name that is no word of ours stays as it is. */
export function say(name, values = {}) {
  const text = WORDS[language][WHY[name] ?? name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}
