// Column panel: which columns are shown, found among all by a part of their names, and in which order.
// @ts-check
import { batch, h, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { isAbort } from "../lib/api.js";
import { count, number, plural } from "../lib/format.js";
import { Dialog } from "../parts/dialog.js";
import { IconButton } from "../parts/icon.js";
import { chosen, move, search, toggle, written } from "../state/columns.js";
import { NAME } from "../state/layout.js";
import { change, view } from "../state/view.js";
import { labelOf } from "./header.js";

/** @typedef {import("../state/columns.js").Column} Column */

const KINDS = /** @type {const} */ ({ attributes: "Attributes", params: "Parameters", metrics: "Metrics", tags: "Tags" });
const ROW = 32;
const PAGE = 100;
const OVERSCAN = 6;

/** @param {{onClose: () => void}} props */
export default function ColumnPanel({ onClose }) {
  const text = useSignal("");
  const kinds = useSignal(/** @type {string[]} */ ([]));
  return h(
    Dialog,
    { title: "Columns", onClose, wide: true },
    h(
      "div",
      { class: "column-panel" },
      h(
        "section",
        { "aria-label": "All columns" },
        h("input", {
          type: "search", placeholder: "Find columns", "aria-label": "Find columns", value: text.value, autofocus: true, spellcheck: false,
          onInput: (/** @type {any} */ event) => { text.value = event.target.value; },
        }),
        h(
          "div",
          { class: "facets", role: "group", "aria-label": "Kinds" },
          Object.entries(KINDS).map(([kind, label]) =>
            h(
              "button",
              { key: kind, type: "button", class: "facet", "aria-pressed": kinds.value.includes(kind), onClick: () => { kinds.value = kinds.value.includes(kind) ? kinds.value.filter((one) => one !== kind) : [...kinds.value, kind]; } },
              label,
            ),
          ),
          h("label", {}, h("input", { type: "checkbox", checked: view.differs.value, onChange: (/** @type {any} */ event) => change({ differs: event.target.checked }) }), " only what differs"),
        ),
        h(Found, { text: text.value, kinds: kinds.value, differs: view.differs.value }),
      ),
      h(Chosen, {}),
    ),
  );
}

/** @param {{text: string, kinds: string[], differs: boolean}} props */
function Found({ text, kinds, differs }) {
  const pages = useSignal(/** @type {ReadonlyMap<number, Column[]>} */ (new Map()));
  const total = useSignal(NaN);
  const mistake = useSignal("");
  const top = useSignal(0);
  const list = useRef(/** @type {HTMLDivElement | null} */ (null));
  const key = JSON.stringify([text, kinds, differs]);
  const height = list.current?.clientHeight ?? 420;
  const from = Math.max(0, Math.floor(top.value / ROW) - OVERSCAN);
  const to = Math.ceil((top.value + height) / ROW) + OVERSCAN;
  const [first, last] = [Math.floor(from / PAGE), Math.floor(to / PAGE)];

  useEffect(() => {
    batch(() => { [pages.value, total.value, top.value, mistake.value] = [new Map(), NaN, 0, ""]; });
    if (list.current) list.current.scrollTop = 0;
  }, [key]);
  useEffect(() => {
    const stop = new AbortController();
    for (let page = first; page <= last; page += 1) {
      if (pages.value.has(page) || (page > 0 && page * PAGE >= total.value)) continue;
      search({ q: text, kind: kinds, differs: differs || undefined, offset: page * PAGE, limit: PAGE }, stop.signal).then(
        (found) => batch(() => {
          pages.value = new Map(pages.value).set(page, found.columns);
          total.value = differs && found.columns.length < PAGE ? page * PAGE + found.columns.length : found.total;
        }),
        (error) => { if (!isAbort(error)) mistake.value = error.message; },
      );
    }
    return () => stop.abort();
  }, [key, first, last]);

  const rows = [];
  for (let i = from; i < Math.min(to, total.value || 0); i += 1) {
    const column = pages.value.get(Math.floor(i / PAGE))?.[i % PAGE];
    rows.push(h(Line, { key: i, column, at: i }));
  }
  return h(
    "div",
    {},
    h(
      "div",
      { class: "column-found" },
      h("span", { class: mistake.value ? "mistake" : "quiet", role: "status" }, mistake.value ? mistake.value : Number.isNaN(total.value) ? "Looking …" : total.value === 0 ? `No column has “${text}” in its name.` : plural(total.value, "column")),
      kinds.length === 1 && kinds[0] !== "attributes" && !text && h("button", { type: "button", class: "link", onClick: () => change({ columns: withAll(kinds[0]) }) }, `Show all ${KINDS[/** @type {keyof typeof KINDS} */ (kinds[0])].toLowerCase()}`),
    ),
    h(
      "div",
      { ref: list, class: "column-list", tabIndex: 0, "aria-label": "Columns found", role: "group", onScroll: (/** @type {any} */ event) => { top.value = event.target.scrollTop; } },
      h("div", { class: "column-all", style: { height: `${(total.value || 0) * ROW}px` } }, rows),
    ),
  );
}

/** @param {{column: Column | undefined, at: number}} props */
function Line({ column, at }) {
  const style = { top: `${at * ROW}px` };
  if (!column) return h("div", { class: "column-line", style }, "…");
  const isOn = chosen.value.includes(column.name);
  return h(
    "label",
    { class: "column-line", style, title: column.name },
    h("input", { type: "checkbox", checked: isOn, disabled: column.name === NAME, onChange: () => toggle(column.name, !isOn) }),
    h("span", { class: "column-key", dir: "auto" }, column.kind === "attributes" ? labelOf(column.name) : column.key),
    h("span", { class: "quiet" }, column.kind === "attributes" ? "" : column.kind),
    h("span", { class: "quiet column-range" }, rangeOf(column)),
  );
}

/** What is known of a column's values. @param {Column} column */
function rangeOf({ min, max, distinct, runs }) {
  if (min !== null && max !== null) return min === max ? number(min) : `${number(min)} … ${number(max)}`;
  return runs === 0 ? "" : `${count(distinct)} value${distinct === 1 ? "" : "s"}`;
}

function Chosen() {
  const names = written.value.filter((name) => name !== NAME);
  return h(
    "section",
    { class: "column-chosen", "aria-label": "Columns shown" },
    h(
      "div",
      { class: "column-found" },
      h("h3", {}, "Shown, in this order"),
      view.columns.value.length > 0 && h("button", { type: "button", class: "link", onClick: () => change({ columns: [], frozen: [], widths: [] }) }, "As by default"),
    ),
    h(
      "ol",
      {},
      names.slice(0, 500).map((name, i) =>
        h(
          "li",
          {
            key: name, draggable: true,
            onDragStart: (/** @type {DragEvent} */ event) => event.dataTransfer?.setData("text/x-column", name),
            onDragOver: (/** @type {DragEvent} */ event) => event.preventDefault(),
            onDrop: (/** @type {DragEvent} */ event) => { event.preventDefault(); drop(event.dataTransfer?.getData("text/x-column") ?? "", name, names); },
          },
          h("span", { class: "column-key", dir: "auto", title: name }, name),
          h(IconButton, { icon: "chevron-up", label: `Move ${name} up`, disabled: i === 0, onClick: () => move(name, names[i - 1]) }),
          h(IconButton, { icon: "chevron-down", label: `Move ${name} down`, disabled: i === names.length - 1, onClick: () => move(name, names[i + 2] ?? null) }),
          h(IconButton, { icon: "x", label: `Hide ${name}`, onClick: () => toggle(name, false) }),
        ),
      ),
    ),
  );
}

/** @param {string} name @param {string} before @param {readonly string[]} names */
function drop(name, before, names) {
  if (name && name !== before && names.includes(name)) move(name, before);
}

/** The columns that are shown, and all of a kind behind them. @param {string} kind */
function withAll(kind) {
  return [...written.value.filter((name) => !name.startsWith(`${kind}.`)), `${kind}.*`];
}
