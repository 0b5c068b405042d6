// Tree: rows of several lists as one, those of a list that was opened below the row that it belongs to.
// @ts-check

/** @typedef {import("./windows.js").Windows} Windows */
/** @typedef {{list: List, index: number}} Place a row of a list */

/** A list of the tree, with those that are opened below its rows. */
export class List {
  /**
   * @param {Windows} windows
   * @param {List | null} parent
   * @param {number} at the row of the parent below which it is
   * @param {{path?: string, said?: unknown}} [row] of that row, the path that the address has, and what its rows have in common
   */
  constructor(windows, parent = null, at = -1, { path = "", said = null } = {}) {
    /** @type {number} */
    this.depth = depthBelow(parent);
    this.windows = windows;
    this.parent = parent;
    this.at = at;
    this.path = path;
    this.said = said;
    /** @type {Map<number, List>} by the row below which they are */
    this.open = new Map();
    /** Rows that were looked at last. @type {[number, number]} */
    this.looked = [0, 1];
  }

  /** The list that this one is in, below others or not. @returns {List} */
  get top() {
    return this.parent ? this.parent.top : this;
  }

  /** Whether it is still a part of the tree. @returns {boolean} */
  get isOpen() {
    return !this.parent || (this.parent.open.get(this.at) === this && this.parent.isOpen);
  }

  /** Rows of this list and of all below; a list that has not come yet counts as one row, which says so. @returns {number} */
  get height() {
    let height = this.rows;
    for (const list of this.open.values()) height += list.height;
    return height;
  }

  get rows() {
    const { total } = this.windows;
    return Number.isNaN(total) ? (this.parent ? 1 : 0) : total;
  }

  /** Lists below, in the order of their rows. @returns {List[]} */
  get opened() {
    return [...this.open.values()].sort((a, b) => a.at - b.at);
  }

  /**
   * Find the row at a place of the whole.
   *
   * @param {number} row from 0
   * @returns {Place | null}
   */
  find(row) {
    let rest = row;
    let passed = 0; // rows of this list before `rest`
    for (const list of this.opened) {
      const before = list.at + 1 - passed;
      if (rest < before) break;
      rest -= before;
      passed = list.at + 1;
      const { height } = list;
      if (rest < height) return list.find(rest);
      rest -= height;
    }
    const index = passed + rest;
    return index < this.rows ? { list: this, index } : null;
  }

  /** Where in the whole a row of this list is. @param {number} index @returns {number} */
  placeOf(index) {
    let place = index;
    for (const list of this.open.values()) if (list.at < index) place += list.height;
    return this.parent ? this.parent.placeOf(this.at) + 1 + place : place;
  }

  /**
   * Tell every list which of its rows are between two places of the whole.
   *
   * @param {number} from
   * @param {number} to
   * @param {(list: List, from: number, to: number) => void} tell
   */
  within(from, to, tell) {
    /** @type {Map<List, [number, number]>} */
    const found = new Map();
    for (let row = from; row < to; row += 1) {
      const place = this.find(row);
      if (!place) break;
      const range = found.get(place.list);
      if (range) range[1] = place.index + 1;
      else found.set(place.list, [place.index, place.index + 1]);
    }
    for (const [list, [first, end]] of found) tell(list, first, end);
  }

  /** Forget what is below a row. @param {number} index */
  close(index) {
    this.open.get(index)?.end();
    this.open.delete(index);
  }

  /** Give up all that is awaited here and below. */
  end() {
    this.windows.end();
    for (const list of this.open.values()) list.end();
  }
}

/** @param {List | null} parent @returns {number} */
function depthBelow(parent) {
  return parent ? parent.depth + 1 : 0;
}
