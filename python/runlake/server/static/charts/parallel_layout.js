// Layout of parallel coordinates: where axes stand, where their bins lie, where a value is.
// @ts-check
import { isCategory, placeOf } from "../lib/scales.js";

/** @typedef {import("../lib/scales.js").Said} Said */

/**
 * An axis on the page. Lines come to it at `x` and leave it at `x + BAND`; bin `i` of it lies from `edges[2 * i]` down to
 * `edges[2 * i + 1]`, the last one being that of runs without a place. All is in pixels.
 *
 * @typedef {{said: Said, flip: boolean, x: number, top: number, bottom: number, edges: Float32Array}} Placed
 */

/** @typedef {{width: number, height: number, spacing: number, top: number, bottom: number, slot: [number, number] | null, axes: Placed[]}} Layout */

/** Width of an axis, in which its histogram stands. */
export const BAND = 22;
const NEAREST = 92; // axes do not come nearer to each other; the plot is scrolled then
const FARTHEST = 420;
const RIGHT = 74; // room for the values of a run that is pointed at
const SIDE = 60; // room for the values beside the first axis, and for half a name
const HEAD = 46;
const FOOT = 24; // room for the name of that run
const SLOT = 14;
const SLOT_APART = 16;
const CATEGORY_FILLS = 0.72;

/**
 * Lay out axes from left to right.
 *
 * @param {readonly {said: Said, flip: boolean}[]} axes
 * @param {{width: number, height: number}} room
 * @param {boolean} missing whether runs without a value have a place below the axes
 * @returns {Layout}
 */
export function layoutOf(axes, room, missing) {
  const free = (room.width - SIDE - RIGHT - BAND) / Math.max(1, axes.length - 1);
  const spacing = Math.min(FARTHEST, Math.max(NEAREST, free));
  const used = spacing * (axes.length - 1) + BAND + SIDE + RIGHT;
  const begin = SIDE + Math.max(0, (room.width - used) / 2);
  const bottom = room.height - FOOT - (missing ? SLOT + SLOT_APART : 0);
  /** @type {[number, number] | null} */
  const slot = missing ? [bottom + SLOT_APART, bottom + SLOT_APART + SLOT] : null;
  const placed = axes.map(({ said, flip }, i) => {
    const axis = { said, flip, x: begin + spacing * i, top: HEAD, bottom, edges: new Float32Array(0) };
    return { ...axis, edges: edgesOf(axis, slot) };
  });
  return { width: Math.max(room.width, used), height: room.height, spacing, top: HEAD, bottom, slot, axes: placed };
}

/** Where a part of an axis is, 0 being its low end. @param {Pick<Placed, "flip" | "top" | "bottom">} axis @param {number} part */
export function yAt(axis, part) {
  return axis.flip ? axis.top + (axis.bottom - axis.top) * part : axis.bottom - (axis.bottom - axis.top) * part;
}

/** Which part of an axis is at a height. @param {Placed} axis @param {number} y */
export function partAt(axis, y) {
  const part = (axis.bottom - y) / (axis.bottom - axis.top);
  return Math.min(1, Math.max(0, axis.flip ? 1 - part : part));
}

/**
 * Where the line of a run crosses an axis. Lines through one category are spread over its height by the run.
 *
 * @param {Placed} axis
 * @param {any} value
 * @param {number} spread from 0 to 1, of the run
 */
export function crossing(axis, value, spread) {
  const part = placeOf(axis.said, value);
  if (Number.isNaN(part)) return middle(axis.edges, axis.said.bins);
  if (!isCategory(axis.said)) return yAt(axis, Math.min(1, Math.max(0, part)));
  const bin = Math.round(part * axis.said.bins - 0.5);
  const [from, to] = [axis.edges[2 * bin], axis.edges[2 * bin + 1]];
  return from + (to - from) * (0.1 + 0.8 * spread);
}

/** The bin at a height: that of runs without a place below the axis. @param {Placed} axis @param {number} y */
export function binAt(axis, y) {
  if (y > axis.bottom + SLOT_APART / 2) return axis.said.bins;
  return Math.min(axis.said.bins - 1, Math.floor(partAt(axis, y) * axis.said.bins));
}

/** A number from 0 to 1 that a run always has. @param {string} id */
export function spreadOf(id) {
  let value = 0;
  for (let i = 0; i < id.length; i += 1) value = (Math.imul(value, 31) + id.charCodeAt(i)) >>> 0;
  return (Math.imul(value, 0x9e3779b1) >>> 0) / 2 ** 32;
}

/** @param {Float32Array} edges @param {number} bin */
function middle(edges, bin) {
  return (edges[2 * bin] + edges[2 * bin + 1]) / 2;
}

/** @param {Omit<Placed, "edges">} axis @param {[number, number] | null} slot */
function edgesOf(axis, slot) {
  const { bins } = axis.said;
  const edges = new Float32Array(2 * (bins + 1));
  const margin = isCategory(axis.said) ? (1 - CATEGORY_FILLS) / 2 : 0;
  for (let bin = 0; bin < bins; bin += 1) {
    const ends = [yAt(axis, (bin + margin) / bins), yAt(axis, (bin + 1 - margin) / bins)];
    edges[2 * bin] = Math.min(...ends);
    edges[2 * bin + 1] = Math.max(...ends);
  }
  [edges[2 * bins], edges[2 * bins + 1]] = slot ?? [axis.bottom, axis.bottom];
  return edges;
}
