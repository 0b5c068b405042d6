// Selection: which runs something is to be done with; single ones, or all that the filter leaves.
// @ts-check
import { signal } from "../vendor/preact.js";
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { groupId, pathOf } from "../state/runs.js";
import { complain } from "../state/toasts.js";
import { selected, select } from "../state/visible.js";
import { partOf, rowAt, rowCount } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

/** Whether all runs of the filter are selected, whichever they are. */
export const everyone = signal(false);
/** Groups of which all runs are selected, by their ids. @type {import("../vendor/preact.js").Signal<ReadonlyMap<string, {part: import("../lib/condition.js").Part, runs: number}>>} */
export const groups = signal(new Map());

let last = -1;
/** Counts what was chosen, so that rows that come late are not added to what was chosen after them. */
let turn = 0;

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
  turn += 1;
  const shown = /** @type {Row[]} */ (rows.filter((one) => one !== null));
  select(shown.filter((one) => one.kind === "run").map((one) => one.id), on || range);
  const next = new Map(groups.value);
  for (const one of shown) {
    if (one.kind !== "group") continue;
    if (on || range) next.set(one.id, { part: partOf(one), runs: Number(one.value("runs")) });
    else next.delete(one.id);
  }
  groups.value = next;
  const lacking = shown.filter((one) => one.kind === "pending");
  for (const list of new Set(lacking.map((one) => one.list))) {
    const places = lacking.filter((one) => one.list === list).map(({ index }) => index);
    chooseFar(list, places[0], places[places.length - 1] + 1, turn).catch(complain);
  }
}

/**
 * Select rows of a list that are not here: those between two ends of a range that the reader has never looked at.
 *
 * @param {Row["list"]} list
 * @param {number} from
 * @param {number} to the row after the last
 * @param {number} of the turn in which they were chosen
 */
async function chooseFar(list, from, to, of) {
  const { question, tx } = list.windows;
  const by = question.group?.[0];
  const { parts: [table] } = await ask("runs", { ...question, columns: by ? [] : ["run_id"], offset: from, limit: to - from, tx });
  if (of !== turn) return;
  if (!by) return select(values(table, "run_id"), true);
  const runs = values(table, "runs");
  const far = values(table, by).map((value, i) => /** @type {const} */ ([groupId([...pathOf(list), value]), { part: { where: question.where, by, value }, runs: Number(runs[i]) }]));
  groups.value = new Map([...groups.value, ...far]);
}

/** Select all runs of the filter, or none. @param {boolean} on */
export function chooseAll(on) {
  turn += 1;
  selected.value = new Set();
  groups.value = new Map();
  everyone.value = on;
  last = -1;
}

/** Select nothing by a filter any more: it is another one. */
export function forgetFilter() {
  turn += 1;
  if (everyone.peek()) everyone.value = false;
  if (groups.peek().size) groups.value = new Map();
  last = -1;
}

/** @param {number} a @param {number} b @returns {[number, number]} */
export function between(a, b) {
  return a < b ? [a, b] : [b, a];
}
