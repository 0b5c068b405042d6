// CSV of the curves of a chart: every bucket that is drawn, with all digits that the server sent.
// @ts-check
import { field, harmless } from "../lib/csv.js";
import { nonFinite } from "./marks.js";

/** @typedef {import("./curves.js").Chart} Chart */

const RUN_COLUMNS = ["run_id", "run_name", "key", "first", "last", "mean", "min", "max", "last_value", "points", "non_finite"];
const GROUP_COLUMNS = ["group", "key", "first", "last", "mean", "low", "high", "min", "max", "runs"];

/**
 * @param {Chart} chart
 * @returns {string} a line a bucket of a curve, those of a curve behind each other; `first` and `last` are its first and last place
 */
export function csvOf({ grid, curves, grouped }) {
  const lines = [(grouped ? GROUP_COLUMNS : RUN_COLUMNS).join(",")];
  for (const curve of curves) {
    for (let row = 0; row < curve.at.length; row += 1) {
      const [first, last] = grid.bounds(curve.at[row]);
      const finite = [curve.mean[row], curve.min[row], curve.max[row]].map(digits);
      lines.push(
        grouped
          ? [cell(curve.name), cell(curve.key), first, last, finite[0], digits(curve.low[row]), digits(curve.high[row]), finite[1], finite[2], curve.count[row]].join(",")
          : [curve.id, cell(curve.name), cell(curve.key), first, last, ...finite, said(curve.last[row]), curve.count[row], nonFinite(curve.flags[row]).replaceAll(",", "")].join(","),
      );
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

/** A number with all its digits; nothing where there is none. @param {number} value */
function digits(value) {
  return Number.isNaN(value) ? "" : String(value);
}

/** The last value, which may be none that is finite. @param {number} value */
function said(value) {
  return Number.isNaN(value) ? "NaN" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value);
}

/** A text as a cell; one that a spreadsheet would run as a formula is made a text. @param {string} text */
export function cell(text) {
  return field(harmless(text));
}
