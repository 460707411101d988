// What the journal's page asks the gateway.

import * as gateway from "./request.js";
import { query } from "./request.js";
import { currentLanguage, say } from "./words.js";

const ask = (path, values = {}) =>
  gateway.ask(`/journal/api/${path}?${query({ ...values, language: currentLanguage() })}`);

/** Say in the viewer's language why something could not be had. */
export function reason(error) {
  const name = `e_${error.outcome ?? error.status ?? "away"}`;
  const words = say(name);
  return words === name ? error.message : words;
}

export const me = () => gateway.ask("/journal/api/me");
export const options = () => gateway.ask("/journal/api/options");
export const calls = (filters, after) => ask("calls", { ...filters, after: after && JSON.stringify(after) });
export const call = (one) => gateway.ask(`/journal/api/call?${query({ pbx_id: one.pbx_id, linkedid: one.linkedid })}`);
export const report = (name, unit, filters) => ask("report", { ...filters, name, unit });
export const fileAddress = (filters) =>
  `/journal/api/calls.csv?${query({ ...filters, language: currentLanguage() })}`;
export const recordingAddress = (pbxId, legId) =>
  `/journal/api/recording?${query({ pbx_id: pbxId, leg_id: legId })}`;
