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
 * @returns {Line}
 */
export function open(receive, say) {
  if (!("SharedWorker" in globalThis)) return own(receive, say);
  const worker = new SharedWorker(trusted(new URL("./live_worker.js", import.meta.url)), { type: "module", name: "runlake" });
  /** @type {readonly Interest[] | null} */
  let wanted = null;
  /** @type {Line | null} */
  let instead = null;
  worker.port.onmessage = ({ data }) => (data.change ? receive(data.change) : say(data.state, data.tx));
  worker.onerror = () => { // an older browser has none of modules
    instead ??= own(receive, say);
    instead.want(wanted);
  };
  const tell = () => worker.port.postMessage({ interest: wanted });
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

/** @param {(change: Change) => void} receive @param {(state: import("./link.js").State, tx: number) => void} say @returns {Line} */
function own(receive, say) {
  const link = new Link(receive, say);
  return { want: (interests) => link.want(combined(interests ?? [])) };
}
