// Opener: opens and closes rows of the table, which is to say in the address, and finds those that it says.
// @ts-check
import { groupWhere, isSayable } from "../lib/condition.js";
import { isOpen, pathBelow, withClosed, withOpened } from "../lib/opened.js";
import { ROWS } from "../lib/rows.js";
import { fitting } from "../lib/url.js";
import { say } from "./toasts.js";
import { change, current, view } from "./view.js";

/** @typedef {import("./tree.js").List} List */
/**
 * A row that is open: its path, what is asked for the rows below it, and what all of them have in common: the values of the
 * groups that they are in.
 *
 * @typedef {{index: number, path: string, fields: import("../lib/api.js").Fields, said: unknown[]}} Below
 */

/** Rows of a window by their paths: whether one of them is open is asked whenever something comes. @type {WeakMap<object, Map<string, number>>} */
const known = new WeakMap();

/** Open a row, or close it with all that is below it. @param {List} list @param {number} index */
export function toggle(list, index) {
  const value = valueOf(list, index);
  const path = pathBelow(list.path, value);
  if (isOpen(view.open.peek(), path)) {
    change({ open: withClosed(view.open.peek(), path) }, { replace: true });
  } else if (isGroup(list) && !isSayable(value)) {
    say("This group cannot be opened: its value has both kinds of quotation marks and is too long for a filter.", { tone: "bad" });
  } else {
    const fitted = unsaid() === 0;
    change({ open: withOpened(view.open.peek(), path) }, { replace: true });
    if (fitted && unsaid() > 0) say("The address is too long for all that is open: a link or a reload closes what was opened last. A saved view keeps it.");
  }
}

/** How much of what is open the address does not say. */
function unsaid() {
  return view.open.peek().length - fitting(current()).length;
}

/** Whether the row is to be open below which a list is. @param {List} list */
export function isWanted({ path }) {
  return isOpen(view.open.peek(), path);
}

/** The rows of a list that are here and that the address says are open. @param {List} list @returns {Below[]} */
export function wanted(list) {
  const above = `${list.path}/`;
  const open = view.open.peek().filter((one) => one.startsWith(above));
  const paths = new Set(open.map((one) => above + one.slice(above.length).split("/", 1)));
  return [...paths].flatMap((path) => {
    const index = find(list, path);
    return index === null ? [] : below(list, index, path);
  });
}

/** @param {List} list @param {number} index @param {string} path @returns {Below[]} none where there is nothing below it */
function below(list, index, path) {
  const { question } = list.windows;
  const value = valueOf(list, index);
  if (!isGroup(list)) {
    const opens = Number(list.windows.value(index, "children") ?? 0) > 0;
    return opens ? [{ index, path, fields: { ...question, nested: undefined, parent: value }, said: [] }] : [];
  }
  if (!isSayable(value)) return [];
  const [by] = question.group;
  const names = view.group.peek();
  const next = names[names.indexOf(by) + 1];
  const fields = { ...question, where: groupWhere({ where: question.where, by, value }), group: next ? [next] : undefined };
  return [{ index, path, fields, said: [.../** @type {unknown[]} */ (list.said ?? []), value] }];
}

/** @param {List} list @param {string} path @returns {number | null} */
function find(list, path) {
  for (const [number, window] of list.windows.windows) {
    let rows = known.get(window);
    if (!rows) known.set(window, (rows = pathsOf(list, number)));
    const index = rows.get(path);
    if (index !== undefined) return index;
  }
  return null;
}

/** @param {List} list @param {number} number of the window */
function pathsOf(list, number) {
  const end = Math.min((number + 1) * ROWS, list.windows.total);
  /** @type {Map<string, number>} */
  const paths = new Map();
  for (let index = number * ROWS; index < end; index += 1) paths.set(pathBelow(list.path, valueOf(list, index)), index);
  return paths;
}

/** @param {List} list */
function isGroup({ windows }) {
  return Boolean(windows.question.group);
}

/** @param {List} list @param {number} index */
function valueOf({ windows }, index) {
  return windows.value(index, windows.question.group?.[0] ?? "run_id");
}
