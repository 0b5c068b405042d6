// Header: the heads of the columns, by which they are sorted, moved and made wider.
// @ts-check
import { toggleSort, sortOf } from "./sorting.js";
import { button, iconOf } from "./cells.js";
import { SELECT, keyOf, kindOf } from "../state/layout.js";
import { freeze, layout, move, resize } from "../state/columns.js";
import { view } from "../state/view.js";
import { everyone } from "./selection.js";

/** @typedef {import("./grid.js").Cell} Cell */
/** @typedef {import("../state/layout.js").Placed} Placed */
/** @typedef {import("./grid.js").Grid} Grid */

const LABELS = /** @type {Record<string, string>} */ ({
  run_name: "Run", status: "Status", start_time: "Started", end_time: "Ended", duration: "Duration", run_id: "Run ID", experiment_id: "Experiment ID",
  "tags.mlflow.note.content": "Note", user_id: "User", lifecycle_stage: "Stage", artifact_uri: "Artifacts",
});
const FAR_ENOUGH = 5;
const A_STEP = 16;

/** What a column is called at its head. @param {string} name */
export function labelOf(name) {
  return LABELS[name] ?? keyOf(name);
}

/** Write the head of a column. @param {Cell} cell @param {Placed} placed */
export function writeHead(cell, placed) {
  const isBox = placed.name === SELECT;
  const kind = isBox ? "select" : "head";
  if (cell.kind !== kind) build(cell, kind);
  if (isBox) {
    cell.parts.box.checked = everyone.peek();
    return;
  }
  const { kind: above, label, arrow, rank } = cell.parts;
  const name = placed.name;
  cell.el.dataset.column = name;
  cell.el.title = name;
  above.textContent = kindOf(name);
  label.textContent = labelOf(name);
  const sorted = sortOf(view.sort.peek(), name);
  cell.el.setAttribute("aria-sort", sorted ? (sorted.descending ? "descending" : "ascending") : "none");
  arrow.classList.toggle("down", sorted?.descending ?? false);
  arrow.hidden = !sorted;
  rank.textContent = sorted && view.sort.peek().length > 1 ? String(sorted.place + 1) : "";
  cell.el.classList.toggle("stays", view.frozen.peek().includes(name));
}

/** @param {Cell} cell @param {string} kind */
function build(cell, kind) {
  cell.el.replaceChildren();
  [cell.kind, cell.parts] = [kind, {}];
  cell.el.className = `grid-cell ${kind}`;
  if (kind === "select") {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", tabIndex: -1 });
    box.dataset.act = "select-all";
    box.setAttribute("aria-label", "Select all runs of the filter");
    cell.parts = { box };
    cell.el.append(box);
    return;
  }
  const [above, label, rank] = ["head-kind", "head-label", "head-rank"].map((className) => Object.assign(document.createElement("span"), { className }));
  label.dir = "auto";
  const arrow = iconOf("chevron-up");
  arrow.classList.add("arrow");
  const words = Object.assign(document.createElement("span"), { className: "head-words" });
  words.append(above, label);
  const more = button("more", "column-menu", "ellipsis");
  more.setAttribute("aria-label", "What can be done with this column");
  const edge = Object.assign(document.createElement("span"), { className: "head-edge" });
  edge.dataset.act = "resize";
  cell.parts = { kind: above, label, arrow: /** @type {any} */ (hideable(arrow)), rank };
  cell.el.append(words, arrow, rank, more, edge);
}

/** An element of SVG has no `hidden` of its own. @param {SVGElement} svg */
function hideable(svg) {
  return {
    classList: svg.classList,
    set hidden(/** @type {boolean} */ on) { svg.classList.toggle("gone", on); },
  };
}

/**
 * Make heads answer to a pointer: a click sorts, the edge makes wider, dragging moves.
 *
 * @param {HTMLElement} host
 * @returns {() => void}
 */
export function listen(host) {
  /** @param {PointerEvent} event */
  const onDown = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const head = /** @type {HTMLElement | null} */ (target.closest?.(".head"));
    if (!head || event.button !== 0 || target.closest("button")) return;
    const name = head.dataset.column ?? "";
    event.preventDefault();
    host.focus({ preventScroll: true });
    if (target.dataset.act === "resize") widen(event, head, name);
    else drag(event, host, head, name);
  };
  /** @param {MouseEvent} event */
  const onDouble = (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const name = /** @type {HTMLElement | null} */ (target.closest?.(".head"))?.dataset.column;
    if (name && target.dataset.act === "resize") resize(name, null);
  };
  host.addEventListener("pointerdown", onDown);
  host.addEventListener("dblclick", onDouble);
  return () => {
    host.removeEventListener("pointerdown", onDown);
    host.removeEventListener("dblclick", onDouble);
  };
}

/** Keys that act on a head: Enter sorts, with Alt an arrow moves the column, with Shift it makes it wider. @param {KeyboardEvent} event @param {Placed} placed */
export function onHeadKey(event, placed) {
  const { key } = event;
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  if (placed.name === SELECT) return false;
  if (key === "Enter" || key === " ") toggleSort(placed.name, event.shiftKey);
  else if (step && event.altKey) shift(placed, step);
  else if (step && event.shiftKey) resize(placed.name, placed.width + step * A_STEP);
  else return false;
  return true;
}

/** Move a column by one place. @param {Placed} placed @param {number} step */
export function shift(placed, step) {
  const { frozen, free } = layout.peek();
  const among = placed.frozen ? frozen : free;
  const at = among.indexOf(placed);
  const before = among[step > 0 ? at + 2 : at - 1];
  if (step < 0 && !before) return;
  if (placed.frozen && (at < 2 || (step < 0 && at < 3))) return;
  move(placed.name, before?.name ?? null);
}

/** @param {PointerEvent} down @param {HTMLElement} head @param {string} name */
function widen(down, head, name) {
  const { width } = head.getBoundingClientRect();
  follow(down, (event) => resize(name, width + event.clientX - down.clientX), () => undefined);
}

/** @param {PointerEvent} down @param {HTMLElement} host @param {HTMLElement} head @param {string} name */
function drag(down, host, head, name) {
  const mark = Object.assign(document.createElement("div"), { className: "drop-mark" });
  /** @type {{before: string | null, frozen: boolean} | null} */
  let drop = null;
  follow(
    down,
    (event) => {
      if (Math.abs(event.clientX - down.clientX) < FAR_ENOUGH && !drop) return;
      if (!mark.isConnected) document.body.append(mark);
      head.classList.add("dragged");
      drop = dropOf(host, event.clientX, mark);
    },
    (event) => {
      mark.remove();
      head.classList.remove("dragged");
      if (drop === null) toggleSort(name, event.shiftKey);
      else if (drop.frozen !== view.frozen.peek().includes(name)) freeze(name, drop.frozen);
      else if (name !== "run_name") move(name, drop.before);
    },
  );
}

/** The column before which something is dropped, and a line there. @param {HTMLElement} host @param {number} x @param {HTMLElement} mark */
function dropOf(host, x, mark) {
  const box = host.getBoundingClientRect();
  const { frozen, free, frozenWidth } = layout.peek();
  const isFrozen = x - box.left < frozenWidth && frozen.length > 2;
  const at = isFrozen ? x - box.left : x - box.left + host.scrollLeft - frozenWidth;
  const among = isFrozen ? frozen.slice(2) : free;
  const next = among.find((column) => column.left + column.width / 2 > at);
  const last = among.at(-1);
  const place = next ? next.left : last ? last.left + last.width : 0;
  mark.style.left = `${box.left + place + (isFrozen ? 0 : frozenWidth - host.scrollLeft)}px`;
  mark.style.top = `${box.top}px`;
  mark.style.height = `${box.height}px`;
  return { before: next?.name ?? null, frozen: isFrozen };
}

/** @param {PointerEvent} down @param {(event: PointerEvent) => void} move @param {(event: PointerEvent) => void} up */
function follow(down, move, up) {
  const stop = new AbortController();
  const { signal } = stop;
  const { pointerId } = down;
  const mine = (/** @type {(event: PointerEvent) => void} */ act) => (/** @type {PointerEvent} */ event) => event.pointerId === pointerId && act(event);
  addEventListener("pointermove", mine(move), { signal });
  addEventListener("pointerup", mine((event) => { stop.abort(); up(event); }), { signal });
  addEventListener("pointercancel", mine(() => stop.abort()), { signal });
}

