// Bands: what is painted besides uPlot's lines: from the least to the greatest value of each bucket, the faint line of what
// was measured, and the line that is pointed at.
// @ts-check

/** @typedef {import("../vendor/uplot.js").default} Plot */
/** @typedef {import("./traces.js").Trace} Trace */
/** @typedef {import("./traces.js").Picture} Picture */
/** @typedef {import("../lib/color.js").Ink} Ink */

/**
 * Paint inside of an area only.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{left: number, top: number, width: number, height: number}} area in pixels of the canvas
 * @param {(context: CanvasRenderingContext2D) => void} paint
 */
export function inside(context, { left, top, width, height }, paint) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  paint(context);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Path2D} path @param {string} color @param {number} alpha */
export function fill(context, path, color, alpha) {
  context.globalAlpha = alpha;
  context.fillStyle = color;
  context.fill(path);
}

const DENSE_PX = 6; // between buckets that are painted as rectangles, a tenth of the work of one area with smooth edges

const BAND = 0.14;
const BANDS = 4; // that are told apart one above the other; more are fainter, so that they do not hide all lines

/** How much is seen of each area of a picture; null: of one that stands out. @param {Picture | null} picture */
export function bandAlpha(picture) {
  return BAND * Math.min(1, BANDS / Math.max(1, picture?.traces.length ?? 1));
}

/**
 * The area between the ends of each bucket of a curve, if there is any.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Plot} u
 * @param {Picture} picture
 * @param {Trace} trace
 * @param {string} color
 * @param {number} alpha
 */
export function paintBand(context, u, { xs, scale }, { curve: { at, low, high } }, color, alpha) {
  const bottom = u.bbox.top + u.bbox.height;
  const lowest = scale === "log" ? Number.MIN_VALUE : -Infinity;
  const across = (/** @type {number} */ row) => u.valToPos(xs[at[row]], "x", true);
  const up = (/** @type {number} */ value) => (value >= lowest ? u.valToPos(value, "y", true) : bottom);
  for (const [from, to] of stretches(high, low, lowest)) {
    const isDense = to > from && across(to) - across(from) < DENSE_PX * devicePixelRatio * (to - from);
    const paint = isDense ? paintRectangles : paintArea;
    context.globalAlpha = alpha;
    context.fillStyle = color;
    paint(context, from, to, across, (row) => up(high[row]), (row) => up(low[row]));
  }
}

/**
 * Rows behind each other that have both ends, of which one at least has a height.
 *
 * @param {Float64Array} high
 * @param {Float64Array} low
 * @param {number} lowest value that the scale has
 * @returns {[number, number][]}
 */
function stretches(high, low, lowest) {
  /** @type {[number, number][]} */
  const found = [];
  for (let from = 0; from < high.length; from += 1) {
    if (!(high[from] >= lowest) || !Number.isFinite(high[from])) continue;
    let to = from;
    let thick = low[from] < high[from];
    while (to + 1 < high.length && high[to + 1] >= lowest && Number.isFinite(high[to + 1])) {
      to += 1;
      thick ||= low[to] < high[to];
    }
    if (thick) found.push([from, to]);
    from = to;
  }
  return found;
}

/** @typedef {(row: number) => number} Place of a row, in pixels of the canvas */

/** @param {CanvasRenderingContext2D} context @param {number} from @param {number} to @param {Place} across @param {Place} top @param {Place} bottom */
function paintRectangles(context, from, to, across, top, bottom) {
  let left = Math.round(across(from));
  for (let row = from; row <= to; row += 1) {
    const right = row < to ? Math.round((across(row) + across(row + 1)) / 2) : Math.round(across(row)) + 1;
    const above = Math.round(top(row));
    context.fillRect(left, above, right - left, Math.round(bottom(row)) - above);
    left = right;
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} from @param {number} to @param {Place} across @param {Place} top @param {Place} bottom */
function paintArea(context, from, to, across, top, bottom) {
  const path = new Path2D();
  for (let row = from; row <= to; row += 1) path.lineTo(across(row), top(row));
  for (let row = to; row >= from; row -= 1) path.lineTo(across(row), bottom(row));
  path.closePath();
  context.fill(path);
}

/**
 * A line through values; it breaks where there are none that are finite.
 *
 * @param {Plot} u
 * @param {readonly number[]} xs
 * @param {readonly import("../lib/smooth.js").Value[]} ys
 */
export function linePath(u, xs, ys) {
  const path = new Path2D();
  let broken = true;
  for (let i = 0; i < ys.length; i += 1) {
    const y = ys[i];
    if (y === null) broken = true;
    if (y === null || y === undefined) continue;
    path[broken ? "moveTo" : "lineTo"](u.valToPos(xs[i], "x", true), u.valToPos(y, "y", true));
    broken = false;
  }
  return path;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Path2D} path
 * @param {Ink} ink
 * @param {{width: number, alpha: number}} how width in pixels of the page
 */
export function stroke(context, path, { color, dash }, { width, alpha }) {
  const ratio = devicePixelRatio;
  context.globalAlpha = alpha;
  context.strokeStyle = color;
  context.lineWidth = width * ratio;
  context.setLineDash(dash.map((length) => length * ratio));
  context.stroke(path);
}
