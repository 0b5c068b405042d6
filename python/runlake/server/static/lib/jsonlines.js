// JSON as lines: a value, and below it what is in it, each with how deep it is.
// @ts-check

/**
 * @typedef {{path: string, depth: number, name: string | null, text: string, kind: "text" | "number" | "other", size: number, open: boolean}} Line
 *   name: the key or index, null for the whole; size: how many things are in it; open: whether they are below
 */

const LONGEST = 2000; // characters of a text
const MOST_LINES = 200_000;

/** A number as it is written, which may have more digits than a number here. */
class Digits {
  /** @param {string} source */
  constructor(source) {
    this.source = source;
  }
}

/**
 * Read JSON.
 *
 * @param {string} text
 * @returns {unknown} undefined when it is none
 */
export function parse(text) {
  try {
    return JSON.parse(text, /** @type {any} */ (exact));
  } catch {
    return undefined;
  }
}

/** @param {string} _key @param {unknown} value @param {{source?: string}} [context] what newer browsers tell */
function exact(_key, value, context) {
  return typeof value === "number" && context?.source !== undefined ? new Digits(context.source) : value;
}

/**
 * The lines of a value; what is closed has none below it.
 *
 * @param {unknown} value
 * @param {ReadonlySet<string>} closed paths
 * @returns {Line[]} at most 200,000
 */
export function flat(value, closed) {
  /** @type {Line[]} */
  const found = [];
  /** @type {{value: unknown, path: string, depth: number, name: string | null}[]} */
  const waiting = [{ value, path: "", depth: 0, name: null }];
  while (waiting.length && found.length < MOST_LINES) {
    const one = /** @type {NonNullable<ReturnType<typeof waiting.pop>>} */ (waiting.pop());
    const inside = entries(one.value);
    const open = !closed.has(one.path);
    found.push({ path: one.path, depth: one.depth, name: one.name, ...written(one.value), size: inside.length, open });
    if (!open) continue;
    for (let i = inside.length - 1; i >= 0; i -= 1) {
      const [name, child] = inside[i];
      waiting.push({ value: child, path: `${one.path}/${name}`, depth: one.depth + 1, name });
    }
  }
  return found;
}

/** @param {unknown} value @returns {[string, unknown][]} */
function entries(value) {
  if (value instanceof Digits || value === null || typeof value !== "object") return [];
  return Object.entries(value);
}

/** @param {unknown} value @returns {{text: string, kind: Line["kind"]}} */
function written(value) {
  if (value instanceof Digits) return { text: value.source, kind: "number" };
  if (typeof value === "number") return { text: String(value), kind: "number" };
  if (typeof value === "string") return { text: JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value), kind: "text" };
  if (Array.isArray(value)) return { text: `[${value.length}]`, kind: "other" };
  if (value !== null && typeof value === "object") return { text: `{${Object.keys(value).length}}`, kind: "other" };
  return { text: String(value), kind: "other" };
}
