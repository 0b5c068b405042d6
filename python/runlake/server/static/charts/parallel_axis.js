// One axis of parallel coordinates: its scale, and the brush on it for pointers and for keys.
// @ts-check
import { h, useRef } from "../vendor/preact.js";
import { chooses } from "../lib/clauses.js";
import { extremesOf, ticksOf, valueText } from "../lib/scales.js";
import { shortName } from "./parallel_axes.js";
import { between, endsOf, movedBy, withCategories, withMissing } from "./parallel_choice.js";
import { BAND, binAt, partAt, yAt } from "./parallel_layout.js";
import { brushWhileMoving, choose, rest } from "./parallel_state.js";

/** @typedef {import("./parallel_layout.js").Placed} Placed */
/** @typedef {import("../lib/clauses.js").Brush} Brush */

const TICK_APART = 34;
const LABEL_APART = 13;
const CHARACTER = 6.2; // pixels of a small one
const GRIP = 8; // a bound is taken hold of this near
const CLICK = 3; // what moved less was a click

/**
 * @param {{axis: Placed, brush: Brush | undefined, slot: [number, number] | null, hasMissing: boolean, room: number, onOpen: () => void}} props
 *   room: pixels up to the axis at the left; onOpen: bounds are to be typed
 */
export function Axis({ axis, brush, slot, hasMissing, room, onOpen }) {
  const drag = useDrag(axis, brush);
  const { said, x, top, bottom } = axis;
  const isOpen = said.values !== undefined || (said.low !== null && said.low !== undefined);
  return h(
    "g",
    { class: "parallel-axis", "data-axis": said.key },
    h("rect", { class: "parallel-frame", x: x + 0.5, y: top - 0.5, width: BAND - 1, height: bottom - top + 1 }),
    h(Ticks, { axis, brush, room }),
    slot && (hasMissing || brush?.missing) && h("rect", { class: brush?.missing ? "parallel-frame chosen" : "parallel-frame", x: x + 0.5, y: slot[0] + 0.5, width: BAND - 1, height: slot[1] - slot[0] - 1 }),
    h("rect", {
      class: "parallel-field", x: x - 5, y: top - 6, width: BAND + 10, height: (slot ? slot[1] : bottom) - top + 12,
      onPointerDown: drag.down, onPointerMove: drag.move, onPointerUp: drag.up, onPointerCancel: drag.up, onDblClick: onOpen,
    }),
    !said.values && isOpen && h(Range, { axis, brush, onOpen }),
  );
}

/** Values beside an axis. @param {{axis: Placed, brush: Brush | undefined, room: number}} props */
function Ticks({ axis, brush, room }) {
  const { said, x, top, bottom } = axis;
  const apart = said.values ? LABEL_APART : TICK_APART;
  const most = Math.max(2, Math.floor((bottom - top) / apart));
  const fits = Math.max(4, Math.floor((room - 14) / CHARACTER));
  return ticksOf(said, most).map(({ part, text }) => {
    const y = yAt(axis, part);
    const value = said.values ? said.values[Math.round(part * said.bins - 0.5)] : null;
    const isChosen = said.values && brush?.values && chooses(brush, said.key, value);
    return h(
      "g",
      { key: part, class: isChosen ? "parallel-tick chosen" : "parallel-tick" },
      h("line", { x1: x - 3, x2: x, y1: y, y2: y }),
      h("text", { x: x - 6, y: y + 4 }, text.length > fits ? `${text.slice(0, fits - 1)}…` : text, text.length > fits && h("title", {}, text)),
    );
  });
}

/** The brush on an axis of numbers, with a slider at each end. @param {{axis: Placed, brush: Brush | undefined, onOpen: () => void}} props */
function Range({ axis, brush, onOpen }) {
  const ends = endsOf(axis.said, brush);
  const heights = ends.map((part) => yAt(axis, part));
  const isBrushed = Boolean(brush?.range);
  return h(
    "g",
    { class: isBrushed ? "parallel-range brushed" : "parallel-range" },
    isBrushed && h("rect", { class: "parallel-brush", x: axis.x - 1, y: Math.min(...heights), width: BAND + 2, height: Math.max(1, Math.abs(heights[1] - heights[0])) }),
    [0, 1].map((which) => h(Bound, { key: which, which, axis, brush, ends, y: heights[which], onOpen })),
  );
}

/** @param {{which: number, axis: Placed, brush: Brush | undefined, ends: [number, number], y: number, onOpen: () => void}} props which: 0 the low one, 1 the high one */
function Bound({ which, axis, brush, ends, y, onOpen }) {
  const { said } = axis;
  const bound = brush?.range?.[which] ?? null;
  const extremes = extremesOf(said);
  const value = bound ?? extremes[which];
  const words = bound === null ? `no bound (${valueText(said, value)})` : valueText(said, value);
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const next = movedBy(event.key, said, ends[which]);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (next !== null) brushWhileMoving(said, moved(said, brush, ends, which, next));
    else if (event.key === "Enter") onOpen();
    else if (event.key === "Delete" || event.key === "Backspace") choose(said, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return h("rect", {
    class: "parallel-bound", x: axis.x - 4, y: y - 3, width: BAND + 8, height: 6, rx: 2, role: "slider", tabIndex: 0,
    "aria-orientation": "vertical", "aria-label": `${shortName(said.key)}, ${which ? "highest" : "lowest"}`,
    "aria-valuemin": extremes[0], "aria-valuemax": extremes[1], "aria-valuenow": value, "aria-valuetext": words, onKeyDown, onKeyUp: rest, onBlur: rest,
  });
}

/** @param {Placed["said"]} said @param {Brush | undefined} brush @param {[number, number]} ends @param {number} which @param {number} next */
function moved(said, brush, ends, which, next) {
  const [from, to] = which ? [Math.min(ends[0], next), next] : [next, Math.max(ends[1], next)];
  return between(said, from, to, 1 / 512, brush?.missing ?? false);
}

/** What a pointer does on an axis. @param {Placed} axis @param {Brush | undefined} brush */
function useDrag(axis, brush) {
  const held = useRef(/** @type {{begin: number, moved: boolean, to: (y: number) => void} | null} */ (null));
  /** @param {any} event */
  const heightOf = (event) => event.clientY - event.currentTarget.ownerSVGElement.getBoundingClientRect().top;
  return {
    /** @param {any} event */
    down(event) {
      if (event.button !== 0) return;
      event.preventDefault();
      event.currentTarget.setPointerCapture(event.pointerId);
      const y = heightOf(event);
      held.current = { begin: y, moved: false, to: takeHold(axis, brush, y) };
    },
    /** @param {any} event */
    move(event) {
      const now = held.current;
      if (!now) return;
      const y = heightOf(event);
      now.moved ||= Math.abs(y - now.begin) >= CLICK;
      if (now.moved) now.to(y);
    },
    /** @param {any} event */
    up(event) {
      const now = held.current;
      held.current = null;
      if (!now) return;
      if (now.moved) rest();
      else click(axis, brush, heightOf(event));
    },
  };
}

/**
 * What moving from a height on does: move the bound that is there, the brush that it is in, or draw a new one.
 *
 * @param {Placed} axis
 * @param {Brush | undefined} brush
 * @param {number} begin
 * @returns {(y: number) => void}
 */
function takeHold(axis, brush, begin) {
  const { said } = axis;
  const missing = brush?.missing ?? false;
  const close = 0.6 / (axis.bottom - axis.top);
  const bin = binAt(axis, begin);
  if (said.values) {
    const on = bin >= said.bins || !(brush && chooses(brush, said.key, said.values[bin]));
    return (y) => brushWhileMoving(said, withCategories(said, brush, span(bin, binAt(axis, y), said.bins), on));
  }
  const ends = endsOf(said, brush);
  const begun = partAt(axis, begin);
  const heights = ends.map((part) => yAt(axis, part));
  const which = brush?.range ? heights.findIndex((y) => Math.abs(y - begin) <= GRIP) : -1;
  if (which >= 0) return (y) => brushWhileMoving(said, between(said, ends[1 - which], partAt(axis, y), close, missing));
  if (brush?.range && begun > ends[0] && begun < ends[1]) {
    return (y) => {
      const by = Math.min(1 - ends[1], Math.max(-ends[0], partAt(axis, y) - begun));
      brushWhileMoving(said, between(said, ends[0] + by, ends[1] + by, close, missing));
    };
  }
  return (y) => brushWhileMoving(said, between(said, begun, partAt(axis, y), close, missing));
}

/** @param {number} from @param {number} to @param {number} bins */
function span(from, to, bins) {
  const [first, last] = from <= to ? [from, to] : [to, from];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((bin) => bin < bins);
}

/** @param {Placed} axis @param {Brush | undefined} brush @param {number} y */
function click(axis, brush, y) {
  const { said } = axis;
  const bin = binAt(axis, y);
  if (bin >= said.bins) choose(said, withMissing(brush));
  else if (said.values) choose(said, withCategories(said, brush, [bin], !(brush && chooses(brush, said.key, said.values[bin]))));
  else {
    const [low, high] = endsOf(said, brush);
    const part = partAt(axis, y);
    if (brush?.range && (part < low || part > high)) choose(said, brush.missing ? { ...brush, range: null } : null);
  }
}
