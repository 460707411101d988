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

const KEPT = new WeakMap();

/**
 * Put children in an element's place of those it has, and leave alone what stays as it is: what plays goes on, whoever
 * uses the keyboard keeps their place, and a screen reader tells only what is new.
 *
 * @param {Array} entries - `key` of a child, `sign`, which is another where it is to be shown anew, and `show()`. An
 *   element within that can have the focus is found again by its `data-focus`.
 */
export function refill(element, entries) {
  const before = KEPT.get(element) ?? new Map();
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const focusedKey = focused && [...before].find(([, one]) => one.node.contains(focused))?.[0];
  const after = new Map();
  for (const { key, sign, show } of entries) {
    const had = before.get(key);
    after.set(key, had?.sign === sign ? had : { sign, node: show() });
  }
  KEPT.set(element, after);
  const nodes = [...after.values()].map((one) => one.node);
  const stays = new Set(nodes);
  for (const child of [...element.childNodes]) if (!stays.has(child)) child.remove();
  let place = element.firstChild;
  for (const node of nodes) {
    // Moving a node would stop what plays in it.
    if (node === place) place = place.nextSibling;
    else element.insertBefore(node, place);
  }
  if (!focused || focused.isConnected) return;
  const node = after.get(focusedKey)?.node;
  const same = `[data-focus="${focused.dataset.focus}"]`;
  (node?.matches(same) ? node : node?.querySelector(same))?.focus();
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Tell whether somebody is typing. */
export function isTyping() {
  return document.activeElement?.matches("input, textarea, select") ?? false;
}
