// Menus: what can be done with a column, and with a row.
// @ts-check
import { h } from "../vendor/preact.js";
import { pathOf } from "../lib/router.js";
import { copy } from "../parts/copy.js";
import { MenuList } from "../parts/menu.js";
import { complain } from "../state/toasts.js";
import { freeze, resize, toggle } from "../state/columns.js";
import { NAME, isEditable } from "../state/layout.js";
import { drawnIds } from "../state/order.js";
import { change, filter, view } from "../state/view.js";
import { toggleDrawn, togglePin } from "../state/visible.js";
import { clauseOf, groupWhere } from "../lib/condition.js";
import { edit, whole } from "./edit.js";
import { sortBy, sortOf } from "./sorting.js";
import { byOf, partOf } from "./rows.js";

/** @typedef {import("../parts/menu.js").Item} Item */
/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{anchor: Element, name: string, row: Row | null}} Popup name: of the column; row: null for the head */

/** The menu of a cell or a head, as long as it is drawn. @param {Popup & {onClose: () => void}} props */
export function PopupMenu({ anchor, name, row, onClose }) {
  const label = row ? "What can be done with the row" : `What can be done with the column ${name}`;
  const items = row ? [...rowItems(row, name), ...editItems(row, name, anchor)] : columnItems(name);
  return h(MenuList, { key: `${row?.id} ${name}`, label, items, anchor, onClose });
}

/** @param {Row} row @param {string} name @param {Element} anchor @returns {Item[]} */
function editItems(row, name, anchor) {
  const cell = anchor.closest(".grid-cell");
  const host = anchor.closest(".grid");
  if (row.kind !== "run" || !isEditable(name) || !(cell instanceof HTMLElement) || !(host instanceof HTMLElement)) return [];
  return ["-", { label: name === NAME ? "Rename" : "Edit", icon: "settings-2", run: () => void edit(host, cell, row, name) }];
}

/** @param {string} name @returns {Item[]} */
export function columnItems(name) {
  const sorted = sortOf(view.sort.value, name);
  const isName = name === NAME;
  const isFrozen = view.frozen.value.includes(name);
  const grouped = view.group.value.includes(name);
  return [
    { label: "Sort upwards", icon: "chevron-up", run: () => sortBy(name, false) },
    { label: "Sort downwards", icon: "chevron-down", run: () => sortBy(name, true) },
    ...(view.sort.value.length && !sorted ? [{ label: "Sort by it as well", icon: "plus", run: () => sortBy(name, false, true) }] : []),
    "-",
    ...(/^metrics\.|\(/.test(name) ? [] : [{ label: grouped ? "Group by it no longer" : "Group by it", icon: "list", run: () => toggleGroup(name) }]),
    { label: "Colour runs by it", icon: "sun", checked: view.color.value === name, run: () => change({ color: view.color.value === name ? "" : name }) },
    "-",
    ...(isName ? [] : [{ label: "Keep it at the left", icon: "pin", checked: isFrozen, run: () => freeze(name, !isFrozen) }]),
    { label: "Usual width", icon: "maximize-2", run: () => resize(name, null) },
    { label: "Copy its name", icon: "copy", run: () => copy(name, "the name of the column") },
    ...(isName ? [] : [{ label: "Hide column", icon: "eye-off", run: () => toggle(name, false) }]),
  ];
}

/** @param {Row} row @param {string} name of the column that is pointed at @returns {Item[]} */
export function rowItems(row, name) {
  if (row.kind === "group") {
    return [{ label: "Show its runs alone", icon: "filter", run: () => change({ where: groupWhere(partOf(row)), brush: [], group: [] }) }];
  }
  const path = pathOf("run", { run: row.id });
  const isDrawn = drawnIds.value.has(row.id);
  const value = row.value(name);
  return [
    { label: "Open run", icon: "chevron-right", href: path },
    { label: "Open in a new tab", icon: "external-link", run: () => void open(path, "_blank", "noopener") },
    { label: "Copy link", icon: "link", run: () => copy(location.origin + path, "the link to the run") },
    { label: "Copy run ID", icon: "copy", run: () => copy(row.id, "the ID of the run") },
    ...(value === undefined || value === null ? [] : [{ label: "Copy cell", icon: "copy", run: () => copyCell(row, name) }]),
    "-",
    { label: isDrawn ? "Leave out of charts" : "Draw in charts", icon: isDrawn ? "eye-off" : "eye", run: () => toggleDrawn(row.id, isDrawn) },
    { label: "Always draw in charts", icon: "pin", checked: view.pins.value.includes(row.id), run: () => togglePin(row.id) },
    ...(name === NAME || value === undefined ? [] : [{ label: "Only runs with this value", icon: "filter", run: () => void narrow(row, name) }]),
  ];
}

/** @param {string} name */
export function toggleGroup(name) {
  const names = view.group.value;
  change({ group: names.includes(name) ? names.filter((one) => one !== name) : [...names, name] });
}

/** Leave only runs that have the value of a cell, all of it: the table has the beginning of a long text. @param {Row} row @param {string} name */
async function narrow(row, name) {
  const value = row.value(name);
  let clause;
  try {
    clause = clauseOf(name, typeof value === "string" ? await whole(row, name) : value);
  } catch (error) {
    return complain(error);
  }
  const { where } = view;
  const said = where.value.trim();
  const before = /\bor\b/i.test(said) ? `(${said})` : said;
  change({ where: filter.value && said ? `${before} AND ${clause}` : clause });
}

/** Copy what a cell has, in full. @param {Row} row @param {string} name */
export async function copyCell(row, name) {
  try {
    const text = row.kind === "group" ? String(row.value(`mean(${name})`) ?? row.value(byOf(row)) ?? "") : await whole(row, name);
    await copy(text, "the cell");
  } catch (error) {
    complain(error);
  }
}
