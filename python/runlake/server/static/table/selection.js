// Selection: which runs something is to be done with; single ones, or all that the filter leaves.
// @ts-check
import { signal } from "../vendor/preact.js";
import { selected, select } from "../state/visible.js";
import { partOf, rowAt, rowCount } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/** Whether all runs of the filter are selected, whichever they are. */
export const everyone = signal(false);
/** Groups of which all runs are selected, by their ids. @type {import("../vendor/preact.js").Signal<ReadonlyMap<string, {part: import("./clauses.js").Part, runs: number}>>} */
export const groups = signal(new Map());

let last = -1;

/** @param {Row} row */
export function isSelected(row) {
  return everyone.value || (row.kind === "group" ? groups.value.has(row.id) : selected.value.has(row.id));
}

/**
 * Select the row of a number, or no longer.
 *
 * @param {number} number
 * @param {boolean} range also all rows between it and the one that was chosen before
 */
export function choose(number, range) {
  const row = rowAt(number);
  if (!row || row.kind === "pending") return;
  const on = !isSelected(row);
  everyone.value = false;
  const [from, to] = range && last >= 0 && last < rowCount() ? between(last, number) : [number, number];
  const rows = [];
  for (let i = from; i <= to; i += 1) rows.push(rowAt(i));
  last = number;
  const shown = /** @type {Row[]} */ (rows.filter((one) => one !== null));
  select(shown.filter((one) => one.kind === "run").map((one) => one.id), on || range);
  const next = new Map(groups.value);
  for (const one of shown) {
    if (one.kind !== "group") continue;
    if (on || range) next.set(one.id, { part: partOf(one), runs: Number(one.value("runs")) });
    else next.delete(one.id);
  }
  groups.value = next;
}

/** Select all runs of the filter, or none. @param {boolean} on */
export function chooseAll(on) {
  selected.value = new Set();
  groups.value = new Map();
  everyone.value = on;
  last = -1;
}

/** Select nothing by a filter any more: it is another one. */
export function forgetFilter() {
  if (everyone.peek()) everyone.value = false;
  if (groups.peek().size) groups.value = new Map();
  last = -1;
}

/** @param {number} a @param {number} b @returns {[number, number]} */
export function between(a, b) {
  return a < b ? [a, b] : [b, a];
}
