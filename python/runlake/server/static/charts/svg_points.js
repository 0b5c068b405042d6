// SVG and CSV of what is no line: scatter plots and bars.
// @ts-check
import { shade } from "../lib/color.js";
import { number } from "../lib/format.js";
import { placeOf, ticksOf } from "../lib/scales.js";
import { dark } from "../state/theme.js";
import { cell } from "./csv.js";
import { scaled } from "./scatter_plot.js";
import { escaped, px, sheet } from "./svg.js";

/** @typedef {import("./scatter_plot.js").Picture} Picture */
/** @typedef {import("./svg.js").Sheet} Sheet */
/** @typedef {import("./drawn.js").Valued} Valued */

const AREA = { left: 66, top: 34, right: 18, bottom: 44 };
const BAR = 20;
const NAMES = 180;
const VALUES = 90;

/**
 * @param {Picture} picture
 * @param {readonly string[]} names of the axes
 * @param {Sheet} how
 * @param {(id: string) => string} inkOf
 */
export function scatterSvg(picture, [xName, yName], how, inkOf) {
  const { x, y, points, cells } = picture;
  const { width, height, colors } = how;
  const [left, right, top, bottom] = [AREA.left, width - AREA.right, AREA.top, height - AREA.bottom];
  const across = (/** @type {number} */ part) => px(left + part * (right - left));
  const up = (/** @type {number} */ part) => px(bottom - part * (bottom - top));
  const most = Math.log1p(cells.reduce((high, one) => Math.max(high, one.count), 1));
  const shades = scaled(cells.map((one) => one.color));
  const colored = scaled(points.map((one) => one.color));
  return sheet(how, [
    ...ticksOf(x, (right - left) / 90).map(({ part, text }) => `<line x1="${across(part)}" x2="${across(part)}" y1="${top}" y2="${bottom}" stroke="${colors.grid}"/><text x="${across(part)}" y="${bottom + 16}" text-anchor="middle" fill="${colors.text}">${escaped(text)}</text>`),
    ...ticksOf(y, (bottom - top) / 34).map(({ part, text }) => `<line y1="${up(part)}" y2="${up(part)}" x1="${left}" x2="${right}" stroke="${colors.grid}"/><text y="${px(up(part) + 4)}" x="${left - 8}" text-anchor="end" fill="${colors.text}">${escaped(text)}</text>`),
    `<text x="${(left + right) / 2}" y="${bottom + 34}" text-anchor="middle" fill="${colors.text}">${escaped(xName)}</text>`,
    `<text transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle" fill="${colors.text}">${escaped(yName)}</text>`,
    ...cells.map((one, i) => {
      const part = shades[i];
      const opacity = px(0.15 + 0.75 * (Math.log1p(one.count) / most));
      return `<rect x="${across(one.x / x.bins)}" y="${up((one.y + 1) / y.bins)}" width="${px((right - left) / x.bins)}" height="${px((bottom - top) / y.bins)}" fill="${part === null ? colors.text : shade(part, dark.peek())}" fill-opacity="${opacity}"/>`;
    }),
    ...points.map((one, i) => {
      const part = colored[i];
      return `<circle cx="${across(placeOf(x, one.x))}" cy="${up(placeOf(y, one.y))}" r="3.5" fill-opacity="0.8" fill="${part === null ? inkOf(one.id) : shade(part, dark.peek())}"><title>${escaped(one.name)}</title></circle>`;
    }),
  ]);
}

/** @param {Picture} picture @param {readonly string[]} names of the axes */
export function scatterCsv({ points, cells, x, y }, names) {
  if (cells.length === 0) {
    return table(["run_id", "run_name", ...names, "color"], points.map((one) => [one.id, one.name, one.x, one.y, one.color ?? ""]));
  }
  const edge = (/** @type {Picture["x"]} */ axis, /** @type {number} */ bin) => axis.values?.[bin] ?? bin;
  return table([`bin of ${names[0]}`, `bin of ${names[1]}`, "runs", "color"], cells.map((one) => [edge(x, one.x), edge(y, one.y), one.count, one.color ?? ""]));
}

/** @param {readonly Valued[]} bars @param {Sheet} how @param {(id: string) => string} inkOf */
export function barsSvg(bars, how, inkOf) {
  const { width, colors } = how;
  const finite = bars.map((bar) => Number(bar.value)).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  const at = (/** @type {number} */ value) => NAMES + ((value - low) / (high - low || 1)) * (width - NAMES - VALUES);
  return sheet({ ...how, height: AREA.top + bars.length * BAR + 12 }, bars.map(({ id, name, value }, i) => {
    const top = AREA.top + i * BAR;
    const [from, to] = Number.isFinite(Number(value)) ? [at(Math.min(0, Number(value))), at(Math.max(0, Number(value)))] : [at(0), at(0)];
    const short = name.length > 26 ? `${name.slice(0, 25)}…` : name;
    return `<text x="${NAMES - 10}" y="${top + 14}" text-anchor="end" fill="${colors.title}">${escaped(short)}</text><rect x="${px(from)}" y="${top + 3}" width="${px(Math.max(1, to - from))}" height="${BAR - 6}" fill="${inkOf(id)}"/><text x="${width - 8}" y="${top + 14}" text-anchor="end" fill="${colors.title}">${escaped(number(Number(value)))}</text>`;
  }));
}

/** @param {readonly Valued[]} bars @param {string} name */
export function barsCsv(bars, name) {
  return table(["run_id", "run_name", name], bars.map((bar) => [bar.id, bar.name, bar.value]));
}

/** @param {readonly string[]} head @param {readonly unknown[][]} rows */
function table(head, rows) {
  return `${[head, ...rows].map((row) => row.map((one) => (typeof one === "string" ? cell(one) : String(one))).join(",")).join("\r\n")}\r\n`;
}
