// Marks: what a line cannot show: NaN and infinities, points that were merged or are lost, how a run ended.
// @ts-check
import { count, plural } from "../lib/format.js";
import { INFINITE, MINUS_INFINITE, NAN } from "./curves.js";
import { fill, stroke } from "./bands.js";

/** @typedef {import("../vendor/uplot.js").default} Plot */
/** @typedef {import("./traces.js").Picture} Picture */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {"nan" | "inf" | "minus" | "failed" | "killed" | "running" | "unstored" | "missing"} Mark */

const SIZE = 4; // half of a mark, in pixels of the page

/** What marks look like in a unit square around 0, y downwards, and what they mean. */
export const MARKS = /** @type {Record<Mark, {path: string, fill: boolean, name: string}>} */ ({
  nan: { path: "M-1-1L1 1M1-1L-1 1", fill: false, name: "NaN" },
  inf: { path: "M-1 1L0-1L1 1Z", fill: true, name: "+∞" },
  minus: { path: "M-1-1L0 1L1-1Z", fill: true, name: "−∞" },
  failed: { path: "M-1-1H1V1H-1ZM-1-1L1 1M1-1L-1 1", fill: false, name: "run failed" },
  killed: { path: "M-1-1H1V1H-1Z", fill: true, name: "run was killed" },
  running: { path: "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z", fill: false, name: "run goes on" },
  unstored: { path: "M0-1L1 0L0 1L-1 0Z", fill: false, name: "points were merged or dropped" },
  missing: { path: "M0-1L1 0L0 1L-1 0ZM-0.4 0H0.4", fill: false, name: "points are missing" },
});

const ENDS = /** @type {Record<string, Mark>} */ ({ FAILED: "failed", KILLED: "killed", RUNNING: "running" });

/**
 * The marks of a curve: those of buckets, then those at its end.
 *
 * @param {Curve} curve
 * @returns {{mark: Mark, row: number, place: "top" | "bottom" | "end"}[]}
 */
export function marksOf(curve) {
  const found = [];
  for (let row = 0; row < curve.flags.length; row += 1) {
    const flags = curve.flags[row];
    if (flags === 0) continue;
    if (flags & NAN) found.push({ mark: /** @type {Mark} */ ("nan"), row, place: /** @type {const} */ ("bottom") });
    if (flags & INFINITE) found.push({ mark: /** @type {Mark} */ ("inf"), row, place: /** @type {const} */ ("top") });
    if (flags & MINUS_INFINITE) found.push({ mark: /** @type {Mark} */ ("minus"), row, place: /** @type {const} */ ("bottom") });
  }
  const last = curve.at.length - 1;
  for (const mark of endsOf(curve)) found.push({ mark, row: last, place: /** @type {const} */ ("end") });
  return found;
}

/** @param {Curve} curve @returns {Mark[]} */
function endsOf({ status, merged, dropped, missing }) {
  const end = ENDS[status];
  return [...(end ? [end] : []), ...(merged || dropped ? [/** @type {Mark} */ ("unstored")] : []), ...(missing ? [/** @type {Mark} */ ("missing")] : [])];
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Plot} u
 * @param {Picture} picture
 * @param {(curve: Curve) => import("../lib/color.js").Ink} inkFor
 * @param {string | null} only the marks of this run; null is all
 */
export function paintMarks(context, u, { xs, traces, x }, inkFor, only) {
  const { bbox } = u;
  const ratio = devicePixelRatio;
  const half = SIZE * ratio;
  context.save();
  for (const { curve, ys } of traces) {
    if (only !== null && curve.id !== only) continue;
    const ink = { color: inkFor(curve).color, dash: [] };
    let shift = 0;
    for (const { mark, row, place } of marksOf(curve)) {
      const at = xs[curve.at[row]];
      if (at < x[0] || at > x[1]) continue;
      const left = u.valToPos(at, "x", true) + (place === "end" ? shift : 0);
      if (place === "end") shift -= 3 * half;
      const value = place === "end" ? lastValue(ys) : null;
      const top = place === "top" ? bbox.top + half * 1.5 : value === null ? bbox.top + bbox.height - half * 1.5 : u.valToPos(value, "y", true);
      paint(context, mark, left, top, half, ink);
    }
  }
  context.restore();
}

/** @param {readonly import("../lib/smooth.js").Value[]} ys */
function lastValue(ys) {
  for (let i = ys.length - 1; i >= 0; i -= 1) {
    const y = ys[i];
    if (y !== null && y !== undefined) return y;
  }
  return null;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Mark} mark
 * @param {number} left
 * @param {number} top
 * @param {number} half
 * @param {import("../lib/color.js").Ink} ink
 */
function paint(context, mark, left, top, half, ink) {
  const path = new Path2D();
  path.addPath(new Path2D(MARKS[mark].path), new DOMMatrix([half, 0, 0, half, left, top]));
  if (MARKS[mark].fill) fill(context, path, ink.color, 1);
  else stroke(context, path, ink, { width: 1.5, alpha: 1 });
}

/**
 * What there is to say of the marks of a chart: each once, with how many curves have it.
 *
 * @param {readonly Curve[]} curves
 * @returns {{mark: Mark, text: string}[]}
 */
export function explained(curves) {
  /** @type {Map<Mark, number>} */
  const counts = new Map();
  for (const curve of curves) for (const mark of new Set(marksOf(curve).map((one) => one.mark))) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return [...counts].map(([mark, many]) => ({ mark, text: `${MARKS[mark].name} (${plural(many, "line")})` }));
}

/** What is to be known of a curve besides its values. @param {Curve} curve */
export function remarks({ merged, dropped, missing, status }) {
  return [
    merged ? `${count(merged)} points were merged with others` : "",
    dropped ? `${count(dropped)} points were dropped` : "",
    missing,
    ENDS[status] ? MARKS[ENDS[status]].name : "",
  ].filter(Boolean);
}

/** What of a bucket is not finite, in words. @param {number} flags */
export function nonFinite(flags) {
  return [flags & NAN ? "NaN" : "", flags & INFINITE ? "+∞" : "", flags & MINUS_INFINITE ? "−∞" : ""].filter(Boolean).join(", ");
}
