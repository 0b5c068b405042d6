// Parameters of a run: a tree by the dots in their names, or those in which a text is found.
// @ts-check
import { h, useMemo, useState } from "../vendor/preact.js";
import { plural } from "../lib/format.js";
import { lines, nest } from "../lib/nesting.js";
import { finder } from "../lib/words.js";
import { Code, copy } from "../parts/copy.js";
import { Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { Empty } from "../parts/state.js";
import { Windowed } from "../parts/windowed.js";
import { useHere } from "./run.js";

const INDENT = 18; // pixels a level
const LONG = 60; // characters that may not fit
const CUT = 500;

export default function Params() {
  const { params } = useHere().run;
  const [text, setText] = useState("");
  const [closed, setClosed] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [whole, setWhole] = useState("");
  const keys = useMemo(() => Object.keys(params).sort(byName), [params]);
  const isWanted = finder(text);
  const found = keys.filter((key) => isWanted(key, params[key]));
  const seen = useMemo(
    () => text.trim() ? found.map((key) => ({ node: { path: key, name: key, key, leaves: 1, children: [] }, depth: 0, open: true })) : lines(nest(keys), closed),
    [keys, closed, found.join("\n")],
  );
  /** @param {string} path */
  const toggle = (path) => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    setClosed(next);
  };
  if (keys.length === 0) return h(Empty, { title: "No parameters have been logged." });
  return h(
    "section",
    { class: "filling", "aria-label": "Parameters" },
    h(
      "div",
      { class: "part-bar" },
      h("input", { type: "search", "aria-label": "Find parameters by name or value", placeholder: "Find by name or value", value: text, onInput: (/** @type {any} */ event) => setText(event.target.value) }),
      h("span", { class: "quiet", role: "status" }, plural(found.length, "parameter")),
      h("button", { type: "button", onClick: () => void copy(JSON.stringify(Object.fromEntries(found.map((key) => [key, params[key]])), null, 2), "the parameters as JSON") }, "Copy as JSON"),
    ),
    found.length === 0 ? h(Empty, { title: `No parameter has “${text}” in its name or value.` }) : h(Windowed, {
      label: "Parameters", count: seen.length, class: "params",
      head: [h("span", { role: "columnheader" }, "Name"), h("span", { role: "columnheader" }, "Value")],
      line: (at) => h(Line, { line: seen[at], value: params[seen[at].node.key ?? ""], onToggle: toggle, onOpen: setWhole }),
    }),
    whole && h(Dialog, { title: whole, wide: true, onClose: () => setWhole("") }, h(Code, { text: params[whole], what: "the value", wraps: true })),
  );
}

/** @param {{line: import("../lib/nesting.js").Line, value: string | undefined, onToggle: (path: string) => void, onOpen: (key: string) => void}} props */
function Line({ line: { node, depth, open }, value, onToggle, onOpen }) {
  const branch = node.children.length > 0;
  const name = h("span", { dir: "auto", title: node.path }, node.name);
  return [
    h(
      "span",
      { role: "cell", class: "cell-name", style: { paddingLeft: `${depth * INDENT + (branch ? 0 : INDENT)}px` } },
      branch
        ? h("button", { type: "button", class: "link", "aria-expanded": open, onClick: () => onToggle(node.path) }, h(Icon, { name: open ? "chevron-down" : "chevron-right", size: 14 }), name)
        : name,
      branch && !open && h("span", { class: "quiet" }, ` ${node.leaves}`),
    ),
    h(
      "span",
      { role: "cell", class: "cell-value mono", dir: "auto" },
      value !== undefined && value.length > LONG
        ? [h("button", { type: "button", class: "link small", "aria-label": `All of ${node.key}`, onClick: () => onOpen(node.key ?? "") }, "all"), " ", value.slice(0, CUT)]
        : value,
    ),
  ];
}

/** @param {string} a @param {string} b */
function byName(a, b) {
  return a.localeCompare(b, undefined, { numeric: true }) || (a < b ? -1 : 1);
}
