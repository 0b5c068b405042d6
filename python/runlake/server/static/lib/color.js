// Colours of runs: the same run has the same colour and dash everywhere and always.
// @ts-check

// Ten colours told apart with every common kind of colour blindness (after Okabe and Ito, and Tol's "muted"), darker on
// white than on black so that each has a contrast of 3 with its ground; dashes tell apart what has the same colour.
const LIGHT = ["#0072b2", "#c44601", "#007a5a", "#aa3377", "#8a6d00", "#5b4bc4", "#117799", "#b3322c", "#4d7a1f", "#6e6e6e"];
const DARK = ["#56b4e9", "#ff9d5c", "#2fd3a3", "#ef8fc4", "#e6c229", "#a99bff", "#62d6e8", "#ff8a80", "#a5d66f", "#bdbdbd"];
/** @type {number[][]} lengths of dashes and gaps, in pixels; the first is a whole line */
const DASHES = [[], [6, 3], [2, 2]];

/** @typedef {{color: string, dash: number[]}} Ink how a line is drawn */

/**
 * The ink of a run, or of a group, by its id.
 *
 * @param {string} id
 * @param {boolean} dark
 * @returns {Ink}
 */
export function inkOf(id, dark) {
  const place = hash(id);
  const colors = dark ? DARK : LIGHT;
  return { color: colors[place % colors.length], dash: DASHES[Math.floor(place / colors.length) % DASHES.length] };
}

/** The border that looks like the line of an ink. @param {Ink} ink @returns {"solid" | "dashed" | "dotted"} */
export function borderOf({ dash }) {
  return dash.length === 0 ? "solid" : dash[0] < 3 ? "dotted" : "dashed";
}

// Hues of Viridis at nine places, for values from low to high: lighter from each to the next, so that it reads in grey as
// well, and each with a contrast of 3 with its ground, as Viridis' own ends have not: it begins darker than a dark page, and
// ends lighter than a pencil of yellow on white can be seen.
const ON_LIGHT = ["#440154", "#472c7a", "#3d4988", "#2d5f8c", "#20728d", "#12837f", "#3a9055", "#83912f", "#c28800"];
const ON_DARK = ["#8f62d3", "#7f78e2", "#618fe4", "#45a4da", "#34b6c6", "#3fc6a2", "#76d474", "#bbdf4a", "#fee825"];

/**
 * How far a value is from one end to the other, from 0 to 1; what is beyond them is at them. They may be infinite, or further
 * apart than any number; what has no place between them is in the middle.
 *
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function partBetween(value, low, high) {
  if (!(low < high)) return 0.5;
  if (value <= low || value >= high) return value <= low ? 0 : 1;
  const part = (value / 2 - low / 2) / (high / 2 - low / 2); // the halves, for the whole range of doubles has no double
  return Number.isNaN(part) ? 0.5 : part;
}

/** The colour of a value between two ends. @param {number} value @param {number} low @param {number} high @param {boolean} dark */
export function shadeBetween(value, low, high, dark) {
  return shade(partBetween(value, low, high), dark);
}

/**
 * The colour of a value between 0 and 1.
 *
 * @param {number} part
 * @param {boolean} dark
 * @returns {string} `rgb(…)`
 */
export function shade(part, dark) {
  const ramp = dark ? ON_DARK : ON_LIGHT;
  const place = Math.min(1, Math.max(0, part)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(place));
  const [from, to] = [channels(ramp[low]), channels(ramp[low + 1])];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (place - low))).join(",")})`;
}

/** @param {string} hex */
function channels(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** FNV-1a, 32 bits, with a last mixing so that ids that differ at the end alone spread. @param {string} text */
function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
