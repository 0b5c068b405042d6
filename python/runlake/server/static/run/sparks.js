// Sparks: small curves of many metrics of one run, asked for together and only for those that are seen.
// @ts-check
import { h, signal, useMemo } from "../vendor/preact.js";
import { isAbort, view } from "../lib/api.js";
import { numbers } from "../lib/arrow.js";
import { number } from "../lib/format.js";

const POINTS = 60;
const PAUSE_MS = 40;
const MOST_AT_ONCE = 60;
const WIDTH = 120;
const HEIGHT = 24;
const INSET = 2;
const NOT_FINITE = 7; // bits of NaN, +inf and -inf

/** @typedef {import("./run.js").Metric} Metric */
/** @typedef {{at: number, low: number, high: number, mean: number, odd: boolean}} Bucket at: from 0 to 1; odd: something in it is not finite */

/** Curves by key; null are those that did not come. */
class Sparks {
  /** @param {string} run */
  constructor(run) {
    this.run = run;
    /** @type {import("../vendor/preact.js").Signal<ReadonlyMap<string, Bucket[] | null>>} */
    this.curves = signal(new Map());
    /** @type {Metric[]} */
    this.wanted = [];
    this.waiting = 0;
    /** @type {Set<string>} */
    this.asked = new Set();
    this.asOf = 0;
  }

  /** Ask anew for what is wanted from now on, if there is something newer; what is there stays until then. @param {number} tx */
  renew(tx) {
    if (tx !== this.asOf) this.asked.clear();
    this.asOf = tx;
  }

  /** Ask for curves that are not there yet. @param {readonly Metric[]} metrics those that are seen now */
  want(metrics) {
    this.wanted = metrics.filter(({ key }) => !this.asked.has(key)).slice(0, MOST_AT_ONCE);
    clearTimeout(this.waiting);
    if (this.wanted.length) this.waiting = setTimeout(() => alike(this.wanted).forEach((keys) => void this.ask(keys)), PAUSE_MS);
  }

  /** @param {readonly string[]} keys */
  async ask(keys) {
    const found = new Map(keys.map((key) => /** @type {[string, Bucket[] | null]} */ ([key, null])));
    for (const key of keys) this.asked.add(key);
    try {
      const { parts, notes } = await view("series", { keys, runs: [this.run], points: POINTS }, { post: true });
      for (const [key, curve] of read(parts[0], notes)) found.set(key, curve);
    } catch (error) {
      if (!isAbort(error)) found.forEach((_, key) => found.set(key, null)); // the table has the numbers all the same
    }
    this.curves.value = new Map([...this.curves.peek(), ...found]);
  }
}

/**
 * Keys in lists of those whose steps go about as far: all curves of an answer are in the buckets of one grid, and a short one
 * beside a long one would be a dot.
 *
 * @param {readonly Metric[]} metrics
 */
function alike(metrics) {
  /** @type {Map<number, string[]>} */
  const found = new Map();
  for (const { key, last_step: step } of metrics) {
    const length = BigInt(step).toString(2).length;
    found.set(length, [...(found.get(length) ?? []), key]);
  }
  return [...found.values()];
}

/** @param {string} run @param {number} tx as of which curves are wanted @returns {Sparks} */
export function useSparks(run, tx) {
  const sparks = useMemo(() => new Sparks(run), [run]);
  sparks.renew(tx);
  return sparks;
}

/** @param {import("../lib/api.js").Table} table @param {any} notes @returns {Map<string, Bucket[]>} */
function read(table, notes) {
  const [key, bucket, low, high, mean, odd] = ["key", "bucket", "min", "max", "mean", "non_finite"].map((name) => numbers(table, name));
  const last = Math.max(1, bucket.reduce((most, one) => Math.max(most, one), 0));
  /** @type {Map<string, Bucket[]>} */
  const found = new Map();
  for (let i = 0; i < key.length; i += 1) {
    const name = notes.keys[key[i]];
    const curve = found.get(name) ?? [];
    curve.push({ at: bucket[i] / last, low: low[i], high: high[i], mean: mean[i], odd: (odd[i] & NOT_FINITE) !== 0 });
    found.set(name, curve);
  }
  return found;
}

/** One curve, with the range of its buckets; what is not finite is a mark at the bottom. @param {{curve: readonly Bucket[] | null | undefined, name: string}} props */
export function Spark({ curve, name }) {
  if (!curve) return null;
  const finite = curve.filter(({ low, high, mean }) => [low, high, mean].every(Number.isFinite));
  const least = Math.min(...finite.map(({ low }) => low));
  const most = Math.max(...finite.map(({ high }) => high));
  const x = (/** @type {Bucket} */ { at }) => (curve.length === 1 ? WIDTH / 2 : INSET + at * (WIDTH - 2 * INSET));
  const y = (/** @type {number} */ value) => (most > least ? HEIGHT - INSET - ((value / 2 - least / 2) / (most / 2 - least / 2)) * (HEIGHT - 2 * INSET) : HEIGHT / 2); // the halves, for the whole range of doubles has no double
  const line = finite.map((one, i) => `${i ? "L" : "M"}${x(one).toFixed(1)} ${y(one.mean).toFixed(1)}`).join("");
  const band = [...finite.map((one) => [x(one), y(one.high)]), ...[...finite].reverse().map((one) => [x(one), y(one.low)])].map((place) => place.map((n) => n.toFixed(1)).join(",")).join(" ");
  const label = finite.length ? `${name}: from ${number(finite[0].mean)} to ${number(finite[finite.length - 1].mean)}` : `${name}: nothing finite`;
  return h(
    "svg",
    { class: "spark", role: "img", "aria-label": label, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT },
    finite.length > 1 && h("polygon", { class: "spark-band", points: band }),
    finite.length === 1 ? h("circle", { class: "spark-dot", cx: x(finite[0]), cy: y(finite[0].mean), r: 2 }) : h("path", { class: "spark-line", d: line }),
    curve.filter(({ odd }) => odd).map((one) => h("path", { key: one.at, class: "spark-odd", d: `M${x(one).toFixed(1)} ${HEIGHT}v-5` })),
  );
}
