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

/** @param {CanvasRenderingContext2D} context @param {Path2D | null} path @param {string} color @param {number} alpha */
export function fill(context, path, color, alpha) {
  if (!path) return;
  context.globalAlpha = alpha;
  context.fillStyle = color;
  context.fill(path);
}

/**
 * The area between the ends of each bucket.
 *
 * @param {Plot} u
 * @param {Picture} picture
 * @param {Trace} trace
 * @returns {Path2D | null} null where it has no height
 */
export function bandPath(u, { xs, scale }, { curve }) {
  const { at, low, high } = curve;
  const path = new Path2D();
  const lowest = scale === "log" ? Number.MIN_VALUE : -Infinity;
  let thick = false;
  for (let from = 0; from < at.length; from += 1) {
    if (!Number.isFinite(high[from]) || high[from] < lowest) continue;
    let to = from;
    while (to + 1 < at.length && Number.isFinite(high[to + 1]) && high[to + 1] >= lowest) to += 1;
    for (let row = from; row <= to; row += 1) {
      if (low[row] < high[row]) thick = true;
      path[row === from ? "moveTo" : "lineTo"](u.valToPos(xs[at[row]], "x", true), u.valToPos(high[row], "y", true));
    }
    for (let row = to; row >= from; row -= 1) path.lineTo(u.valToPos(xs[at[row]], "x", true), bottom(u, low[row], lowest));
    path.closePath();
    from = to;
  }
  return thick ? path : null;
}

/** @param {Plot} u @param {number} value @param {number} lowest */
function bottom(u, value, lowest) {
  return value > lowest || lowest === -Infinity ? u.valToPos(value, "y", true) : u.bbox.top + u.bbox.height;
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
