// Live: what the server says has changed, through the one connection of this browser or, without shared workers, a page's own.
// @ts-check
import { combined } from "./change.js";
import { Link } from "./link.js";
import { trusted } from "./workers.js";

/** @typedef {import("./change.js").Change} Change */
/** @typedef {import("./change.js").Interest} Interest */
/** @typedef {{want: (interests: readonly Interest[] | null) => void}} Line `want`: says what is shown; null while nobody can see it */

const STILL_HERE_MS = 20_000;

/**
 * Open the line to the server; nothing is asked before something is wanted.
 *
 * @param {(change: Change) => void} receive
 * @param {(state: import("./link.js").State, tx: number) => void} say
 * @param {number} since the transaction of what is shown already; NaN where that is not known
 * @returns {Line}
 */
export function open(receive, say, since) {
  if (!("SharedWorker" in globalThis)) return own(receive, say, since);
  const worker = new SharedWorker(trusted(new URL("./live_worker.js", import.meta.url)), { type: "module", name: "runlake" });
  /** @type {readonly Interest[] | null} */
  let wanted = null;
  /** @type {Line | null} */
  let instead = null;
  let seen = since;
  worker.port.onmessage = ({ data }) => {
    if (data.change) receive(data.change);
    else say(data.state, data.tx);
    if (data.state === "live") seen = data.tx;
  };
  worker.onerror = () => { // an older browser has none of modules
    instead ??= own(receive, say, seen);
    instead.want(wanted);
  };
  const tell = () => worker.port.postMessage({ interest: wanted, since: seen });
  setInterval(() => { if (wanted && !instead) tell(); }, STILL_HERE_MS);
  addEventListener("pagehide", () => worker.port.postMessage({ gone: true }));
  return {
    want(interests) {
      wanted = interests;
      if (instead) instead.want(interests);
      else tell();
    },
  };
}

/** @param {(change: Change) => void} receive @param {(state: import("./link.js").State, tx: number) => void} say @param {number} since @returns {Line} */
function own(receive, say, since) {
  const link = new Link(receive, say);
  return {
    want(interests) {
      link.want(combined(interests ?? []), since);
      since = NaN;
    },
  };
}
