// SVG of a chart: a picture of its own, written from the curves that are drawn, with title, axes and legend.
// @ts-check
import { bandAlpha } from "./bands.js";
import { MARKS, marksOf } from "./marks.js";
import { kindName } from "./grid.js";
import { placer, tickTexts, ticks, timeTexts, timeTicks } from "./ticks.js";

/** @typedef {import("./traces.js").Picture} Picture */
/** @typedef {import("./traces.js").Trace} Trace */
/** @typedef {import("../lib/smooth.js").Value} Value */
/** @typedef {{ground: string, title: string, text: string, grid: string}} Colors */
/** @typedef {{title: string, width: number, height: number, colors: Colors}} Sheet */
/** @typedef {Sheet & {y: string, inkFor: (curve: import("./curves.js").Curve) => import("../lib/color.js").Ink}} How */
/** @typedef {{x: (value: number) => number, y: (value: number) => number}} Places */

const TOP = 34;
const LEFT = 66;
const RIGHT = 18;
const BOTTOM = 40;
const LINE = 16;
const COLUMN = 220;
const FONT = "font-family=\"system-ui, sans-serif\" font-size=\"11\"";

/**
 * @param {Picture} picture
 * @param {How} how width, height: of the plot with its axes; the legend comes below
 * @returns {string}
 */
export function svgOf(picture, how) {
  const { width, height } = how;
  const perRow = Math.max(1, Math.floor((width - LEFT) / COLUMN));
  const whole = height + Math.ceil(picture.traces.length / perRow) * LINE + 12;
  const area = { left: LEFT, top: TOP, right: width - RIGHT, bottom: height - BOTTOM };
  const across = placer(picture.x, picture.xLog ? "log" : "linear");
  const up = placer(picture.y, picture.scale, picture.threshold);
  const places = {
    x: (/** @type {number} */ value) => area.left + across(value) * (area.right - area.left),
    y: (/** @type {number} */ value) => area.bottom - up(value) * (area.bottom - area.top),
  };
  return sheet({ ...how, height: whole }, [
    axes(picture, places, area, how),
    `<clipPath id="plot"><rect x="${area.left}" y="${area.top}" width="${area.right - area.left}" height="${area.bottom - area.top}"/></clipPath>`,
    `<g clip-path="url(#plot)" fill="none">`,
    ...picture.traces.map((trace) => curveOf(picture, trace, places, how)),
    "</g>",
    ...picture.traces.map((trace) => marks(picture, trace, places, area, how)),
    ...picture.traces.map((trace, i) => legend(trace, LEFT + (i % perRow) * COLUMN, height + 6 + Math.floor(i / perRow) * LINE, picture, how)),
  ]);
}

/**
 * A picture with its title on its ground.
 *
 * @param {Sheet} how
 * @param {readonly string[]} inner
 */
export function sheet({ title, width, height, colors }, inner) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT}>`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="${colors.ground}"/>`,
    `<text x="${LEFT}" y="20" font-size="14" font-weight="600" fill="${colors.title}">${escaped(title)}</text>`,
    ...inner,
    "</svg>",
  ].join("\n");
}

/** @param {Picture} picture @param {Places} places @param {{left: number, top: number, right: number, bottom: number}} area @param {How} how */
function axes({ chart: { grid }, x, y, xLog, scale, threshold }, places, area, { colors, y: yName }) {
  const most = (area.right - area.left) / (grid.origin || grid.kind === "time" ? 160 : 80);
  const ups = ticks(...y, (area.bottom - area.top) / 34, scale, { threshold });
  const acrosses = grid.kind === "time" || grid.kind === "relative" ? timeTicks(...x, most) : ticks(...x, most, xLog ? "log" : "linear", { whole: grid.whole });
  const upTexts = tickTexts(ups);
  const acrossTexts = grid.kind === "time" ? timeTexts(acrosses, acrosses[1] - acrosses[0]).map((text) => text.replace("\n", " ")) : grid.kind === "relative" || grid.origin ? acrosses.map((place) => grid.text(place)) : tickTexts(acrosses);
  return [
    ...ups.map((value, i) => `<line x1="${area.left}" x2="${area.right}" y1="${px(places.y(value))}" y2="${px(places.y(value))}" stroke="${colors.grid}"/><text x="${area.left - 8}" y="${px(places.y(value) + 4)}" text-anchor="end" fill="${colors.text}">${escaped(upTexts[i])}</text>`),
    ...acrosses.map((value, i) => `<line y1="${area.top}" y2="${area.bottom}" x1="${px(places.x(value))}" x2="${px(places.x(value))}" stroke="${colors.grid}"/><text y="${area.bottom + 16}" x="${px(places.x(value))}" text-anchor="middle" fill="${colors.text}">${escaped(acrossTexts[i])}</text>`),
    `<text x="${(area.left + area.right) / 2}" y="${area.bottom + 32}" text-anchor="middle" fill="${colors.text}">${escaped(kindName(grid.kind))}</text>`,
    `<text transform="translate(14 ${(area.top + area.bottom) / 2}) rotate(-90)" text-anchor="middle" fill="${colors.text}">${escaped(yName)}</text>`,
  ].join("\n");
}

/** @param {Picture} picture @param {Trace} trace @param {Places} places @param {How} how */
function curveOf(picture, { curve, ys, raw }, places, { inkFor }) {
  const { xs, banded, scale } = picture;
  const { color, dash } = inkFor(curve);
  const dashed = dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "";
  const { at, low, high } = curve;
  const rows = [...at.keys()].filter((row) => Number.isFinite(high[row]) && (scale !== "log" || low[row] > 0));
  const corner = (/** @type {number} */ row, /** @type {Float64Array} */ of) => `${px(places.x(xs[at[row]]))},${px(places.y(of[row]))}`;
  const thick = banded && rows.some((row) => low[row] < high[row]);
  return [
    thick ? `<polygon points="${[...rows.map((row) => corner(row, high)), ...rows.reverse().map((row) => corner(row, low))].join(" ")}" fill="${color}" fill-opacity="${Number(bandAlpha(picture).toFixed(3))}"/>` : "",
    raw ? `<path d="${pathOf(xs, raw, places)}" stroke="${color}" stroke-opacity="0.3"/>` : "",
    `<path d="${pathOf(xs, ys, places)}" stroke="${color}" stroke-width="1.5"${dashed}/>`,
  ].join("");
}

/** @param {readonly number[]} xs @param {readonly Value[]} ys @param {Places} places */
function pathOf(xs, ys, places) {
  const said = [];
  let broken = true;
  for (let i = 0; i < ys.length; i += 1) {
    const y = ys[i];
    if (y === null) broken = true;
    if (y === null || y === undefined) continue;
    said.push(`${broken ? "M" : "L"}${px(places.x(xs[i]))} ${px(places.y(y))}`);
    broken = false;
  }
  return said.join("");
}

/** @param {Picture} picture @param {Trace} trace @param {Places} places @param {{top: number, bottom: number}} area @param {How} how */
function marks({ xs, x }, { curve, ys }, places, area, { inkFor }) {
  const { color } = inkFor(curve);
  const end = [...ys].reverse().find((value) => value !== null && value !== undefined);
  return marksOf(curve).map(({ mark, row, place }) => {
    const at = xs[curve.at[row]];
    if (at < x[0] || at > x[1]) return "";
    const y = place === "top" ? area.top + 6 : place === "end" && typeof end === "number" ? places.y(end) : area.bottom - 6;
    const { path, fill, name } = MARKS[mark];
    return `<path d="${path}" transform="translate(${px(places.x(at))} ${px(y)}) scale(4)" ${fill ? `fill="${color}"` : `fill="none" stroke="${color}" stroke-width="0.4"`}><title>${escaped(name)}</title></path>`;
  }).join("");
}

/** @param {Trace} trace @param {number} left @param {number} top @param {Picture} picture @param {How} how */
function legend({ curve }, left, top, { chart }, { inkFor, colors }) {
  const { color, dash } = inkFor(curve);
  const name = chart.keys.length > 1 ? `${curve.name} · ${curve.key}` : curve.name;
  const short = name.length > 32 ? `${name.slice(0, 31)}…` : name;
  return `<line x1="${left}" x2="${left + 16}" y1="${top + 8}" y2="${top + 8}" stroke="${color}" stroke-width="2"${dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : ""}/><text x="${left + 22}" y="${top + 12}" fill="${colors.title}">${escaped(short)}</text>`;
}

/** Pixels, to a tenth. @param {number} value */
export function px(value) {
  return Number(value.toFixed(1));
}

/** A text inside of SVG, without what XML does not have. @param {string} text */
export function escaped(text) {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
