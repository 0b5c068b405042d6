// Hover: what is pointed at on a chart. There is one tooltip on the page, and the values in it are found by binary search.
// @ts-check
import { borderOf } from "../lib/color.js";
import { count, number } from "../lib/format.js";
import { nearestRow } from "./curves.js";
import { nonFinite } from "./marks.js";

/** @typedef {import("./line.js").LinePlot} LinePlot */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {{curve: Curve, row: number, value: number, smooth: number | null, away: number}} Reading away: from the pointer, in pixels */

const NEAR_PX = 40;
const REACH = 0.03; // of the buckets that are seen
const MOST_ROWS = 14;

/**
 * The values of all curves at a place, the greatest first.
 *
 * @param {LinePlot} plot
 * @param {number} x
 * @param {number} top of the pointer, in pixels below the top of the plot
 * @param {"mean" | "last"} column
 * @returns {{bucket: number, readings: Reading[], nearest: Reading | null}}
 */
export function read(plot, x, top, column) {
  const { u, picture } = plot;
  if (!u || !picture) return { bucket: 0, readings: [], nearest: null };
  const { grid } = picture.chart;
  const bucket = grid.bucketAt(x);
  const reach = Math.max(1, REACH * ((picture.x[1] - picture.x[0]) / grid.width));
  const readings = picture.traces.flatMap(({ curve, ys, raw }) => {
    const row = nearestRow(curve, bucket, reach);
    if (row < 0) return [];
    const at = ys[curve.at[row]];
    const drawn = at === null || at === undefined ? null : at;
    const away = drawn === null ? Infinity : Math.abs(u.valToPos(drawn, "y") - top);
    return [{ curve, row, value: curve[column][row], smooth: raw ? drawn : null, away }];
  });
  readings.sort((a, b) => order(b.value) - order(a.value));
  let nearest = null;
  for (const reading of readings) if (reading.away < (nearest?.away ?? NEAR_PX)) nearest = reading;
  return { bucket, readings, nearest };
}

/** Numbers that are none come last. @param {number} value */
function order(value) {
  return Number.isNaN(value) ? -Infinity : value;
}

/** The one tooltip: plain elements, for it is written at every move of the pointer. */
export class Tooltip {
  constructor() {
    this.root = document.createElement("div");
    this.root.className = "tooltip";
    this.root.popover = "manual"; // above everything, a dialog too
    this.root.setAttribute("aria-hidden", "true"); // what it says is announced for the cursor of the keyboard
  }

  /**
   * @param {{left: number, top: number}} at place in the window
   * @param {string} title
   * @param {readonly Reading[]} readings
   * @param {Reading | null} nearest
   * @param {(curve: Curve) => import("../lib/color.js").Ink} inkFor
   * @param {boolean} named whether keys tell curves apart as well
   */
  show(at, title, readings, nearest, inkFor, named) {
    const middle = nearest ? readings.indexOf(nearest) : 0;
    const from = Math.max(0, Math.min(middle - MOST_ROWS / 2, readings.length - MOST_ROWS));
    const shown = readings.slice(from, from + MOST_ROWS);
    const rest = readings.length - shown.length;
    this.root.replaceChildren(
      line("tooltip-title", title),
      ...shown.map((reading) => entry(reading, reading === nearest, inkFor(reading.curve), named)),
      ...(rest > 0 ? [line("quiet", `and ${count(rest)} more`)] : []),
    );
    if (!this.root.matches(":popover-open")) this.root.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const left = at.left + 16 + width > innerWidth ? at.left - width - 16 : at.left + 16;
    this.root.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, Math.min(at.top - height / 2, innerHeight - height - 4))}px)`;
  }

  hide() {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
  }
}

/** @param {string} name @param {string} text */
function line(name, text) {
  const made = document.createElement("div");
  made.className = name;
  made.textContent = text;
  return made;
}

/** @param {Reading} reading @param {boolean} isNearest @param {import("../lib/color.js").Ink} ink @param {boolean} named */
function entry({ curve, row, value, smooth }, isNearest, ink, named) {
  const made = line(isNearest ? "tooltip-row nearest" : "tooltip-row", "");
  const swatch = line("swatch", "");
  swatch.style.borderTopColor = ink.color;
  swatch.style.borderTopStyle = borderOf(ink);
  const name = line("tooltip-name", named ? `${curve.name} · ${curve.key}` : curve.name);
  name.dir = "auto";
  const odd = nonFinite(curve.flags[row]);
  const said = Number.isNaN(value) && odd ? odd : `${number(value)}${odd ? ` (${odd})` : ""}`;
  made.append(swatch, name, line("number", smooth === null ? said : `${number(smooth)} (${said})`));
  return made;
}
