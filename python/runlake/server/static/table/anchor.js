// Anchor: when the rows are asked for anew, what is in view stays where it is, wherever other rows have come or gone.
// @ts-check
import { effect, signal } from "../vendor/preact.js";
import { ROWS } from "../lib/rows.js";
import { keyOfRow, root } from "../state/runs.js";

/** @typedef {import("../state/tree.js").List} List */
/** @typedef {import("./grid.js").Grid} Grid */

/** How many runs have come while the reader looked at others than the first ones. */
export const unseen = signal(0);

/**
 * Keep the row at the top of the view, and the one that keys act on, where they are; rows of another question are shown from
 * the first one on.
 *
 * @param {Grid} grid
 * @returns {() => void} ends it
 */
export function anchor(grid) {
  /** @type {List | null} */
  let before = null;
  const { host } = grid;
  const see = () => { if (host.scrollTop === 0) unseen.value = 0; };
  const end = effect(() => {
    const list = root.value;
    if (list && before && isSame(before, list)) keep(grid, before, list);
    else if (list) host.scrollTop = 0;
    if (list) before = list;
  });
  host.addEventListener("scroll", see, { passive: true });
  return () => {
    host.removeEventListener("scroll", see);
    unseen.value = 0;
    end();
  };
}

/** @param {Grid} grid @param {List} before @param {List} after */
function keep(grid, before, after) {
  const { from, scale } = grid.sight;
  const active = moved(before, after, grid.active.row);
  if (active) grid.active.row += active;
  const { scrollTop } = grid.host;
  if (scrollTop === 0) return;
  const top = moved(before, after, Math.floor(from / grid.rowHeight));
  if (top) grid.shift((top * grid.rowHeight) / scale);
  unseen.value = Math.max(0, unseen.peek() + after.windows.total - before.windows.total);
}

/**
 * By how many places a row has moved; 0 where that is not known.
 *
 * @param {List} before
 * @param {List} after
 * @param {number} row its place in the whole, before
 */
export function moved(before, after, row) {
  const place = row < 0 ? null : before.find(row);
  if (!place) return 0;
  let { list, index } = place;
  while (list.parent) [list, index] = [list.parent, list.at]; // what is below a row moves with it
  if (!list.windows.has(index)) return 0;
  const found = find(after, keyOfRow(list, index), index);
  return found === null ? 0 : after.placeOf(found) - before.placeOf(index);
}

/** Look for a row among those that are here, beginning where it was. @param {List} list @param {string} key @param {number} index */
function find(list, key, index) {
  if (keyOf(list, index) === key) return index;
  for (const number of list.windows.windows.keys()) {
    for (let i = number * ROWS; i < (number + 1) * ROWS; i += 1) if (keyOf(list, i) === key) return i;
  }
  return null;
}

/** @param {List} list @param {number} index */
function keyOf(list, index) {
  return list.windows.has(index) && index < list.windows.total ? keyOfRow(list, index) : null;
}

/** @param {List} before @param {List} after */
function isSame(before, after) {
  return JSON.stringify(before.windows.question) === JSON.stringify(after.windows.question);
}
