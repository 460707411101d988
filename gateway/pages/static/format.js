// Times in the viewer's own zone, durations as m:ss, numbers as people write them.

import { currentLanguage } from "./words.js";

const DAY_MS = 24 * 3600 * 1000;

/** Return a moment: the time alone today, with the day before that; in a zone other than the viewer's where one is named. */
export function moment(iso, timeZone) {
  const at = new Date(iso);
  const dayOf = (one) => one.toLocaleDateString("en", { timeZone });
  const isToday = dayOf(at) === dayOf(new Date());
  const time = { hour: "2-digit", minute: "2-digit", timeZone };
  const day = { day: "numeric", month: "short" };
  const year = Date.now() - at.getTime() > 300 * DAY_MS ? { year: "numeric" } : {};
  return new Intl.DateTimeFormat(locale(), isToday ? time : { ...day, ...year, ...time }).format(at);
}

/** Return the time of a moment, with seconds. */
export function clock(iso, timeZone) {
  return new Intl.DateTimeFormat(locale(), { timeStyle: "medium", timeZone }).format(new Date(iso));
}

/** The viewer's own manner of writing, where it is of the page's language. */
function locale() {
  return navigator.languages.find((name) => name.startsWith(currentLanguage())) ?? currentLanguage();
}

/** Return seconds as m:ss, or h:mm:ss. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Return a Russian number in groups; any other as it is. */
export function phone(number) {
  const parts = /^\+?7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(number ?? "");
  return parts ? `+7 ${parts[1]} ${parts[2]}-${parts[3]}-${parts[4]}` : number ?? "";
}

/** Return the business days from one to another, such as `2026-03-02`, as people write them. */
export function days(first, last) {
  const at = [first, last].map((iso) => new Date(`${iso}T12:00:00Z`));
  const style = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale(), style).formatRange(...at);
}

/** Return the name of a weekday; 1 is Monday. */
export function weekday(number, length = "long") {
  return new Intl.DateTimeFormat(locale(), { weekday: length, timeZone: "UTC" }).format(Date.UTC(2024, 0, number));
}

/** Return a number as people write it. */
export function count(number) {
  return new Intl.NumberFormat(locale()).format(number);
}
