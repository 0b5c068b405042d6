// Line plot: one uPlot with everything that is painted around its lines. It knows nothing of requests or of the page.
// @ts-check
import uPlot from "../vendor/uplot.js";
import { bandAlpha, inside, linePath, paintBand, stroke } from "./bands.js";
import { paintMarks } from "./marks.js";
import { tickTexts, ticks, timeTexts, timeTicks } from "./ticks.js";

/** @typedef {import("./traces.js").Picture} Picture */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("../lib/color.js").Ink} Ink */
/** @typedef {{text: string, grid: string, ground: string}} Colors */
/**
 * What happens on a plot: the pointer is at a place of it (null: it has left), with its distance from the top in pixels; a
 * range was drawn; the whole is wanted again.
 *
 * @typedef {{onPoint: (x: number | null, top: number) => void, onRange: (low: number, high: number) => void, onReset: () => void}} Events
 */

const FONT = "11px system-ui, sans-serif";
const VEIL = 0.8; // of what lies below the line that stands out
const RAW = 0.3;
const WIDTH = 1.5;
const MANY = 10; // lines, beyond which they are of one pixel: such lines are painted ten times as fast
const DRAG_PX = 4;
const FEW = 24; // points of a line that are marked each

export class LinePlot {
  /**
   * @param {HTMLElement} host
   * @param {Events} events
   */
  constructor(host, events) {
    this.host = host;
    this.events = events;
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {uPlot | null} */
    this.u = null;
    /** @type {string | null} id that stands out */
    this._focus = null;
    /** @type {(curve: Curve) => Ink} */
    this._inkFor = () => ({ color: "gray", dash: [] });
    this._shape = "";
    this._inside = false; // the pointer
    /** What stands out is painted above the rest, which is not painted anew. */
    this._over = document.createElement("canvas");
    this._over.className = "plot-over";
    /** @type {Colors} */
    this._colors = { text: "", grid: "", ground: "" };
    this._size = { width: 0, height: 0 };
  }

  /**
   * Draw a picture, or another one.
   *
   * @param {Picture} picture
   * @param {(curve: Curve) => Ink} inkFor
   * @param {boolean} isDark
   */
  draw(picture, inkFor, isDark) {
    const shape = [picture.traces.length, picture.scale, picture.xLog, picture.chart.grid.kind, picture.scale === "symlog" ? picture.threshold : ""].join(" ");
    this.picture = picture;
    this._inkFor = inkFor;
    this._colors = colorsOf(this.host, isDark);
    const data = /** @type {uPlot.AlignedData} */ (/** @type {unknown} */ ([picture.xs, ...picture.traces.map((trace) => trace.ys)]));
    if (this.u && shape === this._shape) {
      this.u.setData(data, true);
      return;
    }
    this.u?.destroy();
    if (this._size.width === 0) this.size(this.host.clientWidth, this.host.clientHeight);
    this._shape = shape;
    this.u = new uPlot(this._options(picture), data, this.host);
    this.u.ctx.canvas.after(this._over);
  }

  /** Let what belongs to one run stand out; null is all alike. @param {string | null} id */
  focus(id) {
    const among = this.picture?.traces.some((trace) => trace.curve.id === id) ? id : null;
    if (among === this._focus) return;
    this._focus = among;
    this._emphasise();
  }

  /** Show the line of the cursor at a place; null takes it away. @param {number | null} x */
  point(x) {
    if (!this.u) return;
    const left = x === null ? -10 : this.u.valToPos(x, "x");
    this.u.setCursor({ left: left >= 0 && left <= this.u.over.clientWidth ? left : -10, top: -10 }, false);
  }

  /** @param {number} width @param {number} height in pixels */
  size(width, height) {
    this._size = { width: Math.max(Math.round(width), 50), height: Math.max(Math.round(height), 50) };
    const { u, _size: size } = this;
    if (u && (size.width !== u.width || size.height !== u.height)) u.setSize(size);
  }

  end() {
    this.u?.destroy();
    this.u = null;
  }

  /** Paint the lines of what stands out above a veil. */
  _emphasise() {
    const { u, picture, _over: over, _focus: focus } = this;
    over.hidden = focus === null;
    if (!u || !picture || focus === null) return;
    const { canvas } = u.ctx;
    [over.width, over.height] = [canvas.width, canvas.height];
    const context = /** @type {CanvasRenderingContext2D} */ (over.getContext("2d"));
    inside(context, u.bbox, () => {
      context.globalAlpha = VEIL;
      context.fillStyle = this._colors.ground;
      context.fillRect(0, 0, over.width, over.height);
      const found = picture.traces.filter(({ curve }) => curve.id === focus);
      for (const trace of found) {
        const ink = this._inkFor(trace.curve);
        paintBand(context, u, picture, trace, ink.color, 2 * bandAlpha(null));
        stroke(context, linePath(u, picture.xs, trace.ys), ink, { width: 2.5, alpha: 1 });
      }
    });
    paintMarks(context, u, picture, this._inkFor, focus);
  }

  /** @param {Picture} first @returns {uPlot.Options} */
  _options(first) {
    const { chart, scale, xLog, threshold } = first;
    const inked = (/** @type {uPlot} */ _, /** @type {number} */ i) => {
      const trace = this.picture?.traces[i - 1]; // one that is sized and taken away in the same frame still draws, once
      return trace ? this._inkFor(trace.curve).color : "transparent";
    };
    return {
      ...this._size,
      ms: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: chart.grid.kind === "time", distr: xLog ? 3 : 1, range: () => this.picture?.x ?? [0, 1] },
        y: { distr: { linear: 1, log: 3, symlog: 4 }[scale], asinh: threshold, range: () => this.picture?.y ?? [0, 1] },
      },
      axes: [this._xAxis(first), this._yAxis()],
      series: [
        {},
        ...first.traces.map(({ curve }) => ({
          stroke: inked,
          dash: this._inkFor(curve).dash,
          width: first.traces.length > MANY ? 1 : WIDTH,
          points: { show: curve.at.length <= FEW, size: 4 },
        })),
      ],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: DRAG_PX },
        focus: { prox: -1 },
        bind: {
          dblclick: () => () => { this.events.onReset(); return null; },
          mouseenter: (_, __, follow) => (event) => { this._inside = true; return follow(event); },
          mouseleave: (_, __, follow) => (event) => { follow(event); this._leave(); return null; },
        },
      },
      hooks: {
        drawAxes: [(u) => this._paintBehind(u)],
        draw: [(u) => this._paintBefore(u)],
        setCursor: [(u) => this._tellCursor(u)],
        setSelect: [(u) => this._tellRange(u)],
      },
    };
  }

  /** @param {Picture} first @returns {uPlot.Axis} */
  _xAxis({ chart: { grid }, xLog }) {
    /** @type {uPlot.Axis} */
    const axis = { stroke: () => this._colors.text, grid: { stroke: () => this._colors.grid, width: 1 }, ticks: { show: false }, font: FONT, size: 26, gap: 4 };
    if (grid.kind === "time") return { ...axis, size: 40, space: 90, values: (_, splits, __, ___, apart) => timeTexts(splits, apart) };
    return {
      ...axis,
      filter: (_, splits) => splits,
      splits: (u, _, low, high) => {
        const most = Math.max(2, (u.width - 60) / (grid.origin ? 170 : 80));
        return grid.kind === "relative" ? timeTicks(low, high, most) : ticks(low, high, most, xLog ? "log" : "linear", { whole: grid.whole });
      },
      values: (_, splits) => (grid.whole && (grid.origin || grid.kind === "relative") ? splits.map((place) => this._grid().text(place)) : tickTexts(splits)),
    };
  }

  /** @returns {uPlot.Axis} */
  _yAxis() {
    return {
      stroke: () => this._colors.text,
      grid: { stroke: () => this._colors.grid, width: 1 },
      ticks: { show: false },
      font: FONT,
      gap: 6,
      filter: (_, splits) => splits,
      splits: (u, _, low, high) => {
        const { scale, threshold } = /** @type {Picture} */ (this.picture);
        return ticks(low, high, Math.max(2, (u.height - 40) / 34), scale, { threshold });
      },
      values: (_, splits) => tickTexts(splits),
      size: (_, values) => 14 + 6.4 * Math.max(2, ...(values ?? []).map((text) => text.length)),
    };
  }

  /** @param {uPlot} u */
  _paintBehind(u) {
    const picture = this.picture;
    if (!picture) return;
    inside(u.ctx, u.bbox, (context) => {
      for (const trace of picture.traces) {
        const { color } = this._inkFor(trace.curve);
        if (picture.banded) paintBand(context, u, picture, trace, color, bandAlpha(picture));
        if (trace.raw) stroke(context, linePath(u, picture.xs, trace.raw), { color, dash: [] }, { width: 1, alpha: RAW });
      }
    });
  }

  /** @param {uPlot} u */
  _paintBefore(u) {
    if (!this.picture) return;
    paintMarks(u.ctx, u, this.picture, this._inkFor, null);
    this._emphasise();
  }

  /** Say where the pointer is: uPlot tells of the cursor of another plot as well, whenever it draws. @param {uPlot} u */
  _tellCursor(u) {
    const { left = -10, top = -10 } = u.cursor;
    if (this._inside && left >= 0) this.events.onPoint(u.posToVal(left, "x"), top);
  }

  _leave() {
    this._inside = false;
    this.events.onPoint(null, 0);
  }

  /** @param {uPlot} u */
  _tellRange(u) {
    const { left, width } = u.select;
    if (width < DRAG_PX) return;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.onRange(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
  }

  _grid() {
    return /** @type {Picture} */ (this.picture).chart.grid;
  }
}

/** @type {Map<string, Colors>} by the theme: to ask for them makes the browser lay out the page */
const known = new Map();
const forced = globalThis.matchMedia?.("(forced-colors: active)");

/** What is painted cannot take a variable of CSS: it takes what the variable has come to at the host. @param {Element} host @param {boolean} isDark @returns {Colors} */
function colorsOf(host, isDark) {
  const theme = `${isDark} ${forced?.matches}`;
  let found = known.get(theme);
  if (!found) {
    const style = getComputedStyle(host);
    found = { text: style.color, grid: style.outlineColor, ground: style.backgroundColor };
    known.set(theme, found);
  }
  return found;
}
