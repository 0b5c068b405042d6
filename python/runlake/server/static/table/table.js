// Table of runs: the grid, kept as the state of the page says.
// @ts-check
import { effect, h, untracked, useEffect, useLayoutEffect, useRef, useSignal, useState } from "../vendor/preact.js";
import { plural } from "../lib/format.js";
import { go, pathOf } from "../lib/router.js";
import { Icon } from "../parts/icon.js";
import { later } from "../parts/later.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { layout } from "../state/columns.js";
import { SELECT, isEditable } from "../state/layout.js";
import { drawnIds } from "../state/order.js";
import { arrived, asked, failure, loading, look, renew, root, total } from "../state/runs.js";
import { colorOf, meaning } from "../state/inks.js";
import { dark } from "../state/theme.js";
import { change, filter, view } from "../state/view.js";
import { hovered, selected } from "../state/visible.js";
import * as acts from "./acts.js";
import { anchor, note, unseen } from "./anchor.js";
import { fill, mark } from "./cells.js";
import { Grid } from "./grid.js";
import * as header from "./header.js";
import { listen as listenToKeys } from "./keys.js";
import { rowAt, rowCount, toggleOpen } from "./rows.js";
import { choose, chooseAll, everyone, forgetFilter, groups, isSelected } from "./selection.js";

/** @typedef {import("./menus.js").Popup} Popup */

const LATE_MS = 150;

const PopupMenu = later(async () => (await import("./menus.js")).PopupMenu);

export function Table() {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  /** @type {import("../vendor/preact.js").Signal<Popup | null>} */
  const popup = useSignal(null);
  useLayoutEffect(() => (host.current ? run(host.current, (next) => { popup.value = next; }) : undefined), []);
  const empty = total.value === 0;
  const isLate = useLate(loading.value && root.value !== null);
  return h(
    "section",
    { class: "table", "aria-label": "Table of runs" },
    h("div", {
      ref: host, class: isLate ? "grid late" : "grid", role: "grid", tabIndex: 0, "aria-label": "Runs", "aria-busy": loading.value, "aria-multiselectable": "true", hidden: empty || (failure.value !== null && !root.value),
    }),
    unseen.value > 0 && h("button", { type: "button", class: "unseen", onClick: () => host.current?.scrollTo({ top: 0 }) }, h(Icon, { name: "chevron-up" }), `${plural(unseen.value, "new run")}`),
    failure.value ? h(Broken, { error: failure.value }) : !root.value ? h(Loading, { what: "Looking for runs" }) : empty && h(Nothing, {}),
    popup.value && h(PopupMenu, { ...popup.value, onClose: () => { popup.value = null; } }),
  );
}

/**
 * Have a grid in an element.
 *
 * @param {HTMLElement} host
 * @param {(popup: Popup) => void} show
 * @returns {() => void}
 */
function run(host, show) {
  const grid = new Grid(host, {
    layout: () => layout.peek(),
    rows: rowCount,
    look: (from, to, inView, ahead) => {
      if (!host.isConnected) return; // a page that is left is scrolled nowhere
      look(from, to, inView, ahead);
      note(grid);
    },
    head: header.writeHead,
    fill: (cell, placed, number) => {
      const row = rowAt(number);
      return row !== null && fill(cell, placed, row);
    },
    mark: (slot, number) => {
      const row = rowAt(number);
      if (row) mark(slot, row, marksOf(row));
    },
  });
  const menus = menusOf(grid, show);
  const ends = [
    follow(grid),
    effect(() => void [layout.value, view.sort.value, everyone.value, grid.soon(true)]),
    effect(() => void [hovered.value, selected.value, drawnIds.value, dark.value, meaning.value, view.pins.value, everyone.value, groups.value, grid.mark()]),
    effect(() => {
      asked.value; // other runs
      untracked(forgetFilter);
    }),
    anchor(grid),
    header.listen(host),
    acts.listen(host, grid, menus),
    listenToKeys(grid, (event, at) => onKey(event, at, menus)),
  ];
  return () => {
    ends.forEach((end) => end());
    grid.end();
  };
}

/** Whether something is awaited for long: rows that are pale for a moment are two frames for nothing. @param {boolean} isAwaited */
function useLate(isAwaited) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = isAwaited ? setTimeout(() => setLate(true), LATE_MS) : undefined;
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isAwaited]);
  return isAwaited && isLate;
}

/** Draw what has come: all rows where others may stand in their places, else those that lacked something. @param {Grid} grid */
function follow(grid) {
  let drawn = { list: root.peek(), height: -1, tx: NaN };
  return effect(() => {
    arrived.value;
    const list = root.value;
    const now = { list, height: list?.height ?? 0, tx: list?.windows.tx ?? NaN };
    const isFirst = drawn.list === null;
    const isSame = now.list === drawn.list && now.height === drawn.height && now.tx === drawn.tx;
    drawn = now;
    if (isSame) grid.fresh();
    else if (list && isFirst) grid.draw(); // a frame earlier
    else grid.soon(true);
  });
}

/** @param {import("./rows.js").Row} row */
function marksOf(row) {
  const isGroup = row.kind === "group";
  return {
    isHovered: row.id !== "" && hovered.peek() === row.id,
    isSelected: isSelected(row),
    isDrawn: isGroup ? row.depth + 1 === view.group.peek().length : drawnIds.peek().has(row.id),
    isPinned: view.pins.peek().includes(row.id),
    color: colorOf(row.id, view.color.peek() ? row.value(view.color.peek()) : null),
  };
}

/** @param {Grid} grid @param {(popup: Popup) => void} show @returns {acts.Menus} */
function menusOf(grid, show) {
  return {
    column: (name, anchor) => show({ anchor, name, row: null }),
    row: (row, name, anchor) => show({ anchor, name, row }),
    edit: async (row, name, cell) => (await import("./edit.js")).edit(grid.host, cell, row, name),
    copy: async (row, name) => (await import("./menus.js")).copyCell(row, name),
    at: ({ row, column }) => grid.elementOf(row, column),
  };
}

/**
 * What keys do that do not lead elsewhere.
 *
 * @param {KeyboardEvent} event
 * @param {{row: number, column: number}} at
 * @param {acts.Menus} menus
 */
function onKey(event, at, menus) {
  const { frozen, free } = layout.peek();
  const placed = frozen[at.column] ?? free[at.column - frozen.length];
  const opensMenu = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey) || (event.key === "ArrowDown" && event.altKey);
  const anchor = menus.at(at);
  if (!placed) return false;
  if (at.row < 0) {
    if (event.key === " " && placed.name === SELECT) chooseAll(!everyone.peek());
    else if (opensMenu && anchor && placed.name !== SELECT) menus.column(placed.name, anchor);
    else return header.onHeadKey(event, placed) || opensMenu;
    return true;
  }
  const row = rowAt(at.row);
  if (!row || row.kind === "pending") return false;
  if (opensMenu && anchor) menus.row(row, placed.name, anchor);
  else if (event.key === "F2" && isEditable(placed.name) && row.kind === "run" && anchor) menus.edit(row, placed.name, anchor);
  else if (event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString()) menus.copy(row, placed.name);
  else if (event.key === " ") choose(at.row, event.shiftKey);
  else if (event.key === "Enter" && row.kind === "group") toggleOpen(row);
  else if (event.key === "Enter" && placed.name.startsWith("tags.") && anchor) menus.edit(row, placed.name, anchor);
  else if (event.key === "Enter") go(pathOf("run", { run: row.id }));
  else if (event.altKey && event.key === "ArrowRight" && row.opens && !row.isOpen) toggleOpen(row);
  else if (event.altKey && event.key === "ArrowLeft" && row.isOpen) toggleOpen(row);
  else return opensMenu;
  return true;
}

/** The rows could not be had; a filter that cannot be read says why where it is written. @param {{error: import("../lib/api.js").ApiError}} props */
function Broken({ error }) {
  if (!error.span) return h(Failure, { error, onRetry: renew });
  return h(Empty, { title: "The filter cannot be read, so no runs are shown." }, h("p", { class: "quiet", dir: "auto" }, error.message.split("\n", 1)[0]));
}

function Nothing() {
  if (filter.value) {
    return h(
      Empty,
      { title: "No run matches the filter." },
      h("p", { class: "quiet mono", dir: "auto" }, filter.value),
      h("button", { type: "button", onClick: () => change({ where: "", brush: [] }) }, "Show all runs"),
    );
  }
  if (view.lifecycle.value === "deleted") return h(Empty, { title: "No run is deleted." });
  return h(
    Empty,
    { title: "There are no runs here yet." },
    h("p", {}, "A run appears as soon as it has begun: ", h("code", {}, "runlake.start_run()"), "."),
  );
}
