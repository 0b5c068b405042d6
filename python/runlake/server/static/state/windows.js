// Windows: rows of one list on the server, fetched by two hundred as they come into view, with the columns in view.
// @ts-check
import { isAbort, view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { ROWS, windowOf } from "../lib/rows.js";

/** @typedef {import("../lib/api.js").Fields} Fields */
/** @typedef {Map<string, readonly any[]>} Window columns that are here, by name */

const KEPT = 48;
const PAUSE_MS = 30;
/** @type {readonly any[]} */
const NOTHING = [];

export class Windows {
  /**
   * @param {Fields} question experiments, where, sort, view, group: whatever says which rows there are
   * @param {() => void} changed called when rows have come
   * @param {(error: import("../lib/api.js").ApiError) => void} failed
   */
  constructor(question, changed, failed) {
    this.question = question;
    this.changed = changed;
    this.failed = failed;
    /** How many rows there are; NaN while nothing has come. */
    this.total = NaN;
    this.tx = NaN;
    /** What was said of the rows besides them. @type {any} */
    this.notes = {};
    /** @type {Map<number, Window>} by number, the one looked at last at the end */
    this.windows = new Map();
    /** @type {Map<number, {names: Set<string>, stop: AbortController}>} */
    this.awaited = new Map();
    /** @type {(() => void) | null} what is to be asked for after the pause */
    this.next = null;
    this.pausing = false;
    this.ended = false;
    /** Whether asking has failed: it would again, until somebody begins a new list. */
    this.broken = false;
  }

  /**
   * A value of a row; undefined while it is not here.
   *
   * @param {number} row
   * @param {string} name
   */
  value(row, name) {
    return this.windows.get(Math.floor(row / ROWS))?.get(name)?.[row % ROWS];
  }

  /** Show a value that the server has taken, before it is asked for it. @param {number} row @param {string} name @param {any} value */
  put(row, name, value) {
    const window = this.windows.get(Math.floor(row / ROWS));
    const before = window?.get(name);
    if (window && before) window.set(name, Object.assign([...before], { [row % ROWS]: value }));
  }

  /** Whether everything has come that was asked for. */
  get isSettled() {
    return [...this.awaited.keys()].every((number) => this.windows.has(number));
  }

  /** Whether a row has come. @param {number} row */
  has(row) {
    return this.windows.has(Math.floor(row / ROWS));
  }

  /**
   * Say which rows and columns are looked at. What is lacking is asked for, the page after them as well, and what was
   * asked for and is no longer looked at is given up.
   *
   * @param {number} from
   * @param {number} to the row after the last
   * @param {readonly string[]} names
   * @param {number} ahead 1 while the reader goes down, -1 while up
   */
  want(from, to, names, ahead = 1) {
    const first = Math.floor(Math.max(0, from) / ROWS);
    const last = Math.floor(Math.max(0, to - 1) / ROWS);
    const wanted = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const extra = ahead < 0 ? first - 1 : last + 1;
    const isThere = !Number.isNaN(this.total) && extra >= 0 && extra * ROWS < this.total;
    const isHere = wanted.every((number) => names.every((name) => this.windows.get(number)?.has(name)));
    if (isThere && (isHere || this.awaited.has(extra))) wanted.push(extra); // what is in view comes first
    for (const [number, { stop }] of this.awaited) {
      if (!wanted.includes(number)) {
        stop.abort();
        this.awaited.delete(number);
      }
    }
    this.next = () => wanted.forEach((number) => this.#fetch(number, names));
    this.#go();
  }

  /** Give up what is awaited: nobody looks at this list any more. */
  end() {
    this.ended = true;
    this.next = null;
    for (const { stop } of this.awaited.values()) stop.abort();
    this.awaited.clear();
  }

  #go() {
    if (this.pausing || !this.next || this.ended || this.broken) return;
    const before = this.awaited.size;
    this.next();
    this.next = null;
    if (this.awaited.size === before) return;
    this.pausing = true; // whoever drags the scroll bar passes hundreds of windows a second
    setTimeout(() => {
      this.pausing = false;
      this.#go();
    }, PAUSE_MS);
  }

  /** @param {number} number @param {readonly string[]} names */
  async #fetch(number, names) {
    const here = this.windows.get(number);
    const awaited = this.awaited.get(number);
    const lacking = names.filter((name) => !here?.has(name));
    if ((here && lacking.length === 0) || (awaited && lacking.every((name) => awaited.names.has(name)))) return;
    awaited?.stop.abort();
    const stop = new AbortController();
    const turn = { names: new Set(lacking), stop };
    this.awaited.set(number, turn);
    const fields = windowOf(this.question, lacking, number * ROWS, this.tx);
    try {
      this.#take(number, lacking, await ask("runs", fields, { signal: stop.signal }));
    } catch (error) {
      if (isAbort(error) || this.ended) return;
      this.broken = true;
      this.failed(/** @type {any} */ (error));
    } finally {
      if (this.awaited.get(number) === turn) this.awaited.delete(number);
    }
  }

  /** @param {number} number @param {readonly string[]} names @param {import("../lib/api.js").Answer} answer */
  #take(number, names, answer) {
    if (this.ended) return;
    if (answer.tx !== this.tx) this.windows.clear(); // the server has let go of the order that was shown
    this.tx = answer.tx;
    this.total = answer.total;
    this.notes = answer.notes;
    const window = this.windows.get(number) ?? new Map();
    const table = answer.parts[0];
    for (const name of names) window.set(name, NOTHING); // a group has no values of texts
    for (const name of table?.names ?? []) window.set(String(name), values(table, String(name)));
    this.windows.delete(number);
    this.windows.set(number, window);
    for (const oldest of [...this.windows.keys()].slice(0, -KEPT)) this.windows.delete(oldest);
    this.changed();
  }
}
