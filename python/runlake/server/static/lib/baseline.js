// Baseline: how far a value is from that of another run, in words and signs.
// @ts-check
import { count, number } from "./format.js";

const SPECIAL = /** @type {Record<string, number>} */ ({ nan: NaN, inf: Infinity, "-inf": -Infinity, NaN, Infinity, "-Infinity": -Infinity });
const DIGITS = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * The number that a text reads as.
 *
 * @param {string | null} text
 * @returns {number | null} null when it is none
 */
export function read(text) {
  if (text === null) return null;
  if (Object.hasOwn(SPECIAL, text)) return SPECIAL[text];
  return DIGITS.test(text) ? Number(text) : null;
}

/**
 * How far one text is from another, where both are finite numbers that differ.
 *
 * @param {string | null} text
 * @param {string | null} baseline
 * @returns {{up: boolean, absolute: string, relative: string} | null} relative is empty where the baseline is zero
 */
export function change(text, baseline) {
  const [value, base] = [read(text), read(baseline)];
  if (value === null || base === null || !Number.isFinite(value) || !Number.isFinite(base) || value === base) return null;
  const by = value - base;
  return { up: by > 0, absolute: signed(by, number(Math.abs(by))), relative: base === 0 ? "" : percent(by / Math.abs(base)) };
}

/** @param {number} share */
function percent(share) {
  const size = Math.abs(share * 100);
  const text = size >= 1e6 ? size.toExponential(1).replace("e+", "e") : size >= 100 ? count(Math.round(size)) : size >= 10 ? size.toFixed(1) : size >= 0.01 ? size.toFixed(2) : "<0.01";
  return `${signed(share, text)} %`;
}

/** @param {number} sign @param {string} text */
function signed(sign, text) {
  return (sign > 0 ? "+" : "−") + text;
}
