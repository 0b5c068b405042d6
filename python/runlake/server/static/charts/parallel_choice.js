// Choices on an axis: what a place that is pointed at, or a key, makes of the brush that there is.
// @ts-check
import { NOTHING, chooses } from "../lib/clauses.js";
import { extremesOf, isCounted, placeOf, roundAt, valueAt, valueText } from "../lib/scales.js";

/** @typedef {import("../lib/clauses.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Said} Said */

/** How much of an axis a key moves a bound, and a key for pages. */
const KEY_STEP = 1 / 64;
const PAGE_STEP = 1 / 8;

/** The ends of a brush as parts of its axis; where there is no brush, those of the axis. @param {Said} said @param {Brush | undefined} brush @returns {[number, number]} */
export function endsOf(said, brush) {
  const [low, high] = around(said, brush?.range ?? [null, null]);
  const at = (/** @type {number | null} */ value, /** @type {number} */ end) => (value === null ? end : Math.min(1, Math.max(0, placeOf(said, value))));
  const ends = [at(low, 0), at(high, 1)];
  return ends.some(Number.isNaN) ? [0, 1] : /** @type {[number, number]} */ (ends);
}

/**
 * The brush between two parts of an axis. Ends of the axis are no bounds, so that what comes beyond them belongs to it.
 *
 * @param {Said} said
 * @param {number} from
 * @param {number} to
 * @param {number} close how far a bound may be from there, for the sake of fewer digits
 * @param {boolean} missing whether runs without a place are chosen as well
 * @returns {Brush | null}
 */
export function between(said, from, to, close, missing) {
  const [first, last] = from <= to ? [from, to] : [to, from];
  const [least, largest] = extremesOf(said);
  let low = first <= 0 ? null : isCounted(said) ? Math.round(valueAt(said, first) + 0.5) : roundAt(said, first, close);
  let high = last >= 1 ? null : isCounted(said) ? Math.round(valueAt(said, last) - 0.5) : roundAt(said, last, close);
  if (low !== null && high !== null && high < low) low = high = isCounted(said) ? Math.round(valueAt(said, (first + last) / 2)) : low;
  if (isCounted(said)) [low, high] = [low !== null && low <= least ? null : low, high !== null && high >= largest ? null : high];
  if (low === null && high === null) return missing ? { ...NOTHING, missing } : null;
  return { range: [low, high], values: null, except: false, missing };
}

/** A range from edge to edge of its bins. @param {Said} said @param {readonly [number | null, number | null]} range @returns {[number | null, number | null]} */
function around(said, [low, high]) {
  const half = isCounted(said) ? 0.5 : 0;
  return [low === null ? null : low - half, high === null ? null : high + half];
}

/**
 * The brush with categories chosen or not; the last bin may be all others.
 *
 * @param {Said} said
 * @param {Brush | undefined} brush
 * @param {readonly number[]} bins
 * @param {boolean} on
 * @returns {Brush | null}
 */
export function withCategories(said, brush, bins, on) {
  const values = said.values ?? [];
  const isOn = values.map((value, i) => (bins.includes(i) ? on : brush !== undefined && chooses(brush, said.key, value)));
  const missing = brush?.missing ?? false;
  const texts = (/** @type {boolean} */ wanted) => /** @type {string[]} */ (values.filter((value, i) => value !== null && isOn[i] === wanted));
  if (!isOn.includes(true)) return missing ? { ...NOTHING, missing } : null;
  const isOpen = !isOn.includes(false) || isOn[values.indexOf(null)] === true;
  return { range: null, values: texts(!isOpen), except: isOpen, missing };
}

/** The brush with runs chosen that have no place on the axis, or no longer. @param {Brush | undefined} brush @returns {Brush | null} */
export function withMissing(brush) {
  const next = { ...(brush ?? NOTHING), missing: !brush?.missing };
  return next.missing || next.range || next.values ? next : null;
}

/**
 * What a key makes of a bound.
 *
 * @param {string} key
 * @param {Said} said
 * @param {number} part where the bound is
 * @returns {number | null} null for keys that move nothing
 */
export function movedBy(key, said, part) {
  const least = said.whole ? 1 / Math.max(1, /** @type {number} */ (said.high) - /** @type {number} */ (said.low)) : 0;
  const step = Math.max(KEY_STEP, Math.min(1, least));
  const page = Math.max(PAGE_STEP, step);
  const by = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step, PageUp: page, PageDown: -page, Home: -2, End: 2 }[key];
  return by === undefined ? null : Math.min(1, Math.max(0, part + by));
}

/** A brush in words. @param {Said} said @param {Brush | undefined} brush */
export function wordsOf(said, brush) {
  if (!brush) return "";
  const parts = [];
  if (brush.range) {
    const [low, high] = brush.range.map((value) => (value === null ? null : valueText(said, value)));
    parts.push(low !== null && high !== null ? (low === high ? low : `${low} to ${high}`) : low !== null ? `from ${low}` : `up to ${high}`);
  }
  if (brush.values) {
    const named = brush.values.length === 1 ? (brush.values[0] === "" ? "(empty)" : brush.values[0]) : `${brush.values.length} values`;
    parts.push(brush.except ? (brush.values.length ? `all but ${named}` : "any") : named);
  }
  if (brush.missing) parts.push("without a value");
  return parts.join(", ");
}
