// Painter of the density of parallel coordinates: hands the worker what has changed, one picture at a time.
// @ts-check
import { shade } from "../lib/color.js";
import { startWorker } from "../lib/workers.js";
import { BAND } from "./parallel_layout.js";

/** @typedef {import("./parallel_layout.js").Layout} Layout */
/** @typedef {import("./parallel_data.js").Found} Found */
/** @typedef {import("./parallel_worker.js").Picture} Picture */
/** @typedef {import("./parallel_worker.js").Gap} Gap */
/** @typedef {[number, number, number]} Rgb */

const SHARPEST = 1.5; // pixels to a CSS pixel; a density has no edges that would show more
const ACROSS_MOVING = 0.5; // from axis to axis nothing changes suddenly, and half the columns are half the work

/**
 * @param {HTMLCanvasElement} canvas which the worker gets; it cannot be drawn on from here
 */
export function painter(canvas) {
  const worker = startWorker(new URL("./parallel_worker.js", import.meta.url));
  const target = canvas.transferControlToOffscreen();
  worker.postMessage({ canvas: target }, [target]);
  let busy = true;
  /** @type {(() => Picture) | null} */
  let next = null;
  let sent = new Set();

  let begun = performance.now();
  let isMoving = false;

  const go = () => {
    if (busy || !next) return;
    busy = true;
    begun = performance.now();
    const picture = next();
    next = null;
    worker.postMessage(picture);
  };
  worker.onmessage = () => {
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
    const rest = () => {
      busy = false;
      go();
    };
    // While a brush moves half of a processor is left to whoever counts.
    if (isMoving) setTimeout(rest, performance.now() - begun);
    else rest();
  };
  return {
    /** @param {Layout} layout @param {Found} found @param {Found | null} whole see `drawHistograms` @param {{faint: Rgb, strong: Rgb, isDark: boolean}} colors */
    draw(layout, found, whole, colors) {
      isMoving = found.isMoving;
      next = () => {
        const picture = pictureOf(layout, found, whole, colors, sent);
        sent = new Set(picture.gaps.map((gap) => gap.id));
        return picture;
      };
      go();
    },
    end: () => worker.terminate(),
  };
}

/**
 * @param {Layout} layout
 * @param {Found} found
 * @param {Found | null} whole
 * @param {{faint: Rgb, strong: Rgb, isDark: boolean}} colors
 * @param {Set<string>} sent gaps of which the worker knows all runs
 * @returns {Picture}
 */
function pictureOf(layout, found, whole, { faint, strong, isDark }, sent) {
  const ratio = devicePixelRatio || 1;
  const detail = Math.min(ratio, SHARPEST);
  const gaps = layout.axes.slice(1).map((_, i) => gapOf(layout, found, whole, i, sent, detail));
  const few = found.left <= found.best.ids.length ? 0.35 : 1; // lines say it all
  const [fr, fg, fb] = faint;
  const [sr, sg, sb] = strong;
  return {
    width: layout.width, height: layout.height, ratio, detail, across: found.isMoving ? ACROSS_MOVING : detail, gaps, ends: found.ends, isAll: found.left === found.total,
    ink: {
      all: { red: fr, green: fg, blue: fb, low: 0.05, high: isDark ? 0.42 : 0.38 },
      some: { red: sr, green: sg, blue: sb, low: 0.04 * few, high: (found.ends ? 1 : isDark ? 0.72 : 0.78) * few },
      ramp: found.ends ? ramp(isDark) : null,
    },
  };
}

/** @param {Layout} layout @param {Found} found @param {Found | null} whole @param {number} i @param {Set<string>} sent @param {number} detail @returns {Gap} */
function gapOf(layout, found, whole, i, sent, detail) {
  const [one, other] = [layout.axes[i], layout.axes[i + 1]];
  const x = one.x + BAND;
  const width = other.x - x;
  const finer = whole?.gaps[i];
  const id = [finer?.id, width, layout.height, one.flip, other.flip, layout.slot?.[0], detail].join("\n");
  const gap = { id, x, width, left: edges(one, found, i), right: edges(other, found, i + 1), some: found.gaps[i].some };
  if (sent.has(id) || !finer?.all || !whole) return gap;
  return { ...gap, all: finer.all, allLeft: one.edges, allRight: other.edges };
}

/** Edges of as many bins as were counted: fewer while a brush moves. @param {import("./parallel_layout.js").Placed} axis @param {Found} found @param {number} i */
function edges(axis, found, i) {
  const bins = found.axes[i].said.bins;
  if (bins === axis.said.bins) return axis.edges;
  const each = axis.said.bins / bins;
  const wide = new Float32Array(2 * (bins + 1));
  for (let bin = 0; bin < bins; bin += 1) {
    const [first, last] = [bin * each, (bin + 1) * each - 1];
    wide[2 * bin] = Math.min(axis.edges[2 * first], axis.edges[2 * last]);
    wide[2 * bin + 1] = Math.max(axis.edges[2 * first + 1], axis.edges[2 * last + 1]);
  }
  wide.set(axis.edges.subarray(2 * axis.said.bins), 2 * bins);
  return wide;
}

/** Ramps that were made, by whether they are of the dark theme. */
const made = new Map(/** @type {[boolean, Uint8ClampedArray][]} */ ([]));

/** The colours of values from low to high, as bytes. @param {boolean} isDark */
function ramp(isDark) {
  const known = made.get(isDark);
  if (known) return known;
  const bytes = new Uint8ClampedArray(3 * 256);
  for (let i = 0; i < 256; i += 1) bytes.set((shade(i / 255, isDark).match(/\d+/g) ?? []).map(Number), 3 * i);
  made.set(isDark, bytes);
  return bytes;
}
