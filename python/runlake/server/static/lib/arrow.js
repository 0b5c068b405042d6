// Arrow streams of an answer, as tables, and their columns as arrays that can be drawn.
// @ts-check
import { tableFromIPC } from "../vendor/flechette.js";

/** @typedef {import("../vendor/flechette.js").Table} Table */
/** @typedef {Uint8Array | Uint16Array | Uint32Array | Float64Array} Counts */

// Whole numbers beyond 2^53 come as BigInt, or reading them would fail: a step may be any 64-bit number, and so may a time,
// of which the server sends milliseconds.
const OPTIONS = { useBigInt: true, useBigIntTimestamp: true };

/**
 * Read the streams that a body begins with, and the notes behind them.
 *
 * @param {ArrayBuffer} body
 * @param {number[]} lengths of the streams, in bytes
 * @returns {{parts: Table[], notes: any}}
 */
export function parse(body, lengths) {
  const parts = [];
  let start = 0;
  for (const length of lengths) {
    // A copy of its own: numbers are read in place only where they begin at a multiple of their size.
    const aligned = start % 8 === 0 ? new Uint8Array(body, start, length) : new Uint8Array(body.slice(start, start + length));
    parts.push(tableFromIPC(aligned, OPTIONS));
    start += length;
  }
  const text = new TextDecoder().decode(new Uint8Array(body, start));
  return { parts, notes: text ? JSON.parse(text) : {} };
}

/**
 * A column as 64-bit floating point numbers; what is missing is NaN, and whole numbers beyond 2^53 lose their last digits.
 *
 * @param {Table} table
 * @param {string} name
 * @returns {Float64Array} empty when there is no such column
 */
export function numbers(table, name) {
  const column = table.getChild(name);
  if (!column) return new Float64Array(0);
  const values = column.toArray();
  if (values instanceof Float64Array) return values;
  const found = new Float64Array(column.length);
  for (let i = 0; i < found.length; i += 1) found[i] = toNumber(values[i]);
  return found;
}

/**
 * A column of numbers none of which is missing or beyond 2^53, without a copy where it came in one piece.
 *
 * @param {Table} table
 * @param {string} name
 * @returns {Counts} empty when there is no such column
 */
export function counts(table, name) {
  const column = table.getChild(name);
  const values = column?.toArray();
  const isPlain = values instanceof Uint32Array || values instanceof Uint16Array || values instanceof Uint8Array;
  return isPlain ? values.subarray(0, column?.length) : numbers(table, name); // a buffer may be padded
}

/**
 * A column as it is: text, numbers (BigInt only where they are beyond 2^53), booleans, null.
 *
 * @param {Table} table
 * @param {string} name
 * @returns {any[]} empty when there is no such column
 */
export function values(table, name) {
  const column = table.getChild(name);
  if (!column) return [];
  const read = new Array(column.length);
  for (let i = 0; i < read.length; i += 1) read[i] = plain(column.at(i));
  return read;
}

/**
 * Columns of a table by name, each as `values` gives it.
 *
 * @param {Table} table
 * @returns {Map<string, any[]>}
 */
export function columns(table) {
  return new Map(table.names.map((name) => [String(name), values(table, String(name))]));
}

/** @param {any} value */
function toNumber(value) {
  return value === null || value === undefined ? NaN : Number(value);
}

/** @param {any} value */
function plain(value) {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
