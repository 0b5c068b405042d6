// Table of a comparison: a row a thing, a column a run, and how far each is from the baseline.
// @ts-check
import { h, useMemo, useState } from "../vendor/preact.js";
import { change, read } from "../lib/baseline.js";
import { number, plural } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { copy } from "../parts/copy.js";
import { Icon, IconButton } from "../parts/icon.js";
import { Empty } from "../parts/state.js";
import { Windowed } from "../parts/windowed.js";
import { csv, KINDS, seen } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */

const NAME = "min(220px, 38vw)"; // widths of columns
const RUN = "190px";
const FIELDS = /** @type {Record<string, string>} */ ({ latest: "last", latest_step: "at step", min_step: "least at step", max_step: "greatest at step", min: "least", max: "greatest", count: "points" });

/**
 * @param {{runs: readonly string[], names: readonly string[], rows: readonly Row[], baseline: number, differences: boolean, all: boolean,
 *   onAll: (all: boolean) => void, onBaseline: (at: number) => void, onRemove: (run: string) => void}} props baseline: the place of the run that others are held
 *   against; differences: whether rows that all have alike were left out; all: whether metrics have all of their fields
 */
export function ComparisonTable({ runs, names, rows, baseline, differences, all, onAll, onBaseline, onRemove }) {
  const [text, setText] = useState("");
  const [folded, setFolded] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const lines = useMemo(() => seen(rows, { text, folded }), [rows, text, folded]);
  const shown = lines.flatMap((line) => ("row" in line ? [line.row] : []));
  /** @param {string} kind */
  const fold = (kind) => {
    const next = new Set(folded);
    if (!next.delete(kind)) next.add(kind);
    setFolded(next);
  };
  const columns = `${NAME} repeat(${runs.length}, minmax(${RUN}, 1fr))`;
  return [
    h(
      "div",
      { class: "part-bar" },
      h("input", { type: "search", "aria-label": "Find names and values", placeholder: "Find names and values", value: text, onInput: (/** @type {any} */ event) => setText(event.target.value) }),
      h("label", {}, h("input", { type: "checkbox", checked: all, onChange: () => onAll(!all) }), " least, greatest and steps of metrics"),
      h("span", { class: "quiet", role: "status" }, plural(shown.length, differences ? "difference" : "row")),
      h("button", { type: "button", onClick: () => void copy(csv(names, shown), "the table as CSV") }, "Copy as CSV"),
    ),
    lines.length === 0
      ? h(Empty, { title: text ? `Nothing has “${text}” in its name or values.` : "The runs do not differ in anything." })
      : h(Windowed, {
        label: "Comparison", count: lines.length, class: "comparison", height: 34, columns, least: `calc(${NAME} + ${runs.length} * ${RUN})`,
        head: [
          h("span", { key: "", role: "columnheader", class: "pinned" }, "Name"),
          ...runs.map((run, at) => h(Head, { key: run, run, name: names[at], isBaseline: at === baseline, onBaseline: () => onBaseline(at), onRemove: runs.length > 1 ? () => onRemove(run) : undefined })),
        ],
        line: (at) => {
          const line = lines[at];
          return "row" in line ? h(Cells, { row: line.row, baseline }) : h(Heading, { kind: line.kind, open: !folded.has(line.kind), onFold: () => fold(line.kind) });
        },
      }),
  ];
}

/** @param {{run: string, name: string, isBaseline: boolean, onBaseline: () => void, onRemove?: () => void}} props */
function Head({ run, name, isBaseline, onBaseline, onRemove }) {
  return h(
    "span",
    { role: "columnheader", class: isBaseline ? "run-column baseline" : "run-column" },
    h("a", { href: pathOf("run", { run }), dir: "auto", title: name }, name),
    isBaseline ? h("span", { class: "chip busy" }, "baseline") : h(IconButton, { icon: "star", label: `Hold the others against ${name}`, onClick: onBaseline }),
    onRemove && h(IconButton, { icon: "x", label: `Leave out ${name}`, onClick: onRemove }),
  );
}

/** @param {{kind: string, open: boolean, onFold: () => void}} props */
function Heading({ kind, open, onFold }) {
  return h(
    "span",
    { role: "cell", class: "pinned kind" },
    h("button", { type: "button", class: "link", "aria-expanded": open, onClick: onFold }, h(Icon, { name: open ? "chevron-down" : "chevron-right", size: 14 }), KINDS[kind]),
  );
}

/** @param {{row: Row, baseline: number}} props */
function Cells({ row, baseline }) {
  const { key, field, values, differs } = row;
  const detail = row.kind === "metric" && field !== "latest" ? ` ${FIELDS[field] ?? field}` : "";
  return [
    h("span", { key: "", role: "rowheader", class: "pinned", title: key }, h("span", { dir: "auto" }, key), detail && h("span", { class: "quiet" }, detail)),
    ...values.map((value, at) => h(Cell, { key: at, row, value, base: at === baseline ? null : values[baseline], other: differs && at !== baseline && value !== values[baseline] })),
  ];
}

/** @param {{row: Row, value: string | null, base: string | null, other: boolean}} props base: what the baseline has; other: whether it differs from that */
function Cell({ row, value, base, other }) {
  if (value === null) return h("span", { role: "cell", class: other ? "quiet other" : "quiet" }, "–");
  const told = ["metric", "param"].includes(row.kind) || row.key === "duration_s" ? change(value, base) : null;
  const given = row.kind === "metric" ? read(value) : null;
  return h(
    "span",
    { role: "cell", class: other ? "other" : "", dir: "auto", title: value },
    given !== null && !row.field.endsWith("_step") ? number(given) : value,
    told && h("span", { class: "change", title: `${told.absolute} ${told.relative}` }, h("span", { "aria-hidden": "true" }, told.up ? " ▲ " : " ▼ "), told.relative || told.absolute),
  );
}
