// Rows of a comparison: what is told apart, what is asked for of it, and what of that is seen.
// @ts-check
import { safeField } from "../lib/csv.js";
import { finder } from "../lib/words.js";

/** @typedef {{kind: string, key: string, field: string, differs: boolean, values: (string | null)[]}} Row as the server says it; values: one a run */
/** @typedef {{kind: string} | {row: Row}} Line a heading, or a row below it */

/** What there is to compare, in the order in which it is shown. */
export const KINDS = /** @type {Record<string, string>} */ ({ attribute: "Attributes", param: "Parameters", metric: "Metrics", tag: "Tags", package: "Packages" });

const ALWAYS_DIFFERENT = ["run_id", "run_name"]; // which are in the head of the table
const BY_ITSELF = /^runlake\.(requirements|diff)$/; // digests of what is compared below

/**
 * The lines that are seen, under a heading for each kind that has some.
 *
 * @param {readonly Row[]} rows
 * @param {{text: string, folded: ReadonlySet<string>}} asked text: words that a key, a field or a value has; folded: kinds
 * @returns {Line[]}
 */
export function seen(rows, { text, folded }) {
  const isFound = finder(text);
  const wanted = rows.filter((row) => isWanted(row) && isFound(...namesOf(row)));
  return Object.keys(KINDS).flatMap((kind) => {
    const found = wanted.filter((row) => row.kind === kind);
    if (found.length === 0) return [];
    return [{ kind }, ...(folded.has(kind) ? [] : found.map((row) => ({ row })))];
  });
}

/** @param {Row} row */
function isWanted({ kind, key }) {
  if (kind === "attribute") return !ALWAYS_DIFFERENT.includes(key);
  return kind !== "tag" || !BY_ITSELF.test(key);
}

/** What a row is found by. @param {Row} row @returns {string[]} */
function namesOf({ kind, key, field, values }) {
  return [key, ...(kind === "metric" ? [field] : []), ...values.filter((value) => value !== null)];
}

/**
 * A row as a line of CSV.
 *
 * @param {Row} row
 */
function csvOf({ kind, key, field, values }) {
  return [kind, key, field, ...values.map((value) => value ?? "")].map(safeField).join(",");
}

/** @param {readonly string[]} names of the runs @param {readonly Row[]} rows */
export function csv(names, rows) {
  return [["kind", "key", "field", ...names].map(safeField).join(","), ...rows.map(csvOf)].map((line) => `${line}\n`).join("");
}
