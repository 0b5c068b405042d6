// Legend: which runs are drawn, of how many and why, in their colours; and what the marks of a chart mean.
// @ts-check
import { h, useEffect, useSignal, useState } from "../vendor/preact.js";
import { borderOf } from "../lib/color.js";
import { count, plural } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { change, view } from "../state/view.js";
import { hovered, togglePin } from "../state/visible.js";
import { MARKS, explained } from "./marks.js";

/** @typedef {import("./context.js").Context} Context */

const MOST_SHOWN = 24;
const MOST_TOP = 500;

/** @param {{board: Context}} props */
export function Legend({ board }) {
  const more = useSignal(false);
  const lines = board.lines.value;
  const inks = board.inks([]);
  if (lines.length === 0 || (lines.length === 1 && !board.ofView)) return null;
  const shown = more.value ? lines : lines.slice(0, MOST_SHOWN);
  return h(
    "div",
    { class: "run-lines" },
    board.ofView && h(Caps, { board }),
    h(
      "ul",
      { "aria-label": "Lines" },
      shown.map((line) => h(Entry, { key: line.id, line, ink: inks(line), grouped: board.grouped.value, ofView: board.ofView })),
      lines.length > MOST_SHOWN && h("li", {}, h("button", { type: "button", class: "link", onClick: () => { more.value = !more.value; } }, more.value ? "fewer" : `and ${count(lines.length - MOST_SHOWN)} more`)),
    ),
  );
}

/** @param {{line: import("./curves.js").Line, ink: import("../lib/color.js").Ink, grouped: boolean, ofView: boolean}} props */
function Entry({ line, ink, grouped, ofView }) {
  const isHovered = hovered.value === line.id;
  const pinned = view.pins.value.includes(line.id);
  const point = (/** @type {string | null} */ id) => () => { hovered.value = id; };
  const swatch = h(Swatch, { ink });
  const name = h("span", { class: "run-lines-name", dir: "auto" }, line.name);
  return h(
    "li",
    { class: isHovered ? "hovered" : "", onMouseEnter: point(line.id), onMouseLeave: point(null), onFocusIn: point(line.id), onFocusOut: point(null) },
    grouped ? [swatch, name, h("span", { class: "quiet" }, plural(line.runs, "run"))] : h("a", { href: pathOf("run", { run: line.id }) }, swatch, name),
    ofView && !grouped && pinned && h("button", { type: "button", class: "link quiet", title: "Draw it only where the order says so", onClick: () => togglePin(line.id) }, "pinned"),
  );
}

/** A piece of a line in its ink. @param {{ink: import("../lib/color.js").Ink}} props */
export function Swatch({ ink }) {
  return h("span", { class: "swatch", style: { borderTopColor: ink.color, borderTopStyle: borderOf(ink) } });
}

/** How many runs are drawn, of how many, and how to draw more. @param {{board: Context}} props */
function Caps({ board }) {
  const caps = board.caps.value;
  if (!caps) return null;
  if (caps.grouped) return h("p", { class: "caps", role: "status" }, groupsText(caps));
  const sort = view.sort.value;
  return h(
    "p",
    { class: "caps" },
    h("span", { role: "status" }, `${count(caps.drawn)} of ${plural(caps.total, "run")} drawn`),
    caps.leftOut > 0 || view.top.value !== 20
      ? [
          ": the first ",
          h(Top, {}),
          sort.length ? ` by ${sort.join(", ")}` : " in the table's order",
        ]
      : null,
  );
}

/** What is typed stays while it is typed: runs that go on draw the legend again. */
function Top() {
  const top = view.top.value;
  const [text, setText] = useState("");
  useEffect(() => setText(String(top)), [top]);
  const onChange = () => {
    const wanted = Math.min(MOST_TOP, Math.max(1, Math.round(Number(text)) || 20));
    setText(String(wanted));
    change({ top: wanted });
  };
  return h("input", {
    type: "number", class: "top-runs", min: 1, max: MOST_TOP, value: text, "aria-label": "How many runs of the order are drawn",
    onInput: (/** @type {any} */ event) => setText(event.target.value), onChange,
  });
}

/** @param {{total: number, leftOut: number, drawn: number, groups: number}} caps */
function groupsText({ total, leftOut, drawn, groups }) {
  const drawnOf = groups > drawn ? `${count(drawn)} of ${plural(groups, "group")}, the first in the order,` : plural(groups, "group");
  const all = `${drawnOf} of ${plural(total - leftOut, "run")}`;
  return leftOut ? `${all}; ${plural(leftOut, "run")} more in none, for groups are made of the first 20,000` : `${all}, each in the mean and the band of its group`;
}

/** What the marks of a chart mean. @param {{curves: readonly import("./curves.js").Curve[], left: number, scale: string}} props */
export function MarkLegend({ curves, left, scale }) {
  const found = explained(curves);
  if (found.length === 0 && left === 0) return null;
  return h(
    "ul",
    { class: "mark-legend", "aria-label": "Marks" },
    found.map(({ mark, text }) => h("li", { key: mark }, h(MarkIcon, { mark }), text)),
    left > 0 && h("li", {}, `${count(left)} buckets have no place on a ${scale === "log" ? "log" : "logarithmic x"} axis`),
  );
}

/** @param {{mark: import("./marks.js").Mark}} props */
function MarkIcon({ mark }) {
  const { path, fill } = MARKS[mark];
  return h("svg", { class: "mark", width: 10, height: 10, viewBox: "-1.4 -1.4 2.8 2.8", "aria-hidden": "true" }, h("path", { d: path, class: fill ? "filled" : "hollow" }));
}
