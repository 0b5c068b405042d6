// Cells: what is written into the elements of the table's body.
// @ts-check
import { cell as shown, count, duration, number, since, time } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { NAME, SELECT } from "../state/layout.js";
import { runs } from "../state/runs.js";
import { groupOf } from "./rows.js";

/** @typedef {import("./grid.js").Cell} Cell */
/** @typedef {import("../state/layout.js").Placed} Placed */
/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{isSelected: boolean, isDrawn: boolean, isPinned: boolean, color: string}} Marks what is marked of a row */

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";
const INDENT = 18;
const MEAN_DIGITS = 4;
const DEVIATION_DIGITS = 2;
const TIMES = new Set(["start_time", "end_time"]);

/**
 * Write a value into a cell.
 *
 * @param {Cell} cell
 * @param {Placed} placed
 * @param {Row} row
 * @returns {boolean} whether the value is here
 */
export function fill(cell, placed, row) {
  const kind = placed.name === SELECT ? "select" : placed.name === NAME ? "name" : placed.name === "status" ? "status" : "plain";
  if (cell.kind !== kind) build(cell, kind);
  if (kind === "name") writeName(cell, row);
  else if (kind === "status") writeStatus(cell, row);
  else if (kind === "plain") writePlain(cell, placed.name, row);
  return row.kind !== "pending" && (kind !== "plain" || valueOf(placed.name, row) !== undefined);
}

/** @param {string} name @param {Row} row */
function valueOf(name, row) {
  return row.kind === "group" ? row.value(`mean(${name})`) : row.value(name);
}

/** @param {Cell} cell @param {string} kind */
function build(cell, kind) {
  cell.el.replaceChildren();
  [cell.kind, cell.text, cell.parts] = [kind, "", {}];
  cell.el.className = `grid-cell ${kind}`;
  if (kind === "select") {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", tabIndex: -1 });
    box.dataset.act = "select";
    cell.parts = { box };
    cell.el.append(box);
  } else if (kind === "name") {
    buildName(cell);
  } else if (kind === "status") {
    const dot = element("span", "dot");
    const word = element("span", "");
    dot.hidden = true;
    cell.parts = { dot, word };
    cell.el.append(dot, word);
  } else {
    cell.el.dir = "auto";
  }
}

/** @param {Cell} cell */
function buildName(cell) {
  const twist = button("twist", "open", "chevron-right");
  const ink = button("ink", "draw", "");
  const link = Object.assign(document.createElement("a"), { className: "name-text", tabIndex: -1, dir: "auto" });
  const label = Object.assign(element("span", "name-text"), { dir: "auto" });
  const key = Object.assign(element("span", "name-key quiet"), { dir: "auto" });
  const size = element("span", "quiet");
  const more = button("more", "menu", "ellipsis");
  more.setAttribute("aria-label", "What can be done with this row");
  cell.parts = { twist, ink, link, key, label, size, more };
  cell.el.append(twist, ink, link, key, label, size, more);
}

/** @param {Cell} cell @param {Row} row */
function writeName(cell, row) {
  const { twist, link, key, label, size, more } = cell.parts;
  const isRun = row.kind === "run";
  cell.el.style.paddingInlineStart = `${4 + row.depth * INDENT}px`;
  twist.hidden = !row.opens && row.depth === 0 && runs.peek().nested === 0;
  twist.classList.toggle("none", !row.opens);
  twist.classList.toggle("opened", row.isOpen);
  twist.setAttribute("aria-label", row.isOpen ? "Close" : "Open");
  link.hidden = !isRun;
  label.hidden = isRun;
  key.hidden = row.kind !== "group";
  size.hidden = row.kind === "pending" || (isRun && !row.opens);
  more.hidden = row.kind === "pending";
  if (isRun) {
    const name = row.value(NAME) || row.id;
    link.textContent = name;
    link.href = pathOf("run", { run: row.id });
    link.title = name;
    size.textContent = row.opens ? count(row.value("children")) : "";
  } else {
    const { of, value } = row.kind === "group" ? groupOf(row) : { of: "", value: "…" };
    key.textContent = of;
    label.textContent = value;
    label.title = `${of} = ${value}`;
    size.textContent = row.kind === "group" ? count(row.value("runs")) : "";
  }
}

/** @param {Cell} cell @param {Row} row */
function writeStatus(cell, row) {
  const status = row.kind === "run" ? String(row.value("status") ?? "") : "";
  if (cell.text === status) return;
  cell.text = status;
  cell.parts.dot.dataset.status = status;
  cell.parts.dot.hidden = !status;
  cell.parts.word.textContent = status.toLowerCase();
}

/** @param {Cell} cell @param {string} name @param {Row} row */
function writePlain(cell, name, row) {
  const value = valueOf(name, row);
  const text = row.kind === "pending" ? "" : row.kind === "group" ? meanText(row, name, value) : textOf(name, value);
  if (cell.text !== text) {
    cell.el.textContent = text;
    cell.text = text;
    cell.el.title = text.length > 16 ? text : "";
  }
  if (TIMES.has(name) && value) cell.el.title = time(value);
  cell.el.classList.toggle("number", typeof value === "number" || typeof value === "bigint");
}

/**
 * A value as the table shows it.
 *
 * @param {string} name of its column
 * @param {any} value
 */
export function textOf(name, value) {
  if (TIMES.has(name)) return since(value);
  if (name === "duration") return duration(value);
  return shown(value).replace(/\s+/g, " ");
}

/** @param {Row} row @param {string} name @param {any} mean */
function meanText(row, name, mean) {
  if (mean === null || mean === undefined) return "";
  const deviation = row.value(`std(${name})`);
  const write = name === "duration" ? duration : shorter;
  return deviation === null || deviation === undefined ? write(mean, MEAN_DIGITS) : `${write(mean, MEAN_DIGITS)} ± ${write(deviation, DEVIATION_DIGITS)}`;
}

/** @param {number} value @param {number} digits */
function shorter(value, digits) {
  return number(Number(value.toPrecision(digits)));
}

/**
 * Show what is marked of a row: pointed at, selected, drawn.
 *
 * @param {import("./grid.js").Slot} slot
 * @param {Row} row
 * @param {Marks & {isHovered: boolean}} marks
 */
export function mark(slot, row, marks) {
  const { classList } = slot.el;
  classList.toggle("hovered", marks.isHovered);
  classList.toggle("selected", marks.isSelected);
  classList.toggle("pending", row.kind === "pending");
  classList.toggle("group", row.kind === "group");
  slot.el.setAttribute("aria-selected", String(marks.isSelected));
  for (const cell of slot.cells) {
    if (cell.kind === "select") {
      cell.parts.box.checked = marks.isSelected;
      cell.parts.box.hidden = row.kind === "pending";
      cell.parts.box.setAttribute("aria-label", row.kind === "group" ? "Select the runs of this group" : "Select this run");
    } else if (cell.kind === "name") {
      markInk(cell.parts.ink, row, marks);
    }
  }
}

/** @param {HTMLElement} ink @param {Row} row @param {Marks} marks */
function markInk(ink, row, { isDrawn, isPinned, color }) {
  ink.hidden = row.kind === "pending";
  ink.style.color = color;
  ink.classList.toggle("drawn", isDrawn);
  ink.classList.toggle("pinned", isPinned);
  ink.setAttribute("aria-pressed", String(isDrawn));
  ink.title = isDrawn ? "Drawn in charts; leave out" : "Not drawn in charts; draw";
  ink.setAttribute("aria-label", ink.title);
}

/** @param {string} tag @param {string} className */
function element(tag, className) {
  return Object.assign(document.createElement(tag), { className });
}

/** A button of a cell, which the tab key passes by: keys act on the cell. @param {string} className @param {string} act @param {string} icon */
export function button(className, act, icon) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: `cell-button ${className}`, tabIndex: -1 });
  made.dataset.act = act;
  if (icon) made.append(iconOf(icon));
  return made;
}

/** @param {string} name */
export function iconOf(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  for (const [key, value] of Object.entries({ class: "icon", width: "14", height: "14", "aria-hidden": "true" })) svg.setAttribute(key, value);
  svg.append(use);
  return svg;
}
