// Points of a metric over versions: what can be drawn, what cannot, and the way from one to the next.
// @ts-check
import { number } from "../lib/format.js";

/** @typedef {{version: number, value: number | null, said: string}} Point value: null where nothing can be drawn; said: the value as text, empty where there is none */

const LARGEST = 1e300; // what is beyond has no place on an axis
/** @type {Record<string, string>} */
const NOT_FINITE = { NaN: "NaN", Infinity: "+∞", "-Infinity": "−∞" };

/**
 * Points as the server gives them.
 *
 * @param {readonly number[]} versions ascending
 * @param {readonly (number | string | boolean | null)[]} values NaN and infinities are texts
 * @returns {Point[]}
 */
export function points(versions, values) {
  return versions.map((version, i) => {
    const value = values[i];
    if (typeof value === "number" && Math.abs(value) < LARGEST) return { version, value, said: number(value) };
    return { version, value: null, said: value === null || value === undefined ? "" : (NOT_FINITE[String(value)] ?? String(value)) };
  });
}

/** Where a key leads from a place among points; null where it is none for that. @param {string} key @param {number} at @param {number} length @returns {number | null} */
export function moved(key, at, length) {
  const far = Math.max(1, Math.round(length / 10));
  const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - far, PageUp: at + far, Home: 0, End: length - 1 }[key];
  return to === undefined ? null : Math.max(0, Math.min(length - 1, to));
}

/** The place of a version among points, or of the nearest one. @param {readonly Point[]} among @param {number} version @returns {number} */
export function nearest(among, version) {
  let low = 0;
  let high = among.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (among[middle].version < version) low = middle + 1;
    else high = middle;
  }
  return low > 0 && version - among[low - 1].version <= among[low].version - version ? low - 1 : low;
}

/** What is read of a point: version 7: 0.93, @champion. @param {Point} point @param {readonly string[]} held by which targets */
export function read({ version, said }, held) {
  return [`version ${version}: ${said || "no value"}`, ...held].join(", ");
}
