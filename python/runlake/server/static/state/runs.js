// Runs of the table: the list on the server, its order, and which of its first ones are drawn.
// @ts-check
import { batch, computed, effect, signal, untracked } from "../vendor/preact.js";
import { MOST_AT_ONCE, namesWith, numbersOf, rowsOf } from "../lib/rows.js";
import { List } from "./tree.js";
import { seen } from "./resource.js";
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
  const ends = [
    soon(columns.begin),
    effect(() => {
      const fields = asked.value;
      untracked(() => start(fields));
    }),
    effect(() => {
      const isAny = view.open.value.length > 0;
      untracked(() => void (opener || isAny ? unfoldAll() : null));
    }),
  ];
  return () => {
    ends.forEach((end) => end());
    if (turn !== turns) return;
    batch(() => {
      left = root.value ?? left;
      root.value?.end();
      awaited?.end();
      [root.value, awaited] = [null, null];
    });
    renewed?.();
  };
}

/** Begin something when the first frame has been seen, unless it is ended before. @param {() => () => void} start @returns {() => void} */
function soon(start) {
  let end = () => {};
  let isOver = false;
  seen().then(() => { if (!isOver) end = start(); });
  return () => {
    isOver = true;
    end();
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

/** Whether it waits for what is open in it: nothing moves then that is seen already. */
let isPatient = false;

/** What was shown when the page was left: whoever comes back finds it. @type {List | null} */
let left = null;

/** @param {Fields} fields */
function start(fields) {
  awaited?.end();
  const list = new List(windowsOf(fields, () => come(list)));
  awaited = list;
  const before = root.peek() ?? left;
  const same = before && isSame(before, fields) ? before : null;
  isPatient = same !== null || root.peek() !== null;
  loading.value = same === null || root.peek() === null;
  if (same) succeed(list, same);
  list.windows.want(...list.looked, wantedNames(fields));
}

/** Whether a list has the rows that are asked for. @param {List} list @param {Fields} fields */
function isSame(list, fields) {
  return JSON.stringify(list.windows.question) === JSON.stringify(fields);
}

/** Something has come of a list. @param {List} list */
function come(list) {
  batch(() => {
    if (isSame(list.top, asked.peek())) unfold(list);
    if (list.top === awaited) takeUp();
    else arrived.value += 1;
  });
}

/** What a list takes the place of, until what was opened there is opened in it. @type {WeakMap<List, List>} */
const earlier = new WeakMap();

/** Let a list take the place of another one: the same rows are looked at. @param {List} list @param {List} before */
function succeed(list, before) {
  list.looked = before.looked;
  earlier.set(list, before);
}

/** Show the list that is awaited when nothing in view is lacking. */
function takeUp() {
  if (!awaited || !(isPatient ? isThere(awaited) : awaited.windows.isSettled)) return;
  root.peek()?.end();
  left = null;
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

/** What knows which rows are open; it is fetched when one is. @type {typeof import("./opener.js") | null} */
let opener = null;

/** Have all open that the address says, and nothing else. */
async function unfoldAll() {
  opener ??= await import("./opener.js");
  batch(() => {
    for (const list of [root.peek(), awaited]) if (list && isSame(list, asked.peek())) unfold(list);
    arrived.value += 1;
    takeUp();
  });
}

/** Open and close what is below the rows of a list, as far as they are here. @param {List} list */
function unfold(list) {
  const before = earlier.get(list);
  if (list.windows.isSettled) earlier.delete(list);
  if (!opener) return;
  for (const [index, below] of list.open) {
    if (opener.isWanted(below)) unfold(below);
    else list.close(index);
  }
  for (const found of opener.wanted(list)) {
    if (!list.open.has(found.index)) openIn(list, found, before && [...before.open.values()].find(({ path }) => path === found.path));
  }
}

/** @param {List} parent @param {import("./opener.js").Below} row @param {List} [before] what it takes the place of */
function openIn(parent, row, before) {
  const list = new List(windowsOf(row.fields, () => come(list)), parent, row.index, row);
  parent.open.set(row.index, list);
  if (before) succeed(list, before);
  list.windows.want(...list.looked, wantedNames(row.fields));
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
