// Inks: the colour of each run, its own or by the values of a column, with what the colours mean.
// @ts-check
import { computed, effect, signal } from "../vendor/preact.js";
import { isAbort } from "../lib/api.js";
import { inkOf, shadeBetween } from "../lib/color.js";
import { search } from "./columns.js";
import { keyOf, kindOf } from "./layout.js";
import { dark } from "./theme.js";
import { view } from "./view.js";

/**
 * Ends of the column that colours are of, over the runs that the written filter leaves: what is filtered out takes no colours
 * from those that are looked at, and a brush that is drawn on an axis does not colour all of them anew. Null when it has texts, or none is chosen.
 *
 * @type {import("../vendor/preact.js").Signal<{low: number, high: number} | null>}
 */
export const ends = signal(null);

/** What colours are of: nothing, numbers from low to high, or values. */
export const meaning = computed(() => {
  const name = view.color.value;
  return { name, low: ends.value?.low ?? NaN, high: ends.value?.high ?? NaN, isNumber: ends.value !== null };
});

/**
 * The colour of a run.
 *
 * @param {string} id
 * @param {any} value of the column that colours are of
 * @returns {string}
 */
export function colorOf(id, value) {
  const { name, low, high, isNumber } = meaning.value;
  if (!name) return inkOf(id, dark.value).color;
  if (value === null || value === undefined || Number.isNaN(value)) return "var(--line-strong)";
  if (!isNumber || typeof value !== "number") return inkOf(String(value), dark.value).color;
  return shadeBetween(value, low, high, dark.value);
}

/** Look for the ends of the column as long as the page is there. @returns {() => void} */
export function begin() {
  let before = "";
  return effect(() => {
    const name = view.color.value;
    const where = view.where.value.trim() || undefined;
    view.experiments.value; // other runs have other ends
    if (name !== before) ends.value = null;
    before = name;
    if (!name) return undefined;
    const stop = new AbortController();
    const kind = kindOf(name);
    search({ q: keyOf(name.replace(/^\w+\((.*)\)$/s, "$1")), kind: kind ? [kind] : ["attributes"], limit: 20, where }, stop.signal).then(
      ({ columns }) => {
        const found = columns.find((column) => name === column.name || name.endsWith(`(${column.name})`));
        ends.value = found && found.min !== null && found.max !== null ? { low: found.min, high: found.max } : null;
      },
      (error) => { if (!isAbort(error)) ends.value = null; },
    );
    return () => stop.abort();
  });
}
