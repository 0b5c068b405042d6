// Heading of an axis: its name, what can be done with it, and the handle by which it is moved.
// @ts-check
import { h, useRef, useState } from "../vendor/preact.js";
import { IconButton } from "../parts/icon.js";
import { Menu } from "../parts/menu.js";
import { FUNCTIONS, SCALES, metricOf, reducedName, shortName } from "./parallel_axes.js";
import { wordsOf } from "./parallel_choice.js";
import { BAND } from "./parallel_layout.js";
import { choose, moveAxis, removeAxis, setAxis, specs } from "./parallel_state.js";

/** @typedef {import("./parallel_layout.js").Placed} Placed */
/** @typedef {import("../lib/clauses.js").Brush} Brush */

/** @type {Record<string, string>} */
const REDUCED = {
  last: "Last value", min: "Least value", max: "Largest value", mean: "Mean of all points", first: "First value", count: "Number of points",
  argmin: "Step of the least value", argmax: "Step of the largest value",
};
const CHARACTER = 6.9;
const AROUND = 27; // pixels of a heading that are not its name
const DRAGGED = 5;
const WIDEST = 142; // so that the heading of the first axis is not cut off

/** @param {{axis: Placed, place: number, spacing: number, brush: Brush | undefined, onOpen: () => void, onMoved: (text: string) => void}} props place: from the left, from 0 */
export function Heading({ axis, place, spacing, brush, onOpen, onMoved }) {
  const { key } = axis.said;
  const name = shortName(key);
  const move = (/** @type {number} */ to) => {
    moveAxis(key, to);
    onMoved(`${name} is axis ${Math.min(specs.value.length, Math.max(1, to + 1))} of ${specs.value.length}`);
  };
  const [shift, drag] = useMove(place, spacing, move);
  const words = wordsOf(axis.said, brush);
  const room = Math.min(spacing, WIDEST) - 6;
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const by = event.shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(place + by);
  };
  return h(
    "div",
    {
      class: shift === null ? "parallel-heading" : "parallel-heading moving", "data-axis": key, onKeyDown, ...drag,
      style: { left: `${axis.x + BAND / 2 - room / 2 + (shift ?? 0)}px`, width: `${room}px` },
    },
    h(Menu, { label: `${name}: what this axis shows`, text: shortened(name, Math.floor((room - AROUND) / CHARACTER)), items: itemsOf(axis, place, brush, onOpen, move) }),
    words
      ? h(
          "span",
          { class: "parallel-said" },
          h("button", { type: "button", class: "link small", title: `${words}; change it`, onClick: onOpen }, shortened(words, Math.floor(room / 7))),
          h(IconButton, { icon: "x", label: `Choose all of ${name} again`, class: "parallel-clear", onClick: () => choose(axis.said, null) }),
        )
      : h("span", { class: "parallel-said quiet small" }, axis.said.scale === "linear" ? "" : axis.said.scale === "log" ? "log" : axis.said.values?.length === 0 ? "no values" : ""),
  );
}

/** @param {Placed} axis @param {number} place @param {Brush | undefined} brush @param {() => void} onOpen @param {(to: number) => void} move */
function itemsOf({ said, flip }, place, brush, onOpen, move) {
  const metric = metricOf(said.key);
  const isText = said.values !== undefined && !metric && said.values.some((value) => value !== null && value.trim() !== "" && Number.isNaN(Number(value)));
  /** @type {import("../parts/menu.js").Item[]} */
  const items = [
    { label: said.values ? "Choose values …" : "Type bounds …", icon: "sliders-horizontal", run: onOpen },
    { label: "Choose all", icon: "rotate-ccw", run: () => choose(said, null), disabled: !brush },
    "-",
    ...SCALES.filter((scale) => !isText || scale === "category").map((scale) => ({
      label: { linear: "Linear scale", log: "Logarithmic scale", category: "A place for each value" }[scale] ?? scale,
      checked: said.scale === scale, run: () => rescale(said, brush, scale),
    })),
    { label: "Upside down", checked: flip, run: () => setAxis(said.key, { flip: !flip }) },
    "-",
  ];
  if (metric) {
    for (const reduced of FUNCTIONS) {
      items.push({ label: REDUCED[reduced] ?? reduced, checked: metric.reduced === reduced, run: () => rename(said, reducedName(metric.metric, reduced)) });
    }
    items.push("-");
  }
  items.push(
    { label: "Move left", icon: "chevron-left", run: () => move(place - 1), disabled: place === 0 },
    { label: "Move right", icon: "chevron-right", run: () => move(place + 1), disabled: place === specs.value.length - 1 },
    { label: "Remove this axis", icon: "trash-2", run: () => removeAxis(said.key) },
  );
  return items;
}

/** @param {Placed["said"]} said @param {Brush | undefined} brush @param {string} scale */
function rescale(said, brush, scale) {
  if (brush && (scale === "category") !== (said.values !== undefined)) choose(said, null); // a range is none of categories
  setAxis(said.key, { scale });
}

/** @param {Placed["said"]} said @param {string} name */
function rename(said, name) {
  if (specs.value.some((spec) => spec.name === name)) return;
  choose(said, null);
  setAxis(said.key, { name, scale: said.scale === "category" ? "category" : "auto" });
}

/**
 * Moving by a pointer: how far, and the handlers.
 *
 * @param {number} place
 * @param {number} spacing
 * @param {(to: number) => void} move
 * @returns {[number | null, Record<string, (event: any) => void>]}
 */
function useMove(place, spacing, move) {
  const [shift, setShift] = useState(/** @type {number | null} */ (null));
  const wasDragged = useRef(false);
  /** @param {PointerEvent} event */
  const onPointerDown = (event) => {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("[popover]"))) return;
    const begin = event.clientX;
    let by = 0;
    wasDragged.current = false;
    // The window is listened to, for a pointer may leave in its first step, and a captured one clicks nothing.
    const stop = new AbortController();
    addEventListener("pointermove", (moved) => {
      by = moved.clientX - begin;
      wasDragged.current ||= Math.abs(by) >= DRAGGED;
      if (wasDragged.current) setShift(by);
    }, stop);
    addEventListener("pointerup", () => {
      stop.abort();
      setShift(null);
      if (wasDragged.current) move(place + Math.round(by / spacing));
      setTimeout(() => { wasDragged.current = false; }); // behind the click that this may be
    }, stop);
    addEventListener("pointercancel", () => {
      stop.abort();
      setShift(null);
    }, stop);
  };
  /** @param {MouseEvent} event */
  const onClickCapture = (event) => {
    if (!wasDragged.current) return;
    event.preventDefault();
    event.stopPropagation();
  };
  return [shift, { onPointerDown, onClickCapture }];
}

/** A text of at most so many characters; what is left out is in its middle, for keys differ at their ends. @param {string} text @param {number} most */
function shortened(text, most) {
  if (text.length <= most) return text;
  const kept = Math.max(3, most - 1);
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`;
}
