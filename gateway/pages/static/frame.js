// What every page has around it: its title, the other pages, the language, day or night, and leaving.

import { showTheme } from "./theme.js";
import { say, switchLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);

/**
 * Show the frame in the current language.
 *
 * @param {object} viewer - who is logged in.
 * @param {string} page - the word for this page: card, messenger or journal.
 */
export function showFrame(viewer, page) {
  document.title = say(`page_${page}`);
  $("title").textContent = document.title;
  $("viewer").textContent = [viewer.name, viewer.extension].filter(Boolean).join(", ");
  for (const link of $("pages").children) {
    link.textContent = say(`page_${link.dataset.page}`);
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
  }
  $("pages").setAttribute("aria-label", say("pages"));
  $("language").textContent = say("language");
  $("leave").textContent = say("leave");
  showTheme($("theme"));
}

/** Call back when the viewer went over to the other language. */
export function onLanguage(changed) {
  $("language").addEventListener("click", () => {
    switchLanguage();
    changed();
  });
}
