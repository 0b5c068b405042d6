// Axes of parallel coordinates as the address says them, and which ones there are when it says none.
// @ts-check
import { view as ask } from "../lib/api.js";
import { columns } from "../lib/arrow.js";
import { isWritable } from "../lib/clauses.js";
import { byJudgement, isSeed } from "../lib/judging.js";

/** @typedef {{name: string, scale: string, flip: boolean}} Spec an axis; `scale`: auto, linear, log or category */
/** @typedef {{name: string, kind: string, key: string, type: string, runs: number, min: number | null, max: number | null, distinct: number}} Column */

export const SCALES = Object.freeze(["linear", "log", "category"]);
/** Functions of a metric that can stand on an axis; the first is what the metric is by itself. */
export const FUNCTIONS = Object.freeze(["last", "min", "max", "mean", "first", "count", "argmin", "argmax"]);

const MOST_PARAMS = 5;
const MOST_METRICS = 2;
const LOOKED_AT = 60;
const DECADES = 50; // numbers that differ by this factor are shown on a scale of their logarithms
const FEW = 8; // values of a parameter that stand side by side: 16, 32 and 64 are three choices
const METRIC = /^(?:(\w+)\()?(metrics\..*?)\)?$/s;

/**
 * Read an axis.
 *
 * @param {string} text `params.lr~log~flip`: a tilde that belongs to a name is in quotes, so that none of these ends it
 * @returns {Spec | null}
 */
export function specOf(text) {
  const [, name, said] = /** @type {string[]} */ (/^(.*?)((?:~(?:linear|log|category|flip))*)$/s.exec(text));
  const words = said.split("~");
  return isWritable(name) ? { name, scale: SCALES.find((scale) => words.includes(scale)) ?? "auto", flip: words.includes("flip") } : null;
}

/** Write an axis. @param {Spec} spec */
export function textOf({ name, scale, flip }) {
  return name + (scale === "auto" ? "" : `~${scale}`) + (flip ? "~flip" : "");
}

/** Axes, of which each field has one. @param {readonly string[]} texts @returns {Spec[]} */
export function specsOf(texts) {
  const found = new Map();
  for (const text of texts) {
    const spec = specOf(text);
    if (spec && !found.has(spec.name)) found.set(spec.name, spec);
  }
  return [...found.values()];
}

/** The name of a field without its kind and its quotation marks, for people. @param {string} name */
export function shortName(name) {
  const unquoted = (/** @type {string} */ text) => text.replace(/^(?:metrics|params|tags)\./, "").replace(/^([`"])(.*)\1$/s, "$2");
  const [, reduced, metric] = METRIC.exec(name) ?? [];
  return reduced ? `${reduced} ${unquoted(metric)}` : unquoted(name);
}

/** The metric and the function of an axis, or null. @param {string} name @returns {{metric: string, reduced: string} | null} */
export function metricOf(name) {
  const [, reduced = "last", metric] = METRIC.exec(name) ?? [];
  return metric ? { metric, reduced } : null;
}

/** The name of a function of a metric. @param {string} metric @param {string} reduced */
export function reducedName(metric, reduced) {
  return reduced === "last" ? metric : `${reduced}(${metric})`;
}

/** The axis that a column is best shown on. @param {Column} column @returns {Spec} */
export function fittingAxis({ name, kind, type, min, max, distinct }) {
  if (kind === "params" && min !== null && distinct > 0 && distinct <= FEW) return { name, scale: "category", flip: false };
  const isWide = min !== null && max !== null && min > 0 && max / min >= DECADES && !/^(?:String|Boolean|Datetime|Duration)/.test(type);
  return { name, scale: isWide ? "log" : "auto", flip: false };
}

/**
 * Choose axes: parameters that differ, those of numbers with many values first and seeds only where there is little else,
 * then the metrics that are ordered by and those by which runs are judged.
 *
 * @param {readonly Column[]} params that differ
 * @param {readonly Column[]} metrics
 * @param {readonly string[]} sort lines of an order
 * @returns {Spec[]}
 */
export function chosenAxes(params, metrics, sort) {
  const usable = params.filter((column) => isWritable(column.name) && column.distinct > 1);
  const telling = usable.filter((column) => !isSeed(column.key));
  const rank = (/** @type {Column} */ column) => (column.min === null ? (column.distinct > 20 ? 2 : 1) : 0);
  const some = telling.length < 2 ? usable : telling;
  const few = some.length <= MOST_PARAMS ? some : [...some].sort((a, b) => rank(a) - rank(b) || b.distinct - a.distinct).slice(0, MOST_PARAMS);
  const ordered = sort.map((line) => line.replace(/\s+(?:asc|desc)$/i, "")).filter((name) => metricOf(name) !== null && isWritable(name));
  const known = byJudgement(metrics.filter((column) => isWritable(column.name)));
  const names = [...new Set([...ordered, ...known.map((column) => column.name)])].slice(0, MOST_METRICS);
  const last = names.map((name) => fittingAxis(known.find((column) => column.name === name) ?? { name, kind: "metrics", key: name, type: "", runs: 0, min: null, max: null, distinct: 0 }));
  return [...few.map(fittingAxis), ...last];
}

/**
 * Ask which columns there are.
 *
 * @param {Record<string, unknown>} question experiments and view
 * @param {Record<string, unknown>} fields `q`, `kind`, `differs`, `limit`
 * @param {AbortSignal} signal
 * @returns {Promise<Column[]>}
 */
export async function askColumns(question, fields, signal) {
  const { parts } = await ask("columns", { ...question, limit: LOOKED_AT, ...fields }, { signal });
  const read = columns(parts[0]);
  const names = [...read.keys()];
  return Array.from({ length: parts[0].numRows }, (_, i) => /** @type {any} */ (Object.fromEntries(names.map((name) => [name, read.get(name)?.[i] ?? null]))));
}
