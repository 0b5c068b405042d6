// Live worker: one connection for all tabs of a browser, which may have six to a server. It is there as long as a tab is.
//
// A tab says what it shows while it can be seen, and again each 20 s: one that was killed says no farewell. What changes
// while a tab is hidden is kept for it, put together; while all are hidden there is no connection.
// @ts-check
import { combined, together } from "./change.js";
import { Link } from "./link.js";

/** @typedef {import("./change.js").Change} Change */
/** @typedef {{interest: import("./change.js").Interest[] | null, heard: number, kept: Change | null}} Tab `interest` null: it is hidden */

const GONE_MS = 60_000;

/** @type {Map<MessagePort, Tab>} */
const tabs = new Map();
/** @type {{state: import("./link.js").State, tx: number}} */
let said = { state: "idle", tx: 0 };

const link = new Link(
  (change) => {
    for (const [port, tab] of tabs) {
      if (tab.interest) port.postMessage({ change });
      else tab.kept = together(tab.kept, change);
    }
  },
  (state, tx) => {
    said = { state, tx };
    for (const [port, { interest }] of tabs) if (interest) port.postMessage(said);
  },
);

/** @param {MessagePort} port @param {{interest?: import("./change.js").Interest[] | null, since?: number, gone?: boolean}} message */
function hear(port, { interest, since, gone }) {
  const known = tabs.get(port);
  const tab = known ?? { interest: null, heard: 0, kept: null };
  if (gone) tabs.delete(port);
  else tabs.set(port, tab);
  const wasHidden = tab.interest === null;
  tab.interest = interest ?? null;
  tab.heard = Date.now();
  if (tab.interest && wasHidden) {
    if (tab.kept) port.postMessage({ change: tab.kept });
    tab.kept = null;
    port.postMessage(said);
  }
  listen(known ? NaN : since);
}

/** @param {number} [since] what a tab that has just come has seen */
function listen(since) {
  for (const [port, { interest, heard }] of tabs) if (interest && Date.now() - heard > GONE_MS) tabs.delete(port);
  link.want(combined([...tabs.values()].flatMap(({ interest }) => interest ?? [])), since);
}

/** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ { ports: [port] }) => {
  port.onmessage = ({ data }) => hear(port, data);
};
setInterval(() => listen(), GONE_MS / 2);
