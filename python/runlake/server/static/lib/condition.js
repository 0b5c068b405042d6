// Condition: what the filter language says of a value that somebody points at.
// @ts-check
import { LONGEST_PATTERN, escaped, numberText, quoted } from "./quoting.js";

/** @typedef {{where: string | undefined, by: string, value: any}} Part runs of a filter that have a value in common */

/** The filter that leaves the runs of a group. @param {Part} part */
export function groupWhere({ where, by, value }) {
  const own = clauseOf(by, value);
  return where ? `(${where}) AND ${own}` : own;
}

/**
 * The condition that a column has a value.
 *
 * @param {string} name as filters name it
 * @param {any} value null is none; numbers and truths are compared as such, all else as text
 * @returns {string}
 */
export function clauseOf(name, value) {
  if (value === null || value === undefined) return `${name} IS NULL`;
  if (Number.isNaN(value)) return `${name} IS NOT NULL AND NOT ${name} >= 0 AND NOT ${name} < 0`;
  if (typeof value === "number" || typeof value === "bigint") return `${name} = ${typeof value === "bigint" ? value : numberText(value)}`;
  if (typeof value === "boolean") return `${name} = ${value ? "TRUE" : "FALSE"}`;
  return `${name} ${textCondition(String(value))}`;
}

/** Whether the server takes a condition that a column has this value: a text that cannot be quoted is a pattern. @param {any} value */
export function isSayable(value) {
  return typeof value !== "string" || quoted(value) !== null || patternOf(value).length <= LONGEST_PATTERN;
}

/** @param {string} text */
function textCondition(text) {
  const said = quoted(text);
  return said === null ? `RLIKE '${patternOf(text)}'` : `= ${said}`;
}

/** @param {string} text */
function patternOf(text) {
  return `^${escaped(text)}$`;
}
