// Scales of axes: where on an axis, from 0 (its low end) to 1, a value is, and which values to write beside it.
// @ts-check
import { duration, isDate, number } from "./format.js";

/**
 * An axis as the server says it. Numbers have `low` and `high`, null when there are none; categories have `values`, of
 * which a last null stands for all others.
 *
 * @typedef {{
 *   key: string, scale: string, bins: number, low?: number | null, high?: number | null, values?: readonly (string | null)[],
 *   whole?: boolean, unplaced?: number,
 * }} Said
 */

/** @typedef {{part: number, text: string}} Tick */

const NICE = [1, 2, 5, 10];
const SECOND = 1000;
const HOUR = 3600;
const DAY = 24 * HOUR;
const TIMES = [1, 5, 15, 30, 60, 300, 900, 1800, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY].map((s) => s * SECOND);
const day = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Whether an axis is one of categories. @param {Said} said */
export function isCategory(said) {
  return said.values !== undefined;
}

/**
 * Where a value is on its axis.
 *
 * @param {Said} said
 * @param {any} value a number, or the text of a category
 * @returns {number} from 0 to 1, or beyond for numbers beyond the ends; NaN when it has no place
 */
export function placeOf(said, value) {
  if (value === null || value === undefined) return NaN;
  if (said.values) return categoryPlace(said.values, String(value));
  const { low, high } = said;
  if (low === null || low === undefined || high === null || high === undefined || !Number.isFinite(value)) return NaN;
  if (said.scale === "log" && !(value > 0)) return NaN;
  if (low === high) return value === low ? 0.5 / said.bins : value < low ? -1 : 2;
  const [at, first, last] = said.scale === "log" ? [Math.log10(value), Math.log10(low), Math.log10(high)] : [value, low, high];
  return (at * 0.5 - first * 0.5) / (last * 0.5 - first * 0.5); // halves: a difference of large numbers may be infinite
}

/**
 * The number at a place of an axis of numbers.
 *
 * @param {Said} said
 * @param {number} part
 */
export function valueAt(said, part) {
  const { low = 0, high = 0 } = /** @type {{low: number, high: number}} */ (said);
  if (part <= 0) return low;
  if (part >= 1) return high;
  if (said.scale === "log") return 10 ** (Math.log10(low) + (Math.log10(high) - Math.log10(low)) * part);
  return low * (1 - part) + high * part;
}

/** Whether each bin of an axis is that of one whole number, which is in its middle. @param {Said} said */
export function isCounted({ whole, scale, low, high, bins }) {
  return whole === true && scale === "linear" && typeof low === "number" && typeof high === "number" && low % 1 !== 0 && high - low === bins;
}

/** The least and the largest value on an axis of numbers. @param {Said} said @returns {[number, number]} */
export function extremesOf(said) {
  const [low, high] = [/** @type {number} */ (said.low), /** @type {number} */ (said.high)];
  return isCounted(said) ? [low + 0.5, high - 0.5] : [low, high];
}

/**
 * The number with the fewest digits that is, to the eye, at a place of an axis: a bound that was dragged there.
 *
 * @param {Said} said
 * @param {number} part
 * @param {number} close how far from there it may be
 */
export function roundAt(said, part, close) {
  const value = valueAt(said, part);
  if (said.whole) return Math.round(value);
  for (let digits = 1; digits < 17; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.abs(placeOf(said, short) - part) <= close) return short;
  }
  return value;
}

/**
 * Values to write beside an axis.
 *
 * @param {Said} said
 * @param {number} most how many have room
 * @returns {Tick[]}
 */
export function ticksOf(said, most) {
  if (said.values) return categoryTicks(said.values, most);
  if (said.low === null || said.low === undefined) return [];
  const [low, high] = extremesOf(said);
  const values = low === high ? [low] : said.scale === "log" ? logSteps(low, high, most) : linearSteps(said, low, high, most);
  const shown = values.length > 1 || low === high ? values : [low, high];
  return shown.map((value) => ({ part: placeOf(said, value), text: valueText(said, value) }));
}

/** A value of an axis as people read it. @param {Said} said @param {number} value */
export function valueText(said, value) {
  if (isTime(said)) return momentText(value, /** @type {number} */ (said.high) - /** @type {number} */ (said.low));
  return said.key === "duration" ? duration(value) : number(value);
}

/** @param {Said} said */
function isTime(said) {
  return said.key === "start_time" || said.key === "end_time";
}

/** @param {number} ms @param {number} span of the axis, in milliseconds */
function momentText(ms, span) {
  if (!isDate(ms)) return number(ms);
  if (span > 3 * DAY * SECOND) return day.format(ms);
  return span > 20 * HOUR * SECOND ? `${day.format(ms)} ${minute.format(ms)}` : minute.format(ms);
}

/** @param {readonly (string | null)[]} values @param {string} text */
function categoryPlace(values, text) {
  const at = values.indexOf(text);
  const found = at >= 0 ? at : values.at(-1) === null ? values.length - 1 : NaN;
  return (found + 0.5) / values.length;
}

/** @param {readonly (string | null)[]} values @param {number} most @returns {Tick[]} */
function categoryTicks(values, most) {
  const every = Math.max(1, Math.ceil(values.length / Math.max(1, most)));
  const ticks = values.map((value, i) => ({ part: (i + 0.5) / values.length, text: value === null ? "other" : value === "" ? "(empty)" : value }));
  return ticks.filter((_, i) => i % every === 0);
}

/** @param {Said} said @param {number} low @param {number} high @param {number} most */
function linearSteps(said, low, high, most) {
  const rough = (high * 0.5 - low * 0.5) / Math.max(1, most) * 2;
  const step = isTime(said) || said.key === "duration" ? (TIMES.find((one) => one >= rough) ?? niceStep(rough)) : niceStep(rough);
  const width = said.whole ? Math.max(1, step) : step;
  const steps = [];
  for (let i = Math.ceil(low / width - 1e-9); i <= Math.floor(high / width + 1e-9) && steps.length <= most + 1; i += 1) {
    steps.push(Number((i * width).toPrecision(12)));
  }
  return steps;
}

/** @param {number} rough */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return (NICE.find((one) => one * power >= rough * (1 - 1e-9)) ?? 10) * power;
}

/** @param {number} low @param {number} high @param {number} most */
function logSteps(low, high, most) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const within = (/** @type {number} */ value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
  for (const parts of [NICE.slice(0, 3), [1]]) {
    const steps = [];
    for (let power = first; power <= last; power += 1) steps.push(...parts.map((part) => Number(`${part}e${power}`)));
    const found = steps.filter(within);
    if (found.length <= most) return found;
    if (parts.length === 1) return found.filter((_, i) => i % Math.ceil(found.length / most) === 0);
  }
  return [];
}
