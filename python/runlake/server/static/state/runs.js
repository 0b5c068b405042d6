// Runs of the table: the list on the server, its order, and which of its first ones are drawn.
// @ts-check
import { batch, computed, effect, signal, untracked } from "../vendor/preact.js";
import { MOST_AT_ONCE, ROWS, namesWith, numbersOf, rowsOf } from "../lib/rows.js";
import { List } from "./tree.js";
import * as columns from "./columns.js";
import { SELECT } from "./layout.js";
import { question, view } from "./view.js";
import { Windows } from "./windows.js";

/** @typedef {import("../lib/api.js").Fields} Fields */
/** @typedef {import("../lib/api.js").ApiError} ApiError */

/** The rows that are shown. @type {import("../vendor/preact.js").Signal<List | null>} */
export const root = signal(null);
/** Counts whatever has come of the rows, so that they are drawn. */
export const arrived = signal(0);
/** What went wrong with the rows, and nothing if all is well. @type {import("../vendor/preact.js").Signal<ApiError | null>} */
export const failure = signal(null);
/** Whether other rows than those that are shown are awaited. */
export const loading = signal(true);

/** How many rows there are; NaN while that is not known. */
export const total = computed(() => (arrived.value, root.value?.windows.total ?? NaN));
/** How many runs are below others, on all levels. */
export const runs = computed(() => {
  const { total: rows = NaN, notes = {} } = (arrived.value, root.value?.windows ?? {});
  return { nested: Math.max(0, (notes.runs ?? rows) - rows) || 0 };
});
/** The transaction that the rows are as of. */
export const tx = computed(() => (arrived.value, root.value?.windows.tx ?? NaN));
/** What says which rows there are. */
export const asked = computed(() => rowsOf(question.value, view.group.value, view.flat.value));

/** How often the page has begun: one that is left may end after the next one has begun. */
let turns = 0;

/** Ask for the rows, and again for others whenever the address says others. @returns {() => void} */
export function begin() {
  turns += 1;
  const turn = turns;
  const endColumns = columns.begin();
  const end = effect(() => {
    const fields = asked.value;
    untracked(() => start(fields));
  });
  return () => {
    end();
    endColumns();
    if (turn !== turns) return;
    batch(() => {
      root.value?.end();
      awaited?.end();
      [root.value, awaited] = [null, null];
    });
    renewed?.();
  };
}

/** Ask for all that is shown anew: something has changed on the server. What is opened stays open. @returns {Promise<void>} */
export function renew() {
  return new Promise((resolve) => {
    renewed?.();
    renewed = resolve;
    start(asked.peek());
  });
}

/** What waits for the rows that are awaited. @type {(() => void) | null} */
let renewed = null;

/** The list that is awaited, to take the place of the one that is shown. @type {List | null} */
let awaited = null;

/** @param {Fields} fields */
function start(fields) {
  awaited?.end();
  const list = new List(windowsOf(fields, () => come(list)));
  awaited = list;
  const before = root.peek();
  const same = before && isSame(before, fields) ? before : null;
  loading.value = !same;
  if (same) earlier.set(list, same);
  list.windows.want(...(same?.looked ?? list.looked), wantedNames(fields));
}

/** Whether a list has the rows that are asked for. @param {List} list @param {Fields} fields */
function isSame(list, fields) {
  return JSON.stringify(list.windows.question) === JSON.stringify(fields);
}

/** Something has come of a list. @param {List} list */
function come(list) {
  batch(() => {
    if (list.top === awaited) takeUp(list);
    else arrived.value += 1;
  });
}

/** What a list takes the place of, until what was opened there is opened in it. @type {WeakMap<List, List>} */
const earlier = new WeakMap();

/** Open in a list what was open before, and show all of the list that is awaited when nothing in view is lacking. @param {List} list */
function takeUp(list) {
  if (!list.windows.isSettled || !awaited) return;
  const before = earlier.get(list);
  earlier.delete(list);
  if (before) reopen(before, list);
  if (!isThere(awaited)) return;
  root.peek()?.end();
  [root.value, awaited, failure.value, loading.value] = [awaited, null, null, false];
  arrived.value += 1;
  renewed?.();
}

/** @param {List} list @returns {boolean} */
function isThere(list) {
  return list.windows.isSettled && !earlier.has(list) && list.opened.every(isThere);
}

/**
 * Say which rows are in view, of all lists, and which columns.
 *
 * @param {number} from
 * @param {number} to
 * @param {readonly string[]} inView names of columns; of few columns all are asked for, whatever is in view
 * @param {number} ahead 1 while the reader goes down, -1 while up
 */
export function look(from, to, inView, ahead) {
  const list = root.peek();
  if (!list) return;
  list.within(from, to, (below, first, end) => {
    below.looked = [first, end];
    below.windows.want(first, end, wantedNames(below.windows.question, inView), ahead);
  });
}

/**
 * Open a list below a row.
 *
 * @param {List} parent
 * @param {number} index
 * @param {Fields} fields what says which rows it has
 * @param {unknown[]} said what all of them have in common: the values of the groups that they are in
 */
export function open(parent, index, fields, said) {
  openIn(parent, index, fields, said);
  arrived.value += 1;
  if (awaited && !loading.peek()) start(asked.peek()); // in what takes its place it has to be open as well
}

/** @param {List} parent @param {number} index */
export function close(parent, index) {
  parent.close(index);
  arrived.value += 1;
  if (awaited && !loading.peek()) start(asked.peek());
}

/** @param {List} parent @param {number} index @param {Fields} fields @param {unknown[]} said @param {List} [before] what it takes the place of */
function openIn(parent, index, fields, said, before) {
  const list = new List(windowsOf(fields, () => come(list)), parent, index, said);
  parent.open.set(index, list);
  if (before) earlier.set(list, before);
  list.windows.want(...(before?.looked ?? list.looked), wantedNames(fields));
}

/** @param {Fields} fields @param {() => void} changed */
function windowsOf(fields, changed) {
  return new Windows(fields, changed, (error) => {
    batch(() => {
      failure.value = error;
      loading.value = false;
      renewed?.();
    });
  });
}

/** Open in a new list what was open in the one before, at the rows that were meant. @param {List} before @param {List} list */
function reopen(before, list) {
  for (const below of before.opened.filter(({ at }) => before.windows.has(at))) {
    const key = keyOfRow(before, below.at);
    for (const number of list.windows.windows.keys()) {
      const end = Math.min((number + 1) * ROWS, list.windows.total);
      for (let index = number * ROWS; index < end; index += 1) {
        if (keyOfRow(list, index) === key) openIn(list, index, below.windows.question, pathOf(below), below);
      }
    }
  }
}

/** What a row is known by: the id of a run, or what the runs of a group have in common. @param {List} list @param {number} index @returns {string} */
export function keyOfRow(list, index) {
  const { windows } = list;
  const by = /** @type {string[] | undefined} */ (windows.question.group);
  return by ? groupId([...pathOf(list), windows.value(index, by[0])]) : windows.value(index, "run_id");
}

/** The id of a group of runs: the values that they have in common. @param {readonly unknown[]} values */
export function groupId(values) {
  return JSON.stringify(values.map((value) => (value === null || value === undefined ? null : String(value))));
}

/** What the rows of a list have in common: the values of the groups that it is in. @param {List} list @returns {unknown[]} */
export function pathOf(list) {
  return /** @type {unknown[]} */ (list.said ?? []);
}

/** @param {Fields} fields @param {readonly string[]} [inView] */
function wantedNames(fields, inView = []) {
  const names = columns.chosen.peek();
  if (fields.group) return names.length <= MOST_AT_ONCE ? numbersOf(names) : numbersOf(inView);
  return namesWith(names.length <= MOST_AT_ONCE ? names : inView.filter((name) => name !== SELECT), view.color.peek());
}
