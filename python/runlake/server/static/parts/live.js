// Live: whether what is shown follows what happens, in the bar; and what is said when the server cannot be reached.
// @ts-check
import { h } from "../vendor/preact.js";
import { answered, connection, reachable } from "../lib/api.js";
import { time } from "../lib/format.js";

/** @type {Record<string, {text: string, title: string} | undefined>} */
const SAID = {
  live: { text: "Live", title: "What is shown follows what is logged" },
  reconnecting: { text: "Reconnecting", title: "The connection is gone; it is made again" },
  offline: { text: "Offline", title: "The server cannot be reached; it is tried again" },
};

/** How the connection is. */
export function LiveState() {
  const state = reachable.value ? connection.value : "offline";
  const said = SAID[state];
  return h("span", { class: `live ${state}`, role: "status", title: said?.title }, said && h("span", { class: "live-dot" }), said && h("span", { class: "live-text" }, said.text));
}

/** That the server is away, and how old what is shown is. */
export function Away() {
  if (reachable.value && connection.value !== "offline") return null;
  const when = answered.value ? `What is shown is as of ${time(answered.value)}.` : "";
  return h("div", { class: "banner", role: "alert" }, `The server cannot be reached; it is tried again. ${when}`);
}
