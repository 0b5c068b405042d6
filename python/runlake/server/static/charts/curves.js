// Curves: an answer of the server as what is drawn, without copying its columns.
// @ts-check
import { columns, numbers, values } from "../lib/arrow.js";
import { Grid } from "./grid.js";

/** @typedef {import("../lib/api.js").Answer} Answer */

/**
 * One line. The columns have a row a bucket in which there are points, by `at`, the bucket's number; what is missing is NaN.
 *
 * @typedef {{
 *   id: string, key: string, name: string, status: string, runs: number, merged: number, dropped: number, missing: string,
 *   at: Float64Array, mean: Float64Array, low: Float64Array, high: Float64Array, min: Float64Array, max: Float64Array,
 *   last: Float64Array, count: Float64Array, flags: Float64Array,
 * }} Curve id: of the run or group; low, high: ends of what is drawn around the line; runs: how many it is of; missing:
 *   what is known to be lost of the run, in words
 */
/** @typedef {{id: string, name: string, status: string, runs: number}} Line run or group that is drawn, whether it has the metric or not */
/** @typedef {{grid: Grid, keys: string[], curves: Curve[], lines: Line[], total: number, leftOut: number, grouped: boolean, groups: number, first: number}} Chart first: 0, or the bucket from which on it is the answer to what is new */

/** Bits of `flags`: what a bucket has that has no place on an axis. */
export const NAN = 1;
export const INFINITE = 2;
export const MINUS_INFINITE = 4;

const COLUMNS = /** @type {const} */ (["at", "mean", "low", "high", "min", "max", "last", "count", "flags"]);

/**
 * The one chart of an answer.
 *
 * @param {Answer} answer
 * @param {string} kind of its x axis
 * @returns {Chart}
 */
export function readChart(answer, kind) {
  const { notes } = answer;
  return { ...read(answer), grid: new Grid(notes.grid, kind), first: notes.since ?? 0 };
}

/**
 * The charts of an answer of which each metric has a grid of its own, by the metric.
 *
 * @param {Answer} answer
 * @param {string} kind of their x axes
 * @returns {Map<string, Chart>}
 */
export function readCharts(answer, kind) {
  const { grids, since, keys } = answer.notes;
  const { curves, ...rest } = read(answer);
  return new Map(keys.map((/** @type {string} */ key, /** @type {number} */ i) => [
    key,
    { ...rest, keys: [key], curves: curves.filter((curve) => curve.key === key), grid: new Grid(grids[i], kind), first: since[i] },
  ]));
}

/** @param {Answer} answer @returns {Omit<Chart, "grid" | "first">} */
function read({ notes, parts, total }) {
  const grouped = parts[0].names.includes("group");
  const lines = grouped ? groupsOf(parts[1]) : runsOf(parts[1]);
  const curves = split(parts[0], lines, notes.keys, grouped);
  if (!grouped && parts.length > 2) account(curves, lines, notes.keys, parts[2], parts[3]);
  return { keys: notes.keys, curves, lines, total, leftOut: notes.left_out ?? 0, grouped, groups: notes.groups ?? 0 };
}

/** @param {import("../lib/api.js").Answer["parts"][number]} table @returns {Line[]} */
function runsOf(table) {
  const [ids, names, statuses] = ["run_id", "run_name", "status"].map((name) => values(table, name));
  return ids.map((id, i) => ({ id, name: names[i] ?? id, status: statuses[i] ?? "", runs: 1 }));
}

/** @param {import("../lib/api.js").Answer["parts"][number]} table @returns {Line[]} */
function groupsOf(table) {
  const found = columns(table);
  const fields = [...found.keys()].filter((name) => name !== "group" && name !== "runs");
  const runs = found.get("runs") ?? [];
  return runs.map((many, i) => {
    const said = fields.map((name) => /** @type {[string, any]} */ ([name, found.get(name)?.[i]]));
    return { id: groupId(said.map(([, value]) => value)), name: said.map(([name, value]) => `${bare(name)} = ${value ?? "–"}`).join(", "), status: "", runs: many };
  });
}

/** The id of a group of runs: the values that they have in common. @param {readonly unknown[]} values */
export function groupId(values) {
  return JSON.stringify(values.map((value) => (value === null || value === undefined ? null : String(value))));
}

/** @param {string} name */
function bare(name) {
  return name.replace(/^(params|tags|attributes|metrics)\./, "").replace(/^`(.*)`$/, "$1");
}

/**
 * Rows are sorted by key, line and bucket, so that a curve is a part of each column.
 *
 * @param {import("../lib/api.js").Answer["parts"][number]} table
 * @param {readonly Line[]} lines
 * @param {readonly string[]} keys
 * @param {boolean} grouped
 */
function split(table, lines, keys, grouped) {
  const key = numbers(table, "key");
  const line = numbers(table, grouped ? "group" : "run");
  const of = (/** @type {string} */ name) => numbers(table, name);
  const given = grouped
    ? { at: of("bucket"), mean: of("mean"), low: of("low"), high: of("high"), min: of("min"), max: of("max"), last: of("mean"), count: of("runs"), flags: new Float64Array(key.length) }
    : { at: of("bucket"), mean: of("mean"), low: of("min"), high: of("max"), min: of("min"), max: of("max"), last: of("last"), count: of("count"), flags: of("non_finite") };
  /** @type {Curve[]} */
  const found = [];
  for (let from = 0; from < key.length; ) {
    let to = from + 1;
    while (to < key.length && key[to] === key[from] && line[to] === line[from]) to += 1;
    const parts = Object.fromEntries(COLUMNS.map((name) => [name, given[name].subarray(from, to)]));
    found.push(/** @type {Curve} */ ({ ...lines[line[from]], key: keys[key[from]], merged: 0, dropped: 0, missing: "", ...parts }));
    from = to;
  }
  return found;
}

/**
 * Say of curves what was not stored as it was logged.
 *
 * @param {Curve[]} curves
 * @param {readonly Line[]} lines
 * @param {readonly string[]} keys
 * @param {import("../lib/api.js").Answer["parts"][number]} ledger
 * @param {import("../lib/api.js").Answer["parts"][number]} gaps
 */
function account(curves, lines, keys, ledger, gaps) {
  const places = new Map(curves.map((curve) => [`${curve.id} ${curve.key}`, curve]));
  const [run, key, merged, dropped] = ["run", "key", "merged", "dropped"].map((name) => numbers(ledger, name));
  for (let i = 0; i < run.length; i += 1) {
    const curve = places.get(`${lines[run[i]].id} ${keys[key[i]]}`);
    if (curve) Object.assign(curve, { merged: merged[i], dropped: dropped[i] });
  }
  const [runs, points, exact, reasons] = ["run", "points", "exact", "reason"].map((name) => values(gaps, name));
  for (let i = 0; i < runs.length; i += 1) {
    for (const curve of curves.filter((one) => one.id === lines[runs[i]].id)) {
      curve.missing = `${exact[i] ? "" : "at most "}${points[i]} points of the run are missing: ${reasons[i]}`;
    }
  }
}

/**
 * Put what is new behind what is there; curves of runs that are not drawn any more are left out.
 *
 * @param {Chart} before
 * @param {Chart} news answer to a question with `since`
 * @returns {Chart | null} null when it does not fit, and everything has to be asked for
 */
export function merged(before, news) {
  if (news.first === 0) return news;
  const known = new Map(before.curves.map((curve) => [`${curve.id} ${curve.key}`, curve]));
  if (news.curves.some((curve) => !known.has(`${curve.id} ${curve.key}`))) return null;
  const fresh = new Map(news.curves.map((curve) => [`${curve.id} ${curve.key}`, curve]));
  const drawn = new Set(news.lines.map((line) => line.id));
  const curves = before.curves.filter((curve) => drawn.has(curve.id)).map((curve) => {
    const more = fresh.get(`${curve.id} ${curve.key}`);
    return more ? extended(curve, more, news.first) : curve;
  });
  return { ...news, curves, first: 0 };
}

/** @param {Curve} curve @param {Curve} more @param {number} first */
function extended(curve, more, first) {
  const kept = lowerBound(curve.at, first);
  const parts = Object.fromEntries(COLUMNS.map((name) => [name, joined(curve[name].subarray(0, kept), more[name])]));
  return /** @type {Curve} */ ({ ...curve, name: more.name, status: more.status, runs: more.runs, ...parts });
}

/** @param {Float64Array} a @param {Float64Array} b */
function joined(a, b) {
  const whole = new Float64Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** The first place of ascending numbers that is not below one. @param {Float64Array} sorted @param {number} value */
export function lowerBound(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The row of a curve whose bucket is nearest.
 *
 * @param {Curve} curve
 * @param {number} bucket
 * @param {number} reach buckets that it may be away
 * @returns {number} −1 when there is none
 */
export function nearestRow(curve, bucket, reach) {
  const after = lowerBound(curve.at, bucket);
  const before = after - 1;
  const near = after < curve.at.length && (before < 0 || curve.at[after] - bucket <= bucket - curve.at[before]) ? after : before;
  return near >= 0 && Math.abs(curve.at[near] - bucket) <= reach ? near : -1;
}

/** First and last bucket of some curves; null when they have none. @param {readonly Curve[]} curves @returns {[number, number] | null} */
export function extent(curves) {
  let [low, high] = [Infinity, -Infinity];
  for (const { at } of curves) {
    if (at.length) [low, high] = [Math.min(low, at[0]), Math.max(high, at[at.length - 1])];
  }
  return low <= high ? [low, high] : null;
}
