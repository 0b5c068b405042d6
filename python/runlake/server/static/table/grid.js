// Grid: rows and columns in view drawn with elements that are used again, however many there are in all.
// @ts-check
import { between } from "../state/layout.js";

/** @typedef {import("../state/layout.js").Placed} Placed */
/** @typedef {import("../state/layout.js").Layout} Layout */
/** @typedef {{el: HTMLElement, column: number, left: number, width: number, kind: string, text: string, parts: Record<string, any>}} Cell column: its number, -1 while it is not used */
/** @typedef {{el: HTMLElement, frozen: HTMLElement, cells: Cell[], pool: Cell[], row: number, version: number, y: number, lacks: boolean}} Slot an element for a row; lacks: some of its values are not here yet */
/**
 * @typedef {{
 *   layout: () => Layout, rows: () => number,
 *   fill: (cell: Cell, placed: Placed, row: number) => boolean, mark: (slot: Slot, row: number) => void,
 *   head: (cell: Cell, placed: Placed) => void,
 *   look: (from: number, to: number, names: string[], ahead: number) => void,
 * }} Source what the grid shows; rows and columns are asked for by their numbers; `fill` tells whether the value is here
 */

const OVERSCAN = 8;
/** Browsers draw nothing below some 16 to 33 million pixels; of more rows the scroll bar is a smaller picture. */
const HIGHEST = 8_000_000;
const ACTIVE = "active-cell";

export class Grid {
  /** @param {HTMLElement} host what is scrolled, and has the role grid @param {Source} source */
  constructor(host, source) {
    this.host = host;
    this.source = source;
    this.head = slotOf("columnheader");
    this.body = Object.assign(document.createElement("div"), { className: "grid-body" });
    this.body.setAttribute("role", "rowgroup");
    const top = Object.assign(document.createElement("div"), { className: "grid-head" });
    top.setAttribute("role", "rowgroup");
    top.append(this.head.el);
    this.head.el.setAttribute("aria-rowindex", "1");
    host.append(top, this.body);
    /** @type {Slot[]} */
    this.slots = [];
    this.poolSize = 0;
    this.rowHeight = 30;
    this.headHeight = 44;
    this.width = 0;
    this.height = 0;
    this.version = 1;
    this.headVersion = 0;
    this.hasMore = false;
    this.frame = 0;
    this.top = 0;
    /** The cell that keys act on; row -1 is the head. */
    this.active = { row: -1, column: 1 };
    this.said = { rows: -1, columns: -1 };
    this.range = /** @type {[number, number]} */ ([0, 0]);
    this.measure();
    this.watcher = new ResizeObserver(() => { this.measure(); this.soon(); });
    this.watcher.observe(host);
    host.addEventListener("scroll", () => this.soon(), { passive: true });
  }

  end() {
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.host.replaceChildren();
  }

  measure() {
    const style = getComputedStyle(this.host);
    this.rowHeight = parseFloat(style.getPropertyValue("--row")) || 30;
    this.headHeight = parseFloat(style.getPropertyValue("--grid-head")) || 44;
    this.width = this.host.clientWidth;
    this.height = Math.max(0, this.host.clientHeight - this.headHeight);
  }

  /** Draw before the next frame. @param {boolean} [anew] what cells show has changed */
  soon(anew = false) {
    if (anew) this.version += 1;
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  /** Draw before the next frame, and anew what was not here yet. */
  fresh() {
    this.hasMore = true;
    this.soon();
  }

  /** The first row in view and where in it the view begins, and how many rows fit. */
  get sight() {
    const rows = this.source.rows();
    const full = rows * this.rowHeight;
    const { scrollTop } = this.host;
    const scale = full > HIGHEST ? (full - this.height) / (HIGHEST - this.height) : 1;
    return { rows, full, scrollTop, from: scrollTop * scale, scale };
  }

  draw() {
    const layout = this.source.layout();
    const { rows, full, scrollTop, from } = this.sight;
    const left = this.host.scrollLeft;
    this.#size(layout, rows, full);
    const span = Math.max(0, this.width - layout.frozenWidth);
    this.range = between(layout.free, left, left + span);
    const first = Math.max(0, Math.floor(from / this.rowHeight) - OVERSCAN);
    const end = Math.min(rows, Math.ceil((from + this.height) / this.rowHeight) + OVERSCAN);
    this.#grow(this.range[1] - this.range[0] + 1, end - first);
    this.#drawHead(layout);
    const used = new Set();
    for (let row = first; row < end; row += 1) {
      const slot = this.slots[row % this.slots.length];
      used.add(slot);
      this.#drawRow(slot, row, layout, scrollTop + row * this.rowHeight - from);
    }
    for (const slot of this.slots) if (!used.has(slot)) hide(slot);
    this.hasMore = false;
    const ahead = scrollTop < this.top ? -1 : 1;
    this.top = scrollTop;
    const names = [...layout.frozen, ...layout.free.slice(Math.max(0, this.range[0] - OVERSCAN), this.range[1] + OVERSCAN)];
    if (end > first) this.source.look(Math.max(0, first), end, names.map((column) => column.name), ahead);
    this.#point();
  }

  /** Show again what is marked: pointed at, selected, drawn. */
  mark() {
    for (const slot of this.slots) if (slot.row >= 0) this.source.mark(slot, slot.row);
    this.#point();
  }

  /** Scroll by some pixels at once, so that nothing is seen of it. @param {number} by */
  shift(by) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.#size(this.source.layout(), this.sight.rows, this.sight.full);
    this.host.scrollTop += by;
    this.version += 1;
    this.draw();
  }

  /** Bring a row and a column into view. @param {number} row @param {number} column */
  reveal(row, column) {
    const { full, from, scale } = this.sight;
    const at = row * this.rowHeight;
    const wanted = at < from ? at : at + this.rowHeight > from + this.height ? at + this.rowHeight - this.height : from;
    if (row >= 0 && wanted !== from) this.host.scrollTop = Math.min(wanted, full) / scale;
    const layout = this.source.layout();
    const placed = layout.free[column - layout.frozen.length];
    if (!placed) return;
    const left = this.host.scrollLeft;
    const span = this.width - layout.frozenWidth;
    if (placed.left < left || placed.width > span) this.host.scrollLeft = placed.left;
    else if (placed.left + placed.width > left + span) this.host.scrollLeft = placed.left + placed.width - span;
  }

  /** Let keys act on a cell. @param {number} row -1 is the head @param {number} column */
  activate(row, column) {
    const layout = this.source.layout();
    const columns = layout.frozen.length + layout.free.length;
    this.active = { row: Math.max(-1, Math.min(this.source.rows() - 1, row)), column: Math.max(0, Math.min(columns - 1, column)) };
    this.reveal(this.active.row, this.active.column);
    this.draw();
  }

  /** The element of a cell, if it is drawn. @param {number} row -1 is the head @param {number} column @returns {HTMLElement | null} */
  elementOf(row, column) {
    const slot = row < 0 ? this.head : this.slots.find((one) => one.row === row);
    const cell = slot && [...slot.cells, ...slot.pool].find((one) => one.column === column);
    return cell?.el ?? null;
  }

  #point() {
    const before = this.host.querySelector(`#${ACTIVE}`);
    const cell = this.elementOf(this.active.row, this.active.column);
    if (before !== cell) {
      before?.removeAttribute("id");
      if (cell) cell.id = ACTIVE;
    }
    if (cell) this.host.setAttribute("aria-activedescendant", ACTIVE);
    else this.host.removeAttribute("aria-activedescendant");
  }

  /** @param {Layout} layout @param {number} rows @param {number} full */
  #size(layout, rows, full) {
    const height = `${Math.min(full, HIGHEST)}px`;
    const width = `${Math.max(layout.width, this.width)}px`;
    if (this.body.style.height !== height) this.body.style.height = height;
    if (this.body.style.width !== width) {
      this.body.style.width = width;
      this.head.el.style.width = width;
    }
    const columns = layout.frozen.length + layout.free.length;
    if (this.said.rows === rows && this.said.columns === columns) return;
    this.said = { rows, columns };
    this.host.setAttribute("aria-rowcount", String(rows + 1));
    this.host.setAttribute("aria-colcount", String(columns));
  }

  /** Have enough elements. @param {number} columns @param {number} rows */
  #grow(columns, rows) {
    if (columns > this.poolSize) {
      this.poolSize = columns + 2;
      this.version += 1;
    }
    const fitting = Math.max(rows, Math.ceil(this.height / this.rowHeight) + 2 * OVERSCAN + 1);
    if (fitting <= this.slots.length) return;
    this.slots.forEach(hide);
    while (this.slots.length < fitting) {
      const slot = slotOf("gridcell");
      slot.el.hidden = true;
      this.slots.push(slot);
      this.body.append(slot.el);
    }
  }

  /** @param {Layout} layout */
  #drawHead(layout) {
    const anew = this.headVersion !== this.version;
    this.headVersion = this.version;
    this.#drawCells(this.head, layout, anew, (cell, placed) => this.source.head(cell, placed));
  }

  /** @param {Slot} slot @param {number} row @param {Layout} layout @param {number} y */
  #drawRow(slot, row, layout, y) {
    const anew = slot.row !== row || slot.version !== this.version || (this.hasMore && slot.lacks);
    if (anew) slot.lacks = false;
    if (slot.y !== y) {
      slot.el.style.transform = `translateY(${y}px)`;
      slot.y = y;
    }
    if (anew) {
      slot.el.setAttribute("aria-rowindex", String(row + 2));
      if (slot.row < 0) slot.el.hidden = false;
    }
    [slot.row, slot.version] = [row, this.version];
    this.#drawCells(slot, layout, anew, (cell, placed) => { slot.lacks = !this.source.fill(cell, placed, row) || slot.lacks; });
    if (anew) this.source.mark(slot, row);
  }

  /** @param {Slot} slot @param {Layout} layout @param {boolean} anew @param {(cell: Cell, placed: Placed) => void} fill */
  #drawCells(slot, layout, anew, fill) {
    const [from, to] = this.range;
    if (anew) {
      slot.frozen.style.width = `${layout.frozenWidth}px`;
      fit(slot.cells, layout.frozen.length, slot.frozen, slot.el);
      fit(slot.pool, this.poolSize, slot.el, slot.el);
      layout.frozen.forEach((placed, i) => put(slot.cells[i], placed, 0, fill));
      for (const cell of slot.pool) cell.column = -1;
    }
    for (let i = from; i < to; i += 1) {
      const cell = slot.pool[i % this.poolSize];
      const placed = layout.free[i];
      if (cell.column !== placed.index) put(cell, placed, layout.frozenWidth, fill);
    }
    if (anew) for (const cell of slot.pool) cell.el.hidden = cell.column < 0;
  }
}

/** @param {Cell} cell @param {Placed} placed @param {number} offset @param {(cell: Cell, placed: Placed) => void} fill */
function put(cell, placed, offset, fill) {
  const left = offset + placed.left;
  if (cell.column !== placed.index) cell.el.setAttribute("aria-colindex", String(placed.index + 1));
  if (cell.left !== left) cell.el.style.left = `${left}px`;
  if (cell.width !== placed.width) cell.el.style.width = `${placed.width}px`;
  if (cell.el.hidden) cell.el.hidden = false;
  [cell.column, cell.left, cell.width] = [placed.index, left, placed.width];
  fill(cell, placed);
}

/** Make or take away cells. @param {Cell[]} cells @param {number} count @param {HTMLElement} parent @param {HTMLElement} row */
function fit(cells, count, parent, row) {
  while (cells.length < count) {
    const el = document.createElement("div");
    el.className = "grid-cell";
    el.setAttribute("role", row.dataset.cells ?? "gridcell");
    parent.append(el);
    cells.push({ el, column: -1, left: NaN, width: NaN, kind: "", text: "", parts: {} });
  }
  while (cells.length > count) cells.pop()?.el.remove();
}

/** @param {Slot} slot */
function hide(slot) {
  if (slot.row < 0) return;
  slot.el.hidden = true;
  slot.el.removeAttribute("aria-rowindex"); // another one may have it
  slot.row = -1;
}

/** @param {string} cells the role of the row's cells @returns {Slot} */
function slotOf(cells) {
  const el = document.createElement("div");
  el.className = "grid-row";
  el.dataset.cells = cells;
  el.setAttribute("role", "row");
  const frozen = document.createElement("div");
  frozen.className = "grid-frozen";
  frozen.setAttribute("role", "presentation");
  el.append(frozen);
  return { el, frozen, cells: [], pool: [], row: -1, version: 0, y: NaN, lacks: false };
}
