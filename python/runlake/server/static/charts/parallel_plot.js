// The plot of parallel coordinates: densities, lines and histograms on two canvases, axes over them.
// @ts-check
import { h, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { number } from "../lib/format.js";
import { valueText } from "../lib/scales.js";
import { meaning } from "../state/inks.js";
import { dark } from "../state/theme.js";
import { hovered } from "../state/visible.js";
import { Axis } from "./parallel_axis.js";
import { askRun } from "./parallel_data.js";
import { Heading } from "./parallel_heading.js";
import { drawHistograms, drawLines, lineNear, linesOf } from "./parallel_ink.js";
import { BAND, layoutOf } from "./parallel_layout.js";
import { painter } from "./parallel_painter.js";
import { brushes, specs, wanted } from "./parallel_state.js";

/** @typedef {import("./parallel_data.js").Found} Found */
/** @typedef {import("./parallel_ink.js").Line} Line */
/** @typedef {import("./parallel_ink.js").Colors} Colors */
/** @typedef {import("./parallel_layout.js").Layout} Layout */

const RUN_ID = /^[0-9a-f]{32}$/; // groups are pointed at by other ids
const GUEST_MS = 80; // a pointer that passes over rows asks for none of them

/**
 * @param {{found: Found, whole: Found | null, onOpen: (name: string) => void, onMoved: (text: string) => void}} props
 *   whole: what was found while no brush moved
 */
export function Plot({ found: counted, whole, onOpen, onMoved }) {
  const found = useEnds(counted);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const size = useSize(box);
  const flips = specs.value.map((spec) => `${spec.name}${spec.flip}`).join("\n");
  const layout = useMemo(() => (size ? placed(found, whole, size) : null), [size, whole, sameAxes(found, whole) ? null : found, flips]);
  return h(
    "div",
    { class: "parallel-scroll", ref: box, tabIndex: 0, role: "group", "aria-label": "Parallel coordinates" },
    layout && h(Stage, { found, whole, layout, onOpen, onMoved }),
  );
}

/** What was found, with the ends that colours have everywhere on the page. @param {Found} found @returns {Found} */
function useEnds(found) {
  const { low, high, isNumber } = meaning.value;
  return useMemo(() => (found.ends && isNumber ? { ...found, ends: [low, high] } : found), [found, low, high, isNumber]);
}

/** @param {{found: Found, whole: Found | null, layout: Layout, onOpen: (name: string) => void, onMoved: (text: string) => void}} props */
function Stage({ found, whole, layout, onOpen, onMoved }) {
  const stage = useRef(/** @type {HTMLDivElement | null} */ (null));
  const back = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const front = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const paint = useRef(/** @type {ReturnType<typeof painter> | null} */ (null));
  const isDark = dark.value;
  const pointed = hovered.value;
  const chosen = brushes.value;
  const guest = useGuest(found, pointed);
  const lines = useMemo(() => {
    const best = linesOf(found.best, found.ends, layout, isDark);
    return guest ? [...best, ...linesOf(guest, found.ends, layout, isDark)] : best;
  }, [found, guest, layout, isDark]);
  const colors = useMemo(() => (stage.current ? colorsOf(stage.current) : null), [isDark, stage.current]);
  const [, setMounted] = useState(false);

  useEffect(() => {
    if (!back.current) return undefined;
    const made = painter(back.current);
    paint.current = made;
    setMounted(true);
    return () => made.end();
  }, []);
  useLayoutEffect(() => { // the worker begins while this thread draws the frame
    if (colors) paint.current?.draw(layout, found, whole, { faint: channels(colors.faint), strong: channels(colors.strong), isDark });
  }, [layout, found, whole, colors]);
  useLayoutEffect(() => {
    const context = front.current && colors && sized(front.current, layout);
    if (!context || !colors) return;
    drawHistograms(context, layout, found, whole, chosen, colors);
    drawLines(context, layout, lines, pointed, colors);
  }, [layout, found, whole, chosen, lines, pointed, colors]);

  const point = usePointer(layout, lines);
  const shown = lines.find((line) => line.id === pointed);
  return h(
    "div",
    { class: "parallel-stage", ref: stage, style: { width: `${layout.width}px`, height: `${layout.height}px` }, ...point },
    h("canvas", { ref: back, class: "parallel-back", "aria-hidden": "true" }),
    h("canvas", { ref: front, class: "parallel-front", "aria-hidden": "true" }),
    h(
      "svg",
      { class: "parallel-axes", width: layout.width, height: layout.height },
      layout.slot && h("text", { class: "parallel-missing", x: layout.axes[0].x - 6, y: (layout.slot[0] + layout.slot[1]) / 2 + 4 }, "no value"),
      layout.axes.map((axis, i) =>
        h(Axis, { key: axis.said.key, axis, brush: chosen.get(axis.said.key), slot: layout.slot, hasMissing: lacks(whole ?? found, i), room: i ? layout.spacing - BAND : axis.x, onOpen: () => onOpen(axis.said.key) }),
      ),
      shown && h(Pointed, { line: shown, layout }),
    ),
    shown && h("p", { class: "parallel-name", dir: "auto" }, shown.name ?? shown.id),
    layout.axes.map((axis, place) =>
      h(Heading, { key: axis.said.key, axis, place, spacing: layout.spacing, brush: chosen.get(axis.said.key), onOpen: () => onOpen(axis.said.key), onMoved }),
    ),
  );
}

/** Values of the run that is pointed at. @param {{line: Line, layout: Layout}} props */
function Pointed({ line, layout }) {
  return h(
    "g",
    { class: "parallel-pointed" },
    layout.axes.map((axis, i) => {
      const value = line.values[i];
      const text = value === null || value === undefined ? "" : typeof value === "number" ? (axis.said.values ? number(value) : valueText(axis.said, value)) : String(value).slice(0, 24);
      return h("text", { key: axis.said.key, x: axis.x + BAND + 5, y: Math.max(layout.top + 4, line.heights[i] - 5) }, text);
    }),
  );
}

/** @param {Layout} layout @param {Line[]} lines */
function usePointer(layout, lines) {
  const mine = useRef(/** @type {string | null} */ (null));
  const set = (/** @type {string | null} */ id) => {
    if (id === null && hovered.peek() !== mine.current) return; // somebody else points at something
    if (hovered.peek() !== id) hovered.value = id;
    mine.current = id;
  };
  return {
    /** @param {any} event */
    onPointerMove(event) {
      if (event.buttons) return;
      const at = event.currentTarget.getBoundingClientRect();
      const y = event.clientY - at.top;
      set(y < layout.top ? null : (lineNear(lines, layout, event.clientX - at.left, y)?.id ?? null));
    },
    onPointerLeave: () => set(null),
  };
}

/** Values of a run that is pointed at elsewhere and is not among the best. @param {Found} found @param {string | null} id */
function useGuest(found, id) {
  const [guest, setGuest] = useState(/** @type {import("./parallel_data.js").Best | null} */ (null));
  const isMissing = id !== null && RUN_ID.test(id) && !found.best.ids.includes(id);
  useEffect(() => {
    setGuest(null);
    const now = isMissing ? wanted() : null;
    if (!now || id === null) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(() => askRun(now, id, stop.signal).then(setGuest, () => {}), GUEST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [id, isMissing, found.names.join("\n")]);
  return isMissing ? guest : null;
}

/** Whether there are runs without a place on an axis. @param {Found} found @param {number} i */
function lacks({ axes }, i) {
  const counts = axes[i]?.all ?? axes[i]?.under;
  return counts !== undefined && counts[counts.length - 1] > 0;
}

/** @param {Found} found @param {Found | null} whole */
function sameAxes(found, whole) {
  return whole !== null && whole.names.length === found.names.length && whole.names.every((name, i) => name === found.names[i]);
}

/** @param {Found} found @param {Found | null} whole @param {{width: number, height: number}} size */
function placed(found, whole, size) {
  const source = whole && sameAxes(found, whole) ? whole : found;
  const axes = source.axes.map(({ said }, i) => ({ said, flip: specs.peek().find((spec) => spec.name === source.names[i])?.flip ?? false }));
  const missing = source.axes.some((_, i) => lacks(source, i));
  return layoutOf(axes, size, missing);
}

/** The size of an element, as it changes. @param {{current: HTMLElement | null}} ref */
function useSize(ref) {
  const [size, setSize] = useState(/** @type {{width: number, height: number} | null} */ (null));
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => {
      const next = { width: element.clientWidth, height: element.clientHeight };
      setSize((last) => (last && last.width === next.width && last.height === next.height ? last : next));
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return size;
}

/** A canvas of the size of the layout, cleared. @param {HTMLCanvasElement} canvas @param {Layout} layout */
function sized(canvas, { width, height }) {
  const ratio = devicePixelRatio || 1;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Colours of the style sheet, as a canvas takes them. @param {HTMLElement} element @returns {Colors} */
function colorsOf(element) {
  const probe = document.createElement("span");
  probe.style.setProperty("forced-color-adjust", "none"); // a canvas has the colours of the page, and no others
  element.append(probe);
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = { ground: read("--ground"), raised: read("--raised"), faint: read("--parallel-faint"), strong: read("--parallel-strong"), out: read("--parallel-out") };
  probe.remove();
  return found;
}

/** @param {string} color @returns {[number, number, number]} */
function channels(color) {
  const [red = 128, green = 128, blue = 128] = (color.match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}
