// Link: the connection on which the server says what has changed; it comes back by itself and goes on where it was.
// @ts-check
import { everything } from "./change.js";

/** @typedef {import("./change.js").Change} Change */
/** @typedef {{experiments: readonly string[] | null, points: boolean}} Wanted */
/** @typedef {"connecting" | "live" | "reconnecting" | "offline" | "refused" | "idle"} State */

const EVENTS = "/api/runlake/v1/events";
const SILENT_MS = 40_000; // a sign of life comes each 15 s
const SOON_MS = 1000;
const LATE_MS = 30_000;
const OFFLINE_MS = 5000;

export class Link {
  /**
   * @param {(change: Change) => void} receive told each change
   * @param {(state: State, tx: number) => void} say told how the connection is
   */
  constructor(receive, say) {
    this._receive = receive;
    this._say = say;
    /** @type {EventSource | null} */
    this._source = null;
    this._asked = "";
    this._last = ""; // id of the last event
    this._heard = 0;
    this._failures = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._retry = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._late = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this._guard = undefined;
  }

  /**
   * Listen for what is wanted.
   *
   * @param {Wanted | null} wanted null is nothing, and no connection
   * @param {number} [since] a transaction: what has changed from there on is told as well
   */
  want(wanted, since = NaN) {
    const asked = wanted === null ? "" : searchOf(wanted);
    if (asked === this._asked && Number.isNaN(since)) return;
    this._asked = asked;
    if (!(Number.parseInt(this._last) <= since) && !Number.isNaN(since)) this._last = String(since);
    this._close();
    clearInterval(this._guard);
    if (asked === "") return this._say("idle", 0);
    this._guard = setInterval(() => this._check(), SILENT_MS / 4);
    this._say("connecting", 0);
    this._open();
  }

  _open() {
    const since = this._last && `&since=${encodeURIComponent(this._last)}`;
    const source = (this._source = new EventSource(`${EVENTS}?${this._asked}${since}`));
    this._heard = Date.now();
    source.addEventListener("alive", (event) => this._hear(event, null));
    source.addEventListener("changed", (event) => this._hear(event, (data) => data));
    source.addEventListener("reset", (event) => this._hear(event, (data) => everything(data.tx)));
    source.onerror = () => this._fail(source);
  }

  /** @param {MessageEvent} event @param {((data: any) => Change) | null} read */
  _hear(event, read) {
    const data = JSON.parse(event.data);
    this._last = event.lastEventId;
    this._heard = Date.now();
    this._failures = 0;
    clearTimeout(this._late);
    this._late = undefined;
    if (read) this._receive(read(data));
    this._say("live", data.tx);
  }

  /** @param {EventSource} source */
  _fail(source) {
    if (source !== this._source) return;
    this._say(this._failures === 0 ? "reconnecting" : "offline", 0);
    this._failures += 1;
    this._late ??= setTimeout(() => this._say("offline", 0), OFFLINE_MS);
    if (source.readyState === EventSource.CLOSED) this._ask();
  }

  /** The browser has given up: find out why, and try again later. */
  async _ask() {
    const asked = this._asked;
    this._close();
    let wait = Math.min(SOON_MS * 2 ** this._failures, LATE_MS);
    try {
      const { status } = await fetch(`${EVENTS}?${asked}`, { method: "HEAD" });
      if (asked !== this._asked) return;
      if (status === 400 || status === 403 || status === 404) {
        wait = LATE_MS; // what is shown is not there, or not for this reader: the page itself says so
        this._say("refused", 0);
      }
    } catch {
      if (asked !== this._asked) return;
      this._say("offline", 0);
    }
    this._retry = setTimeout(() => this._open(), wait);
  }

  /** Open another connection where nothing comes on this one: the network may have forgotten it. */
  _check() {
    if (!this._source || Date.now() - this._heard < SILENT_MS) return;
    this._close();
    this._say("reconnecting", 0);
    this._open();
  }

  _close() {
    this._source?.close();
    this._source = null;
    clearTimeout(this._retry);
    clearTimeout(this._late);
    this._late = undefined;
  }
}

/** @param {Wanted} wanted */
function searchOf({ experiments, points }) {
  const search = new URLSearchParams({ points: String(points) });
  for (const one of experiments ?? []) search.append("experiments", one);
  return search.toString();
}
