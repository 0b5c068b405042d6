// Rows: what the table's row of a number is, a run or a group of runs, and how it opens.
// @ts-check
import { cell, time } from "../lib/format.js";
import { keyOfRow, root } from "../state/runs.js";
import { keyOf } from "../state/layout.js";

/** @typedef {import("../state/tree.js").List} List */
/**
 * @typedef {{
 *   kind: "run" | "group" | "pending", id: string, depth: number, list: List, index: number, opens: boolean, isOpen: boolean,
 *   value: (name: string) => any,
 * }} Row `id`: of the run, or what the runs of the group have in common; `opens`: there is something below
 */

/** How many rows the table has, of the first list and of all that are opened. */
export function rowCount() {
  return root.peek()?.height ?? 0;
}

/** @param {number} number @returns {Row | null} */
export function rowAt(number) {
  const place = root.peek()?.find(number);
  return place ? rowOf(place.list, place.index) : null;
}

/** @param {List} list @param {number} index @returns {Row} */
export function rowOf(list, index) {
  const { windows, depth } = list;
  const value = (/** @type {string} */ name) => windows.value(index, name);
  const common = { list, index, depth, value, isOpen: list.open.has(index) };
  if (!windows.has(index)) return { ...common, kind: "pending", id: "", opens: false };
  if (windows.question.group) return { ...common, kind: "group", id: keyOfRow(list, index), opens: true };
  return { ...common, kind: "run", id: value("run_id"), opens: Number(value("children") ?? 0) > 0 };
}

/** What a group is called: by what, and the value that its runs have in common. @param {Row} row */
export function groupOf(row) {
  const by = byOf(row);
  const value = row.value(by);
  return { of: keyOf(by), value: value === null || value === undefined ? "none" : /_time$/.test(by) ? time(value) : cell(value) || "“”" };
}

/** The name by which the rows of a row's list are grouped. @param {Row} row @returns {string} */
export function byOf(row) {
  return row.list.windows.question.group[0];
}

/** Open what is below a row, or close it. @param {Row} row */
export async function toggleOpen(row) {
  if (row.opens || row.isOpen) (await import("../state/opener.js")).toggle(row.list, row.index);
}

/**
 * What says which runs a group has: the filter that it is a part of, and the value that they have in common.
 *
 * @param {Row} row
 * @returns {import("../lib/condition.js").Part}
 */
export function partOf(row) {
  return { where: row.list.windows.question.where, by: byOf(row), value: row.value(byOf(row)) };
}
