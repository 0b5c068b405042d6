// Traces: what of curves is drawn, and the ends of the axes: values smoothed and those that a scale does not have left out.
// @ts-check
import { smooth } from "../lib/smooth.js";
import { extent } from "./curves.js";
import { ends, thresholdOf } from "./ticks.js";

/** @typedef {import("./curves.js").Chart} Chart */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("../lib/smooth.js").Value} Value */
/** @typedef {{value: "mean" | "last", smoothing: import("../lib/smooth.js").Smoothing | null, scale: import("./ticks.js").Scale, xLog: boolean, range: import("./grid.js").Range | null}} Look */
/** @typedef {{curve: Curve, ys: readonly Value[], raw: readonly Value[] | null}} Trace a value a bucket; raw: what was measured, where `ys` is smoothed */
/**
 * @typedef {{
 *   chart: Chart, xs: number[], traces: Trace[], x: [number, number], y: [number, number], scale: import("./ticks.js").Scale,
 *   xLog: boolean, threshold: number, banded: boolean, left: number,
 * }} Picture left: buckets that the scales have no place for
 */

const MOST_BANDS = 60; // beyond so many curves bands are one grey

/**
 * @param {Chart} chart
 * @param {Look} look
 * @returns {Picture}
 */
export function picture(chart, look) {
  const { grid, curves } = chart;
  const used = extent(curves);
  const xs = Array.from({ length: (used?.[1] ?? 0) + 1 }, (_, bucket) => grid.middle(bucket));
  const x = across(chart, look, used);
  const xLog = look.xLog && x[1] > 0;
  if (xLog && x[0] <= 0) x[0] = xs.find((place) => place > 0) ?? x[1] / 10;
  if (!(x[0] < x[1])) x[1] = x[0] + 1;
  const banded = curves.length <= MOST_BANDS;
  const measured = measure(curves, look, banded, (bucket) => xs[bucket] >= x[0] && xs[bucket] <= x[1]);
  const scale = look.scale === "log" && !(measured.positive <= measured.high) ? "linear" : look.scale;
  const low = scale === "log" ? measured.positive : measured.low;
  let left = 0;
  const traces = curves.map((curve) => {
    /** @type {Value[]} */
    const values = new Array(xs.length).fill(undefined);
    const given = curve[look.value];
    for (let row = 0; row < given.length; row += 1) {
      const bucket = curve.at[row];
      const value = given[row];
      const fits = Number.isFinite(value) && (scale !== "log" || value > 0) && (!xLog || xs[bucket] > 0);
      if (!fits && Number.isFinite(value)) left += 1;
      values[bucket] = fits ? value : null;
    }
    const ys = smooth(values, look.smoothing);
    return { curve, ys, raw: ys === values ? null : values };
  });
  return { chart, xs, traces, x, y: ends(low, measured.high, scale), scale, xLog, threshold: thresholdOf(measured.low, measured.high), banded, left };
}

/** @param {Chart} chart @param {Look} look @param {[number, number] | null} used @returns {[number, number]} */
function across({ grid }, look, used) {
  if (look.range) return [grid.place(look.range[0]), grid.place(look.range[1])];
  if (!used) return [0, 1];
  const [low, high] = grid.span(...used);
  return low < high ? [low, high] : [low - 1, high + 1];
}

/**
 * The lowest, the lowest positive and the highest value that are drawn.
 *
 * @param {readonly Curve[]} curves
 * @param {Look} look
 * @param {boolean} banded
 * @param {(bucket: number) => boolean} seen
 */
function measure(curves, look, banded, seen) {
  const found = { low: Infinity, positive: Infinity, high: -Infinity };
  for (const curve of curves) {
    const columns = banded ? [curve[look.value], curve.low, curve.high] : [curve[look.value]];
    for (let row = 0; row < curve.at.length; row += 1) {
      if (!seen(curve.at[row])) continue;
      for (const column of columns) {
        const value = column[row];
        if (!Number.isFinite(value)) continue;
        if (value < found.low) found.low = value;
        if (value > found.high) found.high = value;
        if (value > 0 && value < found.positive) found.positive = value;
      }
    }
  }
  return found;
}
