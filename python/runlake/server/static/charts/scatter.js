// Scatter: two columns of all runs that the filter leaves; a click opens a run, a box becomes clauses of the filter. Fetched
// when a board has such a panel.
// @ts-check
import { h, useEffect, useRef, useSignal, useSignalEffect } from "../vendor/preact.js";
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { clauseOf } from "../lib/clauses.js";
import { cell, count, plural } from "../lib/format.js";
import { go, pathOf } from "../lib/router.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { change, view } from "../state/view.js";
import { dark } from "../state/theme.js";
import { hovered } from "../state/visible.js";
import { ScatterPlot } from "./scatter_plot.js";
import { scatterCsv, scatterSvg } from "./svg_points.js";

/** @typedef {import("./scatter_plot.js").Picture & {total: number, left: number}} Found */

const NEAR_PX = 14;
const BOX_PX = 5;
const LIVE_MS = 5000; // between an answer about all runs and the next question

/** @param {import("./panel.js").BodyProps} props */
export default function Scatter({ board, panel, written }) {
  const { state, again } = useResource((signal) => find(board, panel, signal), [board, panel]);
  const { data, error } = state.value;
  useLive(board.interest(), again, { every: LIVE_MS });
  useEffect(() => {
    written.value = data && { csv: () => scatterCsv(data, panel.keys), svg: (how) => scatterSvg(data, panel.keys, how, (id) => board.inks([])({ id }).color) };
  }, [data]);
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Loading" });
  if (data.points.length === 0 && data.cells.length === 0) return h(Empty, { title: "No run has a place on both axes." });
  return h(Drawn, { board, panel, found: data });
}

/**
 * @param {import("./context.js").Context} board
 * @param {import("./layout.js").Panel} panel
 * @param {AbortSignal} signal
 * @returns {Promise<Found>}
 */
async function find(board, { keys: [x, y], options }, signal) {
  const fields = {
    ...board.question.value,
    x: { key: x, scale: options.xlog === "1" ? "log" : "auto" },
    y: { key: y, scale: options.y === "log" ? "log" : "auto" },
    color: options.color || undefined,
  };
  const { parts, notes } = await ask("points", fields, { signal, post: true });
  const [ids, names, xs, ys, colors] = ["run_id", "run_name", "x", "y", "color"].map((name) => values(parts[0], name));
  const points = ids.map((id, i) => ({ id, name: names[i] ?? id, x: xs[i], y: ys[i], color: typeof colors[i] === "number" ? colors[i] : null }));
  const cells = parts[1] ? cellsOf(parts[1]) : [];
  return { x: notes.x, y: notes.y, points, cells, total: notes.total, left: notes.left };
}

/** @param {import("../lib/api.js").Answer["parts"][number]} table */
function cellsOf(table) {
  const [xs, ys, counts, colors] = ["x", "y", "count", "color"].map((name) => values(table, name));
  return xs.map((x, i) => ({ x, y: ys[i], count: counts[i], color: colors[i] ?? null }));
}

/** @param {{board: import("./context.js").Context, panel: import("./layout.js").Panel, found: Found}} props */
function Drawn({ board, panel, found }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useSignal(/** @type {ScatterPlot | null} */ (null));
  const at = useRef(-1);
  useEffect(() => {
    const element = /** @type {HTMLCanvasElement} */ (canvas.current);
    const made = new ScatterPlot(element);
    plot.value = made;
    const watch = new ResizeObserver(() => made.draw());
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (plot.value) plot.value.picture = found;
    plot.value?.draw();
  }, [found]);
  useSignalEffect(() => {
    const drawn = plot.value;
    if (!drawn) return;
    const inks = board.inks([]);
    const style = getComputedStyle(drawn.canvas);
    drawn.picture ??= found;
    drawn.colors = { text: style.color, grid: style.outlineColor, ground: style.backgroundColor, accent: style.borderTopColor };
    drawn.isDark = dark.value;
    drawn.inkOf = (id) => inks({ id }).color;
    drawn.focus = found.points.some((point) => point.id === hovered.value) ? hovered.value : null;
    drawn.draw();
  });
  /** @param {import("./scatter_plot.js").Point | null} point */
  const say = (point) => { board.said.value = point ? `${point.name}: ${panel.keys[0]} ${cell(point.x)}, ${panel.keys[1]} ${cell(point.y)}` : ""; };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const sorted = [...found.points].sort((a, b) => (a.x < b.x ? -1 : a.x > b.x ? 1 : 0));
    if (step !== undefined && sorted.length) {
      event.preventDefault();
      at.current = Math.min(sorted.length - 1, Math.max(0, at.current + step));
      hovered.value = sorted[at.current].id;
      say(sorted[at.current]);
    } else if (event.key === "Enter" && sorted[at.current]) go(pathOf("run", { run: sorted[at.current].id }));
  };
  return h(
    "figure",
    { class: "chart", tabIndex: 0, role: "group", "aria-roledescription": "chart", "aria-label": `${panel.keys[1]} by ${panel.keys[0]}, ${plural(found.left, "run")}`, onKeyDown, onBlur: () => { at.current = -1; hovered.value = null; } },
    h(
      "div",
      { class: "scatter" },
      h("canvas", {
        ref: canvas,
        onPointerDown: (/** @type {PointerEvent} */ event) => plot.value && drag(event, plot.value, /** @type {HTMLElement} */ (box.current), panel, board),
        onPointerMove: (/** @type {PointerEvent} */ event) => { hovered.value = plot.value?.nearest(event.offsetX, event.offsetY, NEAR_PX)?.id ?? null; },
        onPointerLeave: () => { hovered.value = null; },
      }),
      h("div", { class: "scatter-box", ref: box, hidden: true }),
    ),
    h("figcaption", { class: "chart-note quiet" }, captionOf(found, hovered.value)),
  );
}

/** @param {Found} found @param {string | null} id */
function captionOf({ points, total, left, cells }, id) {
  const point = points.find((one) => one.id === id);
  if (point) return `${point.name}: ${cell(point.x)}, ${cell(point.y)}`;
  const few = cells.length ? `; cells count runs, the first ${count(points.length)} are points` : "";
  return `${count(left)} of ${plural(total, "run")} have both values${few}`;
}

/**
 * Draw a box, and make it part of the filter; without moving it was a click on a run.
 *
 * @param {PointerEvent} down
 * @param {ScatterPlot} plot
 * @param {HTMLElement} box
 * @param {import("./layout.js").Panel} panel
 * @param {import("./context.js").Context} board
 */
function drag(down, plot, box, panel, board) {
  if (down.button !== 0) return;
  const { canvas } = plot;
  const from = { left: down.offsetX, top: down.offsetY };
  const placed = (/** @type {PointerEvent} */ event) => ({
    left: Math.min(from.left, event.offsetX), top: Math.min(from.top, event.offsetY), width: Math.abs(event.offsetX - from.left), height: Math.abs(event.offsetY - from.top),
  });
  canvas.setPointerCapture(down.pointerId);
  const stop = new AbortController();
  const { signal } = stop;
  canvas.addEventListener("pointermove", (event) => {
    const { left, top, width, height } = placed(event);
    box.hidden = !board.ofView || width < BOX_PX || height < BOX_PX;
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }, { signal });
  canvas.addEventListener("pointercancel", () => { stop.abort(); box.hidden = true; }, { signal });
  canvas.addEventListener("pointerup", (event) => {
    stop.abort();
    box.hidden = true;
    const where = placed(event);
    const point = plot.nearest(event.offsetX, event.offsetY, NEAR_PX);
    if (where.width < BOX_PX && where.height < BOX_PX) {
      if (point) go(pathOf("run", { run: point.id }));
    } else if (board.ofView) brush(plot, where, panel.keys);
  }, { signal });
}

/** @param {ScatterPlot} plot @param {import("./scatter_plot.js").Box} box @param {readonly string[]} keys */
function brush(plot, box, [x, y]) {
  const covered = plot.covered(box);
  if (!covered || !plot.picture) return;
  const { picture } = plot;
  const clauses = [
    clauseOf({ name: x, scale: picture.x.scale, unplaced: 0 }, { ...covered.x, except: false, missing: false }),
    clauseOf({ name: y, scale: picture.y.scale, unplaced: 0 }, { ...covered.y, except: false, missing: false }),
  ];
  const others = view.brush.value.filter((clause) => ![x, y].some((name) => clause.startsWith(`${name} `)));
  change({ brush: [...others, ...clauses.filter((clause) => clause !== null)] });
}
