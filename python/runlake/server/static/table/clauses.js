// Clauses: conditions of the filter language that say what somebody points at.
// @ts-check
import { escaped, numberText, quoted } from "../lib/quoting.js";

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

/** @param {string} text */
function textCondition(text) {
  const said = quoted(text);
  if (said !== null) return `= ${said}`;
  return `RLIKE '^${escaped(text)}$'`;
}
