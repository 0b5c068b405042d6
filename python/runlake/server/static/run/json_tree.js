// JSON as a tree that can be folded, or as it is written; numbers with all the digits that they have there.
// @ts-check
import { h, useMemo, useState } from "../vendor/preact.js";
import { Icon } from "../parts/icon.js";
import { Windowed } from "../parts/windowed.js";
import { flat, parse } from "../lib/jsonlines.js";
import { TextLines } from "./text_lines.js";

const HEIGHT = 20;
const INDENT = 16;

/** @param {{text: string}} props */
export function JsonTree({ text }) {
  const value = useMemo(() => parse(text), [text]);
  const [raw, setRaw] = useState(false);
  const [closed, setClosed] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const lines = useMemo(() => (value === undefined ? [] : flat(value, closed)), [value, closed]);
  if (value === undefined) return [h("p", { class: "mistake" }, "This is not JSON; it is shown as text."), h(TextLines, { text, label: "Text" })];
  /** @param {string} path */
  const toggle = (path) => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    setClosed(next);
  };
  return h(
    "div",
    { class: "filling" },
    h("div", { class: "part-bar" }, h("button", { type: "button", "aria-pressed": raw, onClick: () => setRaw(!raw) }, "As it is written")),
    raw ? h(TextLines, { text, label: "JSON" }) : h(Windowed, {
      label: "JSON", count: lines.length, height: HEIGHT, class: "lines json",
      line: (at) => h(Line, { line: lines[at], onToggle: toggle }),
    }),
  );
}

/** @param {{line: import("../lib/jsonlines.js").Line, onToggle: (path: string) => void}} props */
function Line({ line: { path, depth, name, text, kind, size, open }, onToggle }) {
  const key = name !== null && [h("span", { class: "json-key", dir: "auto" }, name), ": "];
  const folds = size > 0;
  return h(
    "span",
    { role: "cell", style: { paddingLeft: `${depth * INDENT + (folds ? 0 : INDENT)}px` } },
    folds
      ? h("button", { type: "button", class: "link", "aria-expanded": open, onClick: () => onToggle(path) }, h(Icon, { name: open ? "chevron-down" : "chevron-right", size: 12 }), key, h("span", { class: "quiet" }, text))
      : [key, h("span", { class: `json-${kind}`, dir: "auto" }, text)],
  );
}
