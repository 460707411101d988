// How the pages ask the gateway: logged in, in JSON, and with words where it says no.

/**
 * An answer other than a success; `outcome` is the gateway's word for it, where it has one, `owner` whose it is,
 * `status` of HTTP.
 */
export class Refusal extends Error {
  constructor(words, outcome, owner, status) {
    super(words);
    this.status = status;
    this.outcome = outcome;
    this.owner = owner;
  }
}

/** Ask; an ended log-in leads to the page for it. */
export async function ask(address, how = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...how });
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw new Refusal("401");
  }
  if (!answer.ok) {
    const owner = decodeURIComponent(answer.headers.get("X-Owner") ?? "");
    throw new Refusal((await answer.text()) || String(answer.status), answer.headers.get("X-Outcome"), owner, answer.status);
  }
  return answer.status === 204 ? null : answer.json();
}

/** Send data as JSON. */
export function send(method, address, data) {
  return ask(address, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) });
}

/** Return what is not empty as the query of an address. */
export const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();
