// Grid: where the buckets of a chart are on its x axis. Steps may be any 64-bit number, which JavaScript's numbers are not:
// a grid that reaches beyond 2^53 is drawn from an origin of its own, and what is said of a place is always exact.
// @ts-check
import { count, duration, number, time } from "../lib/format.js";

/** What is on the x axis: `step`, `time`, `relative`, or the name of a metric. @typedef {string} Kind */
/** @typedef {{start: string, width: string, buckets: number}} Said as the server says it */
/** @typedef {[string, string]} Range first and last place that is looked at, as text */

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export class Grid {
  /**
   * @param {Said} said
   * @param {Kind} kind
   */
  constructor(said, kind) {
    this.said = said;
    this.kind = kind;
    this.buckets = said.buckets;
    /** Whether places are whole numbers. */
    this.whole = isWhole(kind);
    this._start = this.whole ? BigInt(said.start) : 0n;
    this._width = this.whole ? BigInt(said.width) : 1n;
    const end = this._start + this._width * BigInt(said.buckets);
    /** What is at 0 of the plot. */
    this.origin = this._start < -SAFE || end > SAFE ? this._start : 0n;
    this.start = this.whole ? Number(this._start - this.origin) : Number(said.start);
    this.width = Number(said.width);
  }

  /** Where a bucket is drawn: in the middle of its places. @param {number} bucket */
  middle(bucket) {
    return this.start + bucket * this.width + (this.whole ? (this.width - 1) / 2 : this.width / 2);
  }

  /** First and last place of some buckets, on the plot. @param {number} first @param {number} last @returns {[number, number]} */
  span(first, last) {
    const end = this.start + (last + 1) * this.width;
    return [this.start + first * this.width, this.whole ? end - 1 : end];
  }

  /** The bucket at a place of the plot, or the nearest one. @param {number} x */
  bucketAt(x) {
    return Math.min(this.buckets - 1, Math.max(0, Math.floor((x - this.start + (this.whole ? 0.5 : 0)) / this.width)));
  }

  /** The first and the last place of a bucket, exactly. @param {number} bucket @returns {[string, string]} */
  bounds(bucket) {
    if (!this.whole) return [String(this.start + bucket * this.width), String(this.start + (bucket + 1) * this.width)];
    const first = this._start + this._width * BigInt(bucket);
    return [String(first), String(first + this._width - 1n)];
  }

  /** What the places of a bucket are called. @param {number} bucket */
  label(bucket) {
    const [first, last] = this.bounds(bucket);
    if (this.kind === "time") return time(Number(first));
    if (this.kind === "relative") return duration(Number(first));
    if (!this.whole) return `${number(Number(first))} to ${number(Number(last))}`;
    return first === last ? count(BigInt(first)) : `${count(BigInt(first))}–${count(BigInt(last))}`;
  }

  /** What a place of the plot is called. @param {number} x */
  text(x) {
    if (!this.whole) return number(x);
    if (this.kind === "relative") return duration(x);
    return this.origin === 0n ? number(x) : String(this.origin + BigInt(Math.round(x)));
  }

  /** Two places of the plot as a range to ask for. @param {number} low @param {number} high @returns {Range} */
  range(low, high) {
    if (!this.whole) return [String(low), String(high)];
    const first = BigInt(Math.floor(low)) + this.origin;
    const last = BigInt(Math.ceil(high)) + this.origin;
    return [String(first), String(last > first ? last : first + 1n)];
  }

  /** Where a place that was said as text is on the plot. @param {string} place */
  place(place) {
    return this.whole ? Number(BigInt(place) - this.origin) : Number(place);
  }
}

/** @param {Kind} kind */
export function isWhole(kind) {
  return kind === "step" || kind === "time" || kind === "relative";
}

/** What an axis is called. @param {Kind} kind */
export function kindName(kind) {
  return { step: "Step", time: "Time", relative: "Relative time" }[kind] ?? kind.replace(/^metrics\./, "");
}

/**
 * Read ranges as the address has them, one a kind of axis: `step:100..200`. What cannot be read is left out.
 *
 * @param {readonly string[]} texts
 * @returns {Map<Kind, Range>}
 */
export function parseZoom(texts) {
  /** @type {Map<Kind, Range>} */
  const found = new Map();
  for (const text of texts) {
    const [, kind, low, high] = /^(.+):([^:]+)\.\.([^:]+)$/.exec(text) ?? [];
    const fits = isWhole(kind ?? "") ? /^-?\d{1,19}$/ : /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;
    if (kind && fits.test(low) && fits.test(high)) found.set(kind, [low, high]);
  }
  return found;
}

/** @param {ReadonlyMap<Kind, Range>} ranges @returns {string[]} */
export function formatZoom(ranges) {
  return [...ranges].map(([kind, [low, high]]) => `${kind}:${low}..${high}`);
}
