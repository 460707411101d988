// Light or dark: as the system has it, until somebody chooses here; remembered in the browser.

import { say } from "./words.js";

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Let a button change the theme; its words are of the current language, so it is called again when that changes. */
export function showTheme(button) {
  const show = () => (button.textContent = say(isDark() ? "light" : "dark"));
  button.onclick = () => {
    const theme = isDark() ? "light" : "dark";
    localStorage.setItem("theme", theme);
    apply(theme);
    show();
  };
  show();
}

apply(localStorage.getItem("theme"));
