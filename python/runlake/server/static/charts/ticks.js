// Ticks: the ends of an axis, and where it has marks. All of it works for any finite numbers; a log scale has none below 0.
// @ts-check
import { number } from "../lib/format.js";

/** @typedef {"linear" | "log" | "symlog"} Scale */
/** @typedef {[number, number]} Ends */

const STEPS = [1, 2, 5, 10];
const DAY = 864e5;
const TIMES = [1, 5, 10, 50, 100, 500, 1e3, 5e3, 15e3, 30e3, 60e3, 300e3, 900e3, 1800e3, 36e5, 108e5, 216e5, 432e5, DAY, 2 * DAY, 7 * DAY, 28 * DAY];
const PAD = 0.04;
const HUGE = Number.MAX_VALUE / 8;

/**
 * The ends of an axis on which values are drawn, with some room, and never equal.
 *
 * @param {number} low
 * @param {number} high
 * @param {Scale} scale of `log` both have to be above 0
 * @returns {Ends}
 */
export function ends(low, high, scale) {
  if (!(low <= high)) return scale === "log" ? [0.1, 10] : [0, 1];
  if (scale === "log") {
    const pad = low === high ? 2 : (high / low) ** PAD;
    return [Math.min(HUGE, Math.max(low / pad, Number.MIN_VALUE)), Math.min(high * pad, 2 * HUGE)];
  }
  const [from, to] = [low, high].map((end) => Math.min(HUGE, Math.max(-HUGE, end)));
  const pad = Math.max((to - from) * PAD, to > from ? 0 : Math.abs(from) * 0.1 || 1, Math.abs(from) * 1e-12);
  return [from - pad, to + pad];
}

/**
 * Where marks are.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} most about how many fit
 * @param {Scale} scale
 * @param {{whole?: boolean, threshold?: number}} [how] whole: of whole numbers only; threshold: below it symlog is linear
 * @returns {number[]} ascending
 */
export function ticks(low, high, most, scale, { whole = false, threshold = 1 } = {}) {
  if (!(low < high)) return [low];
  if (scale === "log") return logTicks(low, high, most);
  if (scale === "symlog") return symlogTicks(low, high, most, threshold);
  const step = niceStep((high - low) / Math.max(1, most), whole);
  const found = step > 0 ? multiples(low, high, step) : [];
  return found.length ? found : [low, high]; // so short a span that its parts cannot be told apart
}

/** Marks of a span of time in milliseconds. @param {number} low @param {number} high @param {number} most */
export function timeTicks(low, high, most) {
  const wanted = (high - low) / Math.max(1, most);
  return multiples(low, high, TIMES.find((step) => step >= wanted) ?? niceStep(wanted / DAY, true) * DAY);
}

/** @param {number} low @param {number} high @param {number} step */
function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  const found = [];
  for (let i = first; i <= last && found.length < 100; i += 1) found.push(Number((i * step).toPrecision(15)));
  return found;
}

/** The least of 1, 2, 5 times a power of ten that is not below a width. @param {number} width @param {boolean} whole */
function niceStep(width, whole) {
  const power = 10 ** Math.floor(Math.log10(width));
  const step = (STEPS.find((one) => one * power >= width * (1 - 1e-9)) ?? 10) * power;
  return whole ? Math.max(1, Math.round(step)) : step;
}

/** @param {number} low @param {number} high @param {number} most */
function logTicks(low, high, most) {
  const fine = powersWithin(low, high, [1, 2, 5]);
  if (fine.length > 1 && fine.length <= most) return fine;
  const found = spread(powersWithin(low, high, [1]), most);
  if (found.length > 1) return found;
  const even = ticks(low, high, most, "linear").filter((value) => value > 0);
  return even.length > 1 ? even : [low, high];
}

/** Some times powers of ten between two values. @param {number} low @param {number} high @param {readonly number[]} parts */
function powersWithin(low, high, parts) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const powers = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const all = powers.flatMap((power) => parts.map((part) => Number(`${part}e${power}`)));
  return all.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
}

/** At most so many of some values, evenly. @param {readonly number[]} values @param {number} most */
function spread(values, most) {
  const stride = Math.max(1, Math.ceil(values.length / Math.max(1, most)));
  return values.filter((_, i) => i % stride === 0);
}

/** @param {number} low @param {number} high @param {number} most @param {number} threshold */
function symlogTicks(low, high, most, threshold) {
  const up = spread(powersWithin(threshold * 10, high, [1]), most / 2);
  const down = spread(powersWithin(threshold * 10, -low, [1]), most / 2);
  const found = [...down.map((value) => -value).reverse(), ...(low <= 0 && high >= 0 ? [0] : []), ...up];
  const inside = found.filter((value) => value >= low && value <= high);
  return inside.length > 1 ? inside : ticks(low, high, most, "linear");
}

/**
 * Below which absolute value symlog is linear: three powers of ten below the largest.
 *
 * @param {number} low
 * @param {number} high
 */
export function thresholdOf(low, high) {
  const most = Math.max(Math.abs(low), Math.abs(high));
  return most > 0 && Number.isFinite(most) ? Math.max(10 ** (Math.floor(Math.log10(most)) - 3), 1e-300) : 1;
}

/**
 * A place between 0 and 1 for each value of an axis.
 *
 * @param {Ends} of
 * @param {Scale} scale
 * @param {number} [threshold]
 * @returns {(value: number) => number}
 */
export function placer([low, high], scale, threshold = 1) {
  const bent = BENT[scale];
  const [from, to] = [bent(low, threshold), bent(high, threshold)];
  return (value) => (bent(value, threshold) - from) / (to - from || 1);
}

/** @type {Record<Scale, (value: number, threshold: number) => number>} */
const BENT = {
  linear: (value) => value,
  log: (value) => Math.log10(value),
  symlog: (value, threshold) => Math.asinh(value / threshold),
};

/**
 * Times as text, as fine as they are apart; the date below the first one of each day.
 *
 * @param {readonly number[]} times in milliseconds since 1970
 * @param {number} apart in milliseconds
 */
export function timeTexts(times, apart) {
  let before = "";
  return times.map((ms) => {
    const date = new Date(ms);
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
    const seconds = apart < 60_000 ? `:${two(date.getSeconds())}` : "";
    const parts = apart < 1000 ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
    const isNew = day !== before;
    before = day;
    if (apart >= DAY) return day;
    return isNew ? `${clock}${seconds}${parts}\n${day}` : `${clock}${seconds}${parts}`;
  });
}

/** @param {number} value */
function two(value) {
  return String(value).padStart(2, "0");
}

/** Marks as text, short and no two alike. @param {readonly number[]} values @returns {string[]} */
export function tickTexts(values) {
  const texts = values.map((value) => (Math.abs(value) >= 1e4 && Math.abs(value) < 1e15 ? short(value) : number(value)));
  return new Set(texts).size === texts.length ? texts : values.map((value) => String(value).replaceAll("-", "−"));
}

/** @param {number} value */
function short(value) {
  for (const [size, letter] of /** @type {const} */ ([[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
    if (Math.abs(value) >= size) return `${number(Number((value / size).toPrecision(6)))}${letter}`;
  }
  return number(value);
}
