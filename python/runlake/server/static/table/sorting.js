// Sorting: the clauses of the order, and what a click on the head of a column makes of them.
// @ts-check
import { isGain } from "../lib/judging.js";
import { change, view } from "../state/view.js";

/** @typedef {{name: string, descending: boolean, place: number}} Sorted place: from 0 */

/**
 * How a column is sorted; null when it is not.
 *
 * @param {readonly string[]} sort
 * @param {string} name
 * @returns {Sorted | null}
 */
export function sortOf(sort, name) {
  const place = sort.findIndex((clause) => read(clause).name === name);
  return place < 0 ? null : { ...read(sort[place]), place };
}

/** A clause of an order in its parts. @param {string} clause */
export function read(clause) {
  const found = /^(.*?)(?:\s+(ASC|DESC))?$/is.exec(clause.trim());
  return { name: found?.[1] ?? clause, descending: found?.[2]?.toUpperCase() === "DESC" };
}

/**
 * The order after a click on a column: up, then down, then not by it at all; the best first, down and then up, where more
 * is better.
 *
 * @param {readonly string[]} sort
 * @param {string} name
 * @param {boolean} adds whether the other columns still count
 * @returns {string[]}
 */
export function clicked(sort, name, adds) {
  const before = sortOf(sort, name);
  const [first, second] = /metrics\./.test(name) && isGain(name) ? [`${name} DESC`, name] : [name, `${name} DESC`];
  const next = before === null ? first : sort[before.place] === first ? second : null;
  if (!adds) return next === null ? [] : [next];
  if (before === null) return [...sort, first];
  return sort.flatMap((clause, i) => (i !== before.place ? [clause] : next === null ? [] : [next]));
}

/** @param {string} name @param {boolean} adds */
export function toggleSort(name, adds) {
  change({ sort: clicked(view.sort.value, name, adds) });
}

/** Sort by one column. @param {string} name @param {boolean} descending @param {boolean} [adds] */
export function sortBy(name, descending, adds = false) {
  const clause = descending ? `${name} DESC` : name;
  const rest = adds ? view.sort.value.filter((one) => read(one).name !== name) : [];
  change({ sort: [...rest, clause] });
}
