// What is painted over the density of parallel coordinates: histograms on the axes, and the lines of the best runs.
// @ts-check
import { inkOf, shadeBetween } from "../lib/color.js";
import { chooses } from "../lib/clauses.js";
import { endsOf } from "./parallel_choice.js";
import { BAND, crossing, spreadOf } from "./parallel_layout.js";

/** @typedef {import("./parallel_layout.js").Layout} Layout */
/** @typedef {import("./parallel_layout.js").Placed} Placed */
/** @typedef {import("./parallel_data.js").Found} Found */
/** @typedef {import("../lib/clauses.js").Brush} Brush */

/** @typedef {{id: string, name: string | null, heights: number[], values: any[], color: string, dash: number[]}} Line of a run, and where it crosses each axis */
/** @typedef {{ground: string, raised: string, faint: string, strong: string, out: string}} Colors `out`: of what the brush of its own axis leaves out */

const FLAT = 0.92; // of an axis' width is the longest bar
const CASED = 100; // of more lines than so many none is told apart by what surrounds it
const NO_VALUE = "#8a949a"; // reads on both grounds

/**
 * Lines of runs, the first one last so that it lies above the others.
 *
 * @param {import("./parallel_data.js").Best} best
 * @param {[number, number] | null} ends of the values that colours are of
 * @param {Layout} layout
 * @param {boolean} dark
 * @returns {Line[]}
 */
export function linesOf({ ids, names, columns, colors }, ends, layout, dark) {
  const lines = ids.map((id, row) => {
    const spread = spreadOf(id);
    const heights = layout.axes.map((axis, i) => crossing(axis, columns[i]?.[row], spread));
    const values = columns.map((column) => column[row] ?? null);
    return { id, name: names[row], heights, values, ...inkOfLine(id, colors[row], ends, dark) };
  });
  return lines.reverse();
}

/** @param {string} id @param {any} value that the colour is of @param {[number, number] | null} ends @param {boolean} dark */
function inkOfLine(id, value, ends, dark) {
  if (value === undefined) return inkOf(id, dark);
  if (typeof value === "string") return { color: inkOf(value, dark).color, dash: [] };
  if (!ends || !Number.isFinite(value)) return { color: NO_VALUE, dash: [] };
  return { color: shadeBetween(value, ...ends, dark), dash: [] };
}

/**
 * The line that is nearest to a point, if any is near.
 *
 * @param {readonly Line[]} lines
 * @param {Layout} layout
 * @param {number} x
 * @param {number} y
 */
export function lineNear(lines, layout, x, y) {
  let found = null;
  let nearest = 7;
  const i = layout.axes.filter((axis) => axis.x <= x).length - 1;
  if (i < 0) return null;
  for (const line of lines) {
    const from = layout.axes[i].x + BAND;
    const next = layout.axes[i + 1];
    const t = next ? Math.max(0, (x - from) / (next.x - from)) : 0;
    const apart = Math.abs(line.heights[i] + ((line.heights[i + 1] ?? line.heights[i]) - line.heights[i]) * t - y);
    if (apart <= nearest) [found, nearest] = [line, apart];
  }
  return found;
}

/**
 * @param {CanvasRenderingContext2D} context scaled to CSS pixels
 * @param {Layout} layout
 * @param {Found} found
 * @param {Found | null} whole what was found while no brush moved, which has the counts without brushes
 * @param {ReadonlyMap<string, Brush>} brushes
 * @param {Colors} colors
 */
export function drawHistograms(context, layout, found, whole, brushes, colors) {
  layout.axes.forEach((axis, i) => {
    const all = whole?.names[i] === found.names[i] ? (whole?.axes[i]?.all ?? null) : null;
    const under = found.axes[i].under;
    context.fillStyle = colors.raised;
    context.fillRect(axis.x, axis.top, BAND, axis.bottom - axis.top);
    const every = all && folded(all, under.length);
    const brush = brushes.get(found.names[i]);
    if (every) bars(context, axis, every, () => colors.faint);
    bars(context, axis, under, (bin) => (!brush || isChosen(axis, brush, bin, under.length - 1) ? colors.strong : colors.out));
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Placed} axis
 * @param {Float64Array} counts each in proportion to the largest: what is left keeps its shape, however little it is
 * @param {(bin: number) => string} color
 */
function bars(context, axis, counts, color) {
  const most = Math.max(1, ...counts.subarray(0, -1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const bins = counts.length - 1;
  const wide = axis.said.bins + 1 === counts.length ? 1 : axis.said.bins / bins;
  for (let bin = 0; bin <= bins; bin += 1) {
    if (counts[bin] === 0) continue;
    context.fillStyle = color(bin);
    const [first, last] = bin === bins ? [axis.said.bins, axis.said.bins] : [bin * wide, (bin + 1) * wide - 1];
    const from = Math.min(axis.edges[2 * first], axis.edges[2 * last]);
    const to = Math.max(axis.edges[2 * first + 1], axis.edges[2 * last + 1]);
    const part = bin === bins ? counts[bin] / total : counts[bin] / most;
    const apart = to - from > 3 ? 0.5 : 0;
    context.fillRect(axis.x, from + apart / 2, Math.max(1, BAND * FLAT * part), to - from - apart);
  }
}

/** Counts in fewer bins, of which each is several of these; the last one is that of what is missing. @param {Float64Array} counts @param {number} length */
function folded(counts, length) {
  if (counts.length === length) return counts;
  const found = new Float64Array(length);
  const each = (counts.length - 1) / (length - 1);
  for (let i = 0; i < counts.length - 1; i += 1) found[Math.floor(i / each)] += counts[i];
  found[length - 1] = counts[counts.length - 1];
  return found;
}

/** @param {Placed} axis @param {Brush} brush @param {number} bin @param {number} bins */
function isChosen({ said }, brush, bin, bins) {
  if (bin >= bins) return brush.missing;
  if (said.values) return chooses(brush, said.key, said.values[bin]);
  if (!brush.range) return false;
  const [from, to] = endsOf(said, brush);
  const middle = (bin + 0.5) / bins;
  return middle >= from && middle <= to;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Layout} layout
 * @param {readonly Line[]} lines
 * @param {string | null} pointed id of the run that is pointed at
 * @param {Colors} colors
 */
export function drawLines(context, layout, lines, pointed, colors) {
  const isPointed = lines.some((line) => line.id === pointed);
  context.lineJoin = "round";
  for (const line of lines) {
    if (line.id === pointed) continue;
    context.globalAlpha = isPointed ? 0.1 : 0.45;
    if (lines.length <= CASED) stroke(context, layout, line, 3.5, colors.ground);
    context.globalAlpha = isPointed ? 0.25 : 1;
    stroke(context, layout, line, 1.5, line.color);
  }
  context.globalAlpha = 1;
  for (const line of lines) {
    if (line.id !== pointed) continue;
    stroke(context, layout, { ...line, dash: [] }, 6, colors.ground);
    stroke(context, layout, { ...line, dash: [] }, 3, line.color);
    context.fillStyle = line.color;
    line.heights.forEach((y, i) => context.fillRect(layout.axes[i].x, y - 3, BAND, 6));
  }
}

/** @param {CanvasRenderingContext2D} context @param {Layout} layout @param {Line} line @param {number} width @param {string} color */
function stroke(context, layout, line, width, color) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.setLineDash(line.dash);
  context.beginPath();
  line.heights.forEach((y, i) => {
    context.lineTo(layout.axes[i].x, y);
    context.lineTo(layout.axes[i].x + BAND, y);
  });
  context.stroke();
  context.setLineDash([]);
}
