// Worker of parallel coordinates: draws the density between axes on the canvas that it was handed.
// @ts-check
import { partBetween } from "../lib/color.js";
import { columnsOf, density, paint } from "./parallel_raster.js";

/** @typedef {import("./parallel_raster.js").Cells} Cells */
/** @typedef {import("./parallel_raster.js").Tone} Tone */

/**
 * One gap between neighbouring axes. `all` is left out where it is what it was under this `id`.
 *
 * @typedef {{id: string, x: number, width: number, left: Float32Array, right: Float32Array, all?: Cells, allLeft?: Float32Array,
 *   allRight?: Float32Array, some: Cells}} Gap
 */

/**
 * @typedef {{canvas?: OffscreenCanvas, width: number, height: number, ratio: number, detail: number, across: number, gaps: Gap[],
 *   ink: {all: Tone, some: Tone, ramp: Uint8ClampedArray | null}, ends: [number, number] | null, isAll: boolean}} Picture
 *   sizes in CSS pixels; `detail`: pixels to a CSS pixel that are computed, from above to below and, as `across`, from left to right; `ends`: of the colours' values; `isAll`: no
 *   run is left out, so that there is nothing to draw below
 */

/** @type {OffscreenCanvas | null} */
let canvas = null;
/** All runs, by the gap that they are in, and their density by the width that it was drawn in. @type {Map<string, {all: Cells, left: Float32Array, right: Float32Array, drawn: Map<number, Float32Array>}>} */
const kept = new Map();

/** @param {MessageEvent<Picture>} event */
onmessage = ({ data }) => {
  if (data.canvas) canvas = data.canvas;
  if (canvas && data.gaps) draw(canvas, data);
  postMessage("drawn");
};

/** @param {OffscreenCanvas} target @param {Picture} picture */
function draw(target, picture) {
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (target.getContext("2d"));
  for (const { id, all, allLeft: left, allRight: right } of picture.gaps) if (all && left && right) kept.set(id, { all, left, right, drawn: new Map() });
  const images = picture.gaps.map((gap) => imageOf(gap, picture));
  const [width, height] = [Math.round(picture.width * picture.ratio), Math.round(picture.height * picture.ratio)];
  if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  for (const [i, image] of images.entries()) {
    const { x, width: wide } = picture.gaps[i];
    context.drawImage(image, x * picture.ratio, 0, wide * picture.ratio, height);
  }
  for (const id of kept.keys()) if (!picture.gaps.some((gap) => gap.id === id)) kept.delete(id);
}

/** @param {Gap} gap @param {Picture} picture */
function imageOf(gap, { height, detail, across, ink, ends, isAll }) {
  const size = { width: columnsOf(gap.some, gap.width * across), height: Math.max(1, Math.round(height * detail)) };
  const frame = { ...size, left: scaled(gap.left, detail), right: scaled(gap.right, detail) };
  const some = density(gap.some, frame);
  const sums = ends && gap.some.mean ? density(gap.some, frame, shades(gap.some, ends)) : null;
  const pixels = paint({ all: isAll ? null : allOf(gap, size, detail), some, sums }, size, ink);
  const image = new OffscreenCanvas(size.width, size.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (image.getContext("2d"));
  context.putImageData(new ImageData(pixels, size.width, size.height), 0, 0);
  return image;
}

/** @param {Gap} gap @param {{width: number, height: number}} size @param {number} detail */
function allOf(gap, size, detail) {
  const known = kept.get(gap.id);
  if (!known) return null;
  const found = known.drawn.get(size.width) ?? density(known.all, { ...size, left: scaled(known.left, detail), right: scaled(known.right, detail) });
  known.drawn.set(size.width, found);
  return found;
}

/** Sums of colours, from 0 to 1 each, of cells; those without a mean are in the middle. @param {Cells} cells @param {[number, number]} ends */
function shades({ count, mean }, [low, high]) {
  const weights = new Float32Array(count.length);
  for (let i = 0; i < weights.length; i += 1) {
    const value = mean ? mean[i] : NaN;
    const part = partBetween(value, low, high);
    weights[i] = count[i] * part;
  }
  return weights;
}

/** @param {Float32Array} edges @param {number} detail */
function scaled(edges, detail) {
  return detail === 1 ? edges : edges.map((y) => y * detail);
}
