// Acts: what a pointer does in the body of the table.
// @ts-check
import { SELECT, isEditable } from "../state/layout.js";
import { layout } from "../state/columns.js";
import { drawnIds } from "../state/order.js";
import { hovered, toggleDrawn } from "../state/visible.js";
import { rowAt, toggleOpen } from "./rows.js";
import { choose, chooseAll } from "./selection.js";

/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./rows.js").Row} Row */
/**
 * @typedef {{
 *   column: (name: string, anchor: Element) => void, row: (row: Row, name: string, anchor: Element) => void,
 *   edit: (row: Row, name: string, cell: HTMLElement) => void, copy: (row: Row, name: string) => void,
 *   at: (place: {row: number, column: number}) => HTMLElement | null,
 * }} Menus
 */

/**
 * Make the body answer to a pointer.
 *
 * @param {HTMLElement} host
 * @param {Grid} grid
 * @param {Menus} menus
 * @returns {() => void}
 */
export function listen(host, grid, menus) {
  const stop = new AbortController();
  const { signal } = stop;
  host.addEventListener("click", (event) => onClick(event, host, grid, menus), { signal });
  host.addEventListener("dblclick", (event) => onDoubleClick(event, menus), { signal });
  host.addEventListener("contextmenu", (event) => onContextMenu(event, grid, menus), { signal });
  host.addEventListener("pointerover", (event) => { hovered.value = rowUnder(event.target)?.id || null; }, { signal });
  host.addEventListener("pointerleave", () => { hovered.value = null; }, { signal });
  return () => stop.abort();
}

/** @param {MouseEvent} event @param {HTMLElement} host @param {Grid} grid @param {Menus} menus */
function onClick(event, host, grid, menus) {
  const target = /** @type {Element} */ (event.target);
  const act = target.closest("[data-act]");
  const name = act instanceof HTMLElement ? act.dataset.act : "";
  if (name === "select-all") return chooseAll(/** @type {HTMLInputElement} */ (act).checked);
  const column = columnUnder(target);
  if (name === "column-menu" && act) return menus.column(column?.name ?? "", act);
  const number = numberUnder(target);
  const row = number < 0 ? null : rowAt(number);
  if (!row || row.kind === "pending" || !column) return undefined;
  grid.activate(number, column.index);
  if (!target.closest("a")) host.focus({ preventScroll: true });
  if (name === "select" || column.name === SELECT) return choose(number, event.shiftKey);
  if (name === "open") return toggleOpen(row);
  if (name === "draw" && row.kind === "run") return toggleDrawn(row.id, drawnIds.value.has(row.id));
  if (name === "menu" && act) return menus.row(row, column.name, act);
  if (row.kind === "group" && target.closest(".name")) return toggleOpen(row);
  return undefined;
}

/** @param {MouseEvent} event @param {Menus} menus */
function onDoubleClick(event, menus) {
  const target = /** @type {Element} */ (event.target);
  const row = rowUnder(target);
  const column = columnUnder(target);
  const cell = target.closest(".grid-cell");
  if (row?.kind !== "run" || !column || !isEditable(column.name) || target.closest("a, button") || !(cell instanceof HTMLElement)) return;
  menus.edit(row, column.name, cell);
}

/** @param {MouseEvent} event @param {Grid} grid @param {Menus} menus */
function onContextMenu(event, grid, menus) {
  const target = /** @type {Element} */ (event.target);
  const cell = target.closest(".grid-cell");
  const column = columnUnder(target);
  const row = rowUnder(target);
  if (!cell || !column || event.shiftKey || column.name === SELECT) return;
  if (cell.classList.contains("head")) menus.column(column.name, cell);
  else if (row && row.kind !== "pending") {
    grid.activate(numberUnder(target), column.index);
    menus.row(row, column.name, cell);
  } else return;
  event.preventDefault();
}

/** The number of the row that an element is in; -1 when it is in none. @param {EventTarget | null} target */
export function numberUnder(target) {
  const row = target instanceof Element ? target.closest(".grid-body .grid-row") : null;
  return row ? Number(row.getAttribute("aria-rowindex")) - 2 : -1;
}

/** @param {EventTarget | null} target */
function rowUnder(target) {
  const number = numberUnder(target);
  return number < 0 ? null : rowAt(number);
}

/** @param {Element} target */
export function columnUnder(target) {
  const index = Number(target.closest(".grid-cell")?.getAttribute("aria-colindex") ?? 0) - 1;
  const { frozen, free } = layout.peek();
  return frozen[index] ?? free[index - frozen.length] ?? null;
}
