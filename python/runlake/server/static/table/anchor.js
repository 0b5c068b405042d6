// Anchor: when the rows are asked for anew, what is in view stays where it is, wherever other rows have come or gone.
// @ts-check
import { effect, signal, untracked } from "../vendor/preact.js";
import { ROWS } from "../lib/rows.js";
import { arrived, keyOfRow, root } from "../state/runs.js";

/** @typedef {import("../state/tree.js").List} List */
/** @typedef {import("../state/tree.js").Place} Place */
/** @typedef {import("./grid.js").Grid} Grid */

/** How many runs have come while the reader looked at others than the first ones. */
export const unseen = signal(0);

/**
 * What the reader looked at when they left the page.
 *
 * @type {{list: List, top: number, side: number, active: {row: number, column: number}, isFocused: boolean} | null}
 */
let left = null;

/**
 * Keep the row at the top of the view, and the one that keys act on, where they are; rows of another question are shown from
 * the first one on. Whoever comes back to the page finds both where they left them, and the keyboard there.
 *
 * @param {Grid} grid
 * @returns {() => void} ends it
 */
export function anchor(grid) {
  /** @type {List | null} */
  let before = null;
  const { host } = grid;
  const ends = [
    effect(() => {
      const list = root.value;
      if (!list) return;
      untracked(() => {
        if (!before && left && isSame(left.list, list)) comeBack(grid, left, list);
        else if (before && isSame(before, list)) keep(grid, before, list);
        else host.scrollTop = 0;
      });
      before = list;
    }),
    effect(() => {
      arrived.value;
      untracked(() => hold(grid));
    }),
  ];
  const stop = new AbortController();
  let [top, side, isFocused] = [0, 0, false]; // in the end the grid is no longer on the page, scrolled nowhere and without focus
  const see = () => {
    if (host.isConnected) [top, side] = [host.scrollTop, host.scrollLeft];
    if (host.scrollTop === 0) unseen.value = 0;
  };
  host.addEventListener("scroll", see, { passive: true, signal: stop.signal });
  document.addEventListener("focusin", ({ target }) => { isFocused = target instanceof Node && host.contains(target); }, { signal: stop.signal });
  return () => {
    left = before && { list: before, top, side, active: grid.active, isFocused };
    unseen.value = 0;
    stop.abort();
    ends.forEach((end) => end());
  };
}

/** @param {Grid} grid @param {NonNullable<typeof left>} where @param {List} list the same rows as they are now */
function comeBack(grid, { list: before, top, side, active, isFocused }, list) {
  const { host } = grid;
  grid.active = active;
  grid.draw(); // it is as high as its rows then
  host.scrollTo({ top, left: side });
  keep(grid, before, list);
  grid.draw();
  if (isFocused && document.activeElement === document.body) host.focus({ preventScroll: true });
}

/** What was drawn last: the rows at the top of the view and that keys act on, and where they were. @type {{place: Place | null, row: number}[]} */
let drawn = [];

/** Take note of what is drawn. @param {Grid} grid */
export function note(grid) {
  const list = root.peek();
  drawn = [topOf(grid), grid.active.row].map((row) => ({ place: row < 0 ? null : (list?.find(row) ?? null), row }));
}

/** Others have been opened or closed above them, for the rows below which they are have come late. @param {Grid} grid */
function hold(grid) {
  const [top, active] = drawn.map(({ place, row }) => {
    const isHere = place?.list.isOpen && place.list.top === root.peek();
    return isHere ? place.list.placeOf(place.index) - row : 0;
  });
  if (active && drawn[1].row === grid.active.row) grid.active.row += active;
  if (top && grid.host.scrollTop > 0) grid.shift((top * grid.rowHeight) / grid.sight.scale);
  if (top || active) note(grid);
}

/** The first row in view. @param {Grid} grid */
function topOf({ sight, rowHeight }) {
  return Math.floor(sight.from / rowHeight);
}

/** @param {Grid} grid @param {List} before @param {List} after */
function keep(grid, before, after) {
  const active = moved(before, after, grid.active.row);
  if (active) grid.active.row += active;
  if (grid.host.scrollTop > 0) {
    const top = moved(before, after, topOf(grid));
    if (top) grid.shift((top * grid.rowHeight) / grid.sight.scale);
    unseen.value = Math.max(0, unseen.peek() + after.windows.total - before.windows.total);
  }
  note(grid);
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
