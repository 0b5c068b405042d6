// Values as people read them.
// @ts-check

const DIGITS = 5;
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const LONGEST_LINE = 1000; // characters
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Times further from 1970 have no date. A run may say that it began at any 64-bit number, such as nanoseconds. */
const LAST_MS = 8.64e15;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const moment = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});
const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/**
 * A number with five significant digits; whole numbers in full.
 *
 * @param {number | bigint | null | undefined} value
 */
export function number(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "bigint") return value.toString();
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(DIGITS - 1).replace(/\.?0+e/, "e").replace("e+", "e") : String(Number(value.toPrecision(DIGITS)));
  return text.replaceAll("-", "−");
}

/** How many there are, with separators: 100,000. @param {number | bigint} value */
export function count(value) {
  return whole.format(value);
}

/** Any value of a table's cell as one line. @param {any} value */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  return String(value);
}

/** A size in bytes: 1.5 MB. @param {number} bytes */
export function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${UNITS[unit]}`;
}

/** Whether a time in milliseconds since 1970 has a date. @param {number | bigint} ms */
export function isDate(ms) {
  return Math.abs(Number(ms)) <= LAST_MS;
}

/** A time in milliseconds since 1970 in the reader's zone, or what was said instead of one. @param {number | bigint | null | undefined} ms */
export function time(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  return isDate(ms) ? moment.format(Number(ms)) : `${number(ms)} ms`;
}

/**
 * How long ago a time is: 3 minutes ago.
 *
 * @param {number | bigint | null | undefined} ms since 1970
 * @param {number} [now]
 */
export function since(ms, now = Date.now()) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (!isDate(ms)) return time(ms);
  const passed = Number(ms) - now;
  for (const [unit, length] of /** @type {const} */ ([["day", DAY], ["hour", HOUR], ["minute", MINUTE]])) {
    if (Math.abs(passed) >= length) return ago.format(Math.trunc(passed / length), unit);
  }
  return ago.format(Math.trunc(passed / SECOND), "second");
}

/** A span of time in milliseconds: 1 h 12 min. @param {number | bigint | null | undefined} span @returns {string} */
export function duration(span) {
  if (span === null || span === undefined || Number.isNaN(span)) return "";
  const ms = Number(span);
  if (ms < 0) return `−${duration(-ms)}`; // a clock was set back meanwhile
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${Number((ms / SECOND).toPrecision(3))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
  return `${Math.floor(ms / DAY)} d ${Math.floor((ms % DAY) / HOUR)} h`;
}

/** A word with its number: 1 run, 2 runs. @param {number} n @param {string} word */
export function plural(n, word) {
  return `${count(n)} ${word}${n === 1 ? "" : "s"}`;
}

/** The first line of a text in Markdown, for a list: without the marks that would be seen there. @param {string} text */
export function firstLine(text) {
  const [line] = text.slice(0, LONGEST_LINE).trimStart().split("\n", 1);
  return line.replace(/^#+\s+/, "").replace(/\*\*(.+?)\*\*/g, "$1").replace(/`([^`]+)`/g, "$1").replace(/\[([^\]]+)\]\([^)\s]*\)/g, "$1");
}
