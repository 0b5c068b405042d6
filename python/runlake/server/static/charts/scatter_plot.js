// Scatter plot: runs as points, or counts of cells, on a canvas. It knows nothing of requests or of the page.
// @ts-check
import { partBetween, shade } from "../lib/color.js";
import { placeOf, ticksOf, valueAt } from "../lib/scales.js";

/** @typedef {import("../lib/scales.js").Said} Said */
/** @typedef {{id: string, name: string, x: any, y: any, color: number | null}} Point */
/** @typedef {{x: number, y: number, count: number, color: number | null}} Cell */
/** @typedef {{x: Said, y: Said, points: Point[], cells: Cell[]}} Picture */
/** @typedef {{text: string, grid: string, ground: string, accent: string}} Colors */
/** @typedef {{left: number, top: number, width: number, height: number}} Box in pixels of the canvas' place */

const MARGIN = { left: 58, right: 14, top: 8, bottom: 26 };
const FONT = "11px system-ui, sans-serif";
const RADIUS = 3.5;

export class ScatterPlot {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {{left: number, top: number}[]} where the points are, in their order */
    this.places = [];
    this.focus = /** @type {string | null} */ (null);
    this.colors = /** @type {Colors} */ ({ text: "", grid: "", ground: "", accent: "" });
    this.inkOf = /** @type {(id: string) => string} */ (() => "gray");
    this.isDark = false;
  }

  /** Where values are drawn. @returns {Box} */
  get area() {
    const { clientWidth, clientHeight } = this.canvas;
    return { left: MARGIN.left, top: MARGIN.top, width: Math.max(10, clientWidth - MARGIN.left - MARGIN.right), height: Math.max(10, clientHeight - MARGIN.top - MARGIN.bottom) };
  }

  draw() {
    const { canvas, picture } = this;
    const context = canvas.getContext("2d");
    if (!context || !picture) return;
    const ratio = devicePixelRatio;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    context.scale(ratio, ratio);
    context.font = FONT;
    this._axes(context, picture);
    this._cells(context, picture);
    this._points(context, picture);
  }

  /** The point nearest to a place of the canvas. @param {number} left @param {number} top @param {number} reach @returns {Point | null} */
  nearest(left, top, reach) {
    let [best, found] = [reach * reach, -1];
    this.places.forEach((place, i) => {
      const away = (place.left - left) ** 2 + (place.top - top) ** 2;
      if (away < best) [best, found] = [away, i];
    });
    return found < 0 ? null : /** @type {Picture} */ (this.picture).points[found];
  }

  /**
   * What of the axes a box covers, as ranges of numbers, or the values of categories.
   *
   * @param {Box} box
   * @returns {Record<"x" | "y", {range: [number, number] | null, values: string[] | null}> | null}
   */
  covered({ left, top, width, height }) {
    const { picture, area } = this;
    if (!picture) return null;
    const x = [(left - area.left) / area.width, (left + width - area.left) / area.width];
    const y = [1 - (top + height - area.top) / area.height, 1 - (top - area.top) / area.height];
    return { x: between(picture.x, x[0], x[1]), y: between(picture.y, y[0], y[1]) };
  }

  /** @param {CanvasRenderingContext2D} context @param {Picture} picture */
  _axes(context, { x, y }) {
    const { area, colors } = this;
    const right = area.left + area.width;
    const bottom = area.top + area.height;
    context.strokeStyle = colors.grid;
    context.fillStyle = colors.text;
    context.beginPath();
    context.textAlign = "center";
    for (const { part, text } of ticksOf(x, Math.max(2, area.width / 90))) {
      const at = area.left + part * area.width;
      context.moveTo(at, area.top);
      context.lineTo(at, bottom);
      context.fillText(short(text), at, bottom + 16);
    }
    context.textAlign = "right";
    for (const { part, text } of ticksOf(y, Math.max(2, area.height / 34))) {
      const at = bottom - part * area.height;
      context.moveTo(area.left, at);
      context.lineTo(right, at);
      context.fillText(short(text), area.left - 6, at + 4);
    }
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context @param {Picture} picture */
  _cells(context, { x, y, cells }) {
    if (cells.length === 0) return;
    const { area, colors } = this;
    const [width, height] = [area.width / x.bins, area.height / y.bins];
    const most = Math.log1p(cells.reduce((high, cell) => Math.max(high, cell.count), 1));
    const colored = scaled(cells.map((cell) => cell.color));
    cells.forEach((cell, i) => {
      context.globalAlpha = 0.15 + 0.75 * (Math.log1p(cell.count) / most);
      const part = colored[i];
      context.fillStyle = part === null ? colors.accent : shade(part, this.isDark);
      context.fillRect(area.left + cell.x * width, area.top + area.height - (cell.y + 1) * height, Math.ceil(width), Math.ceil(height));
    });
    context.globalAlpha = 1;
  }

  /** @param {CanvasRenderingContext2D} context @param {Picture} picture */
  _points(context, { x, y, points }) {
    const { area, focus } = this;
    const colored = scaled(points.map((point) => point.color));
    this.places = points.map((point) => ({ left: area.left + placeOf(x, point.x) * area.width, top: area.top + (1 - placeOf(y, point.y)) * area.height }));
    points.forEach(({ id }, i) => {
      const part = colored[i];
      context.fillStyle = part === null ? this.inkOf(id) : shade(part, this.isDark);
      context.globalAlpha = focus === null || focus === id ? 0.8 : 0.15;
      const { left, top } = this.places[i];
      context.beginPath();
      context.arc(left, top, RADIUS, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    const at = points.findIndex((point) => point.id === focus);
    if (at < 0) return;
    context.strokeStyle = this.colors.text;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(this.places[at].left, this.places[at].top, RADIUS + 3, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** @param {Said} said @param {number} from @param {number} to @returns {{range: [number, number] | null, values: string[] | null}} */
function between(said, from, to) {
  const [low, high] = [Math.max(0, Math.min(from, to)), Math.min(1, Math.max(from, to))];
  if (!said.values) return { range: [valueAt(said, low), valueAt(said, high)], values: null };
  const values = said.values.filter((value, i) => value !== null && (i + 0.5) / /** @type {any} */ (said.values).length >= low && (i + 0.5) / /** @type {any} */ (said.values).length <= high);
  return { range: null, values: /** @type {string[]} */ (values) };
}

/** Numbers as parts of their span; what is none stays none. @param {readonly (number | null)[]} values @returns {(number | null)[]} */
export function scaled(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return values.map((value) => (value === null || !Number.isFinite(value) ? null : partBetween(value, low, high)));
}

/** @param {string} text */
function short(text) {
  return text.length > 9 ? `${text.slice(0, 8)}…` : text;
}
