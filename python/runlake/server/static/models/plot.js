// Plot: one uPlot of a metric over versions, with rings around what targets mean.
// @ts-check
import uPlot from "../vendor/uplot.js";
import { number } from "../lib/format.js";

/** @typedef {import("./points.js").Point} Point */

const FONT = "11px system-ui, sans-serif";
const FEW = 120; // points that are marked each
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4];
const RING = 5; // pixels
const CROSS = 3;

export class Plot {
  /**
   * @param {HTMLElement} host its colour is that of texts, its outline's that of the grid, its caret's that of the line, its ground's that of the page
   * @param {readonly Point[]} points
   * @param {ReadonlyMap<number, readonly string[]>} held targets by the version that they mean
   * @param {(version: number) => void} onPoint the pointer is near a version
   */
  constructor(host, points, held, onPoint) {
    this._points = points;
    this._held = held;
    this._colors = colorsOf(host);
    this._host = host;
    this._u = new uPlot(this._options(onPoint), /** @type {any} */ ([points.map((one) => one.version), points.map((one) => one.value)]), host);
  }

  /** Show the cursor at a version. @param {number} version */
  point(version) {
    const left = this._u.valToPos(version, "x");
    this._u.setCursor({ left, top: -10 }, false);
  }

  /** Fit the host. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this._host;
    if (width > 0 && (width !== this._u.width || height !== this._u.height)) this._u.setSize({ width, height });
  }

  /** Paint in the colours that the host has now. */
  paint() {
    this._colors = colorsOf(this._host);
    this._u.redraw(false, true);
  }

  end() {
    this._u.destroy();
  }

  /** @param {(version: number) => void} onPoint @returns {uPlot.Options} */
  _options(onPoint) {
    /** @type {uPlot.Axis} */
    const axis = { stroke: () => this._colors.text, grid: { stroke: () => this._colors.grid, width: 1 }, ticks: { show: false }, font: FONT };
    return {
      width: Math.max(this._host.clientWidth, 50),
      height: Math.max(this._host.clientHeight, 50),
      padding: [18, 14, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) } },
      axes: [
        { ...axis, incrs: STEPS, size: 28, values: (_, splits) => splits.map((one) => (Number.isInteger(one) ? number(one) : "")) },
        { ...axis, size: (_, values) => 16 + 6.4 * Math.max(2, ...(values ?? []).map((text) => text.length)), values: (_, splits) => splits.map(number) },
      ],
      series: [{}, { stroke: () => this._colors.line, width: 1.5, spanGaps: true, points: { show: this._points.length <= FEW, size: 5, fill: () => this._colors.line } }],
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
      hooks: {
        draw: [(u) => this._mark(u)],
        setCursor: [(u) => {
          const { left = -10, top = -10 } = u.cursor;
          if (left >= 0 && top >= 0) onPoint(u.posToVal(left, "x"));
        }],
      },
    };
  }

  /** Crosses where a value cannot be drawn, rings with names where a target is. @param {uPlot} u */
  _mark(u) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * ratio;
    ctx.strokeStyle = this._colors.text;
    for (const point of this._points) {
      if (point.value !== null || !point.said) continue;
      const [x, y, r] = [u.valToPos(point.version, "x", true), u.bbox.top + u.bbox.height - 6 * ratio, CROSS * ratio];
      ctx.beginPath();
      ctx.moveTo(x - r, y - r);
      ctx.lineTo(x + r, y + r);
      ctx.moveTo(x - r, y + r);
      ctx.lineTo(x + r, y - r);
      ctx.stroke();
    }
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.fillStyle = this._colors.text;
    const taken = /** @type {{left: number, right: number, y: number}[]} */ ([]);
    for (const point of this._points) {
      const names = this._held.get(point.version);
      if (!names || point.value === null) continue;
      const [x, y] = [u.valToPos(point.version, "x", true), u.valToPos(point.value, "y", true)];
      ctx.strokeStyle = this._colors.line;
      ctx.beginPath();
      ctx.arc(x, y, RING * ratio, 0, 2 * Math.PI);
      ctx.stroke();
      ctx.textAlign = x > u.bbox.left + u.bbox.width * 0.7 ? "right" : "left";
      const text = names.join(", ");
      const wide = ctx.measureText(text).width;
      const left = ctx.textAlign === "right" ? x - wide : x;
      const isFree = (/** @type {number} */ at) => taken.every((one) => left > one.right || left + wide < one.left || Math.abs(at - one.y) > 12 * ratio);
      const at = [y - 9 * ratio, y + 18 * ratio, y + 32 * ratio].find(isFree);
      if (at === undefined) continue; // below the chart it is said of the version that is pointed at
      taken.push({ left, right: left + wide, y: at });
      ctx.strokeStyle = this._colors.ground; // around the letters, which stand on the line
      ctx.lineWidth = 3 * ratio;
      ctx.strokeText(text, x, at);
      ctx.fillText(text, x, at);
      ctx.lineWidth = 1.5 * ratio;
    }
    ctx.restore();
  }
}

/** What is painted cannot take a variable of CSS: it takes what that has come to at the host. @param {Element} host */
function colorsOf(host) {
  const style = getComputedStyle(host);
  return { text: style.color, grid: style.outlineColor, line: style.caretColor, ground: style.backgroundColor };
}
