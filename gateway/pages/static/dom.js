// Elements made of plain values: no text of ours or of a caller is ever read as HTML.

/** Make an element; `on…` are listeners, true is an empty attribute, null and false leave one out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...shown(children));
  return element;
}

/** Put other children in an element's place of those it has. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Tell whether somebody is typing. */
export function isTyping() {
  return document.activeElement?.matches("input, textarea, select") ?? false;
}
