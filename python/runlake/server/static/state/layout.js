// Layout: where the columns of the table are, and which of them are in view.
// @ts-check

/** @typedef {{name: string, index: number, left: number, width: number, frozen: boolean}} Placed left: from the edge of its part; index: among all */
/** @typedef {{frozen: Placed[], free: Placed[], frozenWidth: number, width: number}} Layout width: of all, in pixels */

export const SELECT = "\0select";
export const NAME = "run_name";
export const NARROWEST = 48;
export const WIDEST = 1200;
const WIDTHS = /** @type {Record<string, number>} */ ({ [SELECT]: 34, [NAME]: 230, status: 96, start_time: 118, end_time: 118, duration: 104, run_id: 150 });
const USUAL = 124;
const A_CHARACTER = 7.2;
const AROUND = 40;

/**
 * Place columns beside each other: the box to select with and the name, those that stay at the left, all others.
 *
 * @param {readonly string[]} names
 * @param {readonly string[]} frozen
 * @param {ReadonlyMap<string, number>} widths those that were chosen
 * @returns {Layout}
 */
export function place(names, frozen, widths) {
  const kept = new Set([SELECT, NAME, ...frozen]);
  const fixed = [SELECT, ...(names.includes(NAME) ? [NAME] : []), ...frozen.filter((name) => name !== NAME && names.includes(name))];
  const left = beside(fixed, 0, true, widths);
  const free = beside(names.filter((name) => !kept.has(name)), left.length, false, widths);
  const frozenWidth = endOf(left);
  return { frozen: left, free, frozenWidth, width: frozenWidth + endOf(free) };
}

/**
 * The columns that are at least partly between two places.
 *
 * @param {readonly Placed[]} columns
 * @param {number} from in pixels
 * @param {number} to in pixels
 * @returns {[number, number]} place of the first, and the one after the last
 */
export function between(columns, from, to) {
  const first = Math.max(0, firstBehind(columns, from) - 1);
  return [first, Math.max(first, firstBehind(columns, to - 1))];
}

/** The width of a column about which nothing was said. @param {string} name */
export function usualWidth(name) {
  return WIDTHS[name] ?? Math.round(Math.min(220, Math.max(USUAL, keyOf(name).length * A_CHARACTER + AROUND)));
}

/** What a column is called below its kind: lr of params.lr. @param {string} name */
export function keyOf(name) {
  const found = /^(?:params|metrics|tags)\.(`?)(.*)\1$/s.exec(name);
  return found ? found[2] : name;
}

/** The kind of a column: params, metrics, tags, or nothing. @param {string} name */
export function kindOf(name) {
  return /^(params|metrics|tags)\./.exec(name)?.[1] ?? (/^\w+\(/.test(name) ? "metrics" : "");
}

/** Whether what a column shows can be changed. @param {string} name */
export function isEditable(name) {
  return name === NAME || name.startsWith("tags.");
}

/**
 * A list with one name moved before another one, or to the end.
 *
 * @param {readonly string[]} names
 * @param {string} name
 * @param {string | null} before
 */
export function moved(names, name, before) {
  if (name === before) return [...names];
  const rest = names.filter((one) => one !== name);
  const at = before === null || !rest.includes(before) ? rest.length : rest.indexOf(before);
  return [...rest.slice(0, at), name, ...rest.slice(at)];
}

/**
 * @param {readonly string[]} names
 * @param {number} first
 * @param {boolean} frozen
 * @param {ReadonlyMap<string, number>} widths
 */
function beside(names, first, frozen, widths) {
  let left = 0;
  return names.map((name, i) => {
    const width = widths.get(name) ?? usualWidth(name);
    const placed = { name, index: first + i, left, width, frozen };
    left += width;
    return placed;
  });
}

/** @param {readonly Placed[]} columns */
function endOf(columns) {
  const last = columns.at(-1);
  return last ? last.left + last.width : 0;
}

/** The first column that begins behind a place. @param {readonly Placed[]} columns @param {number} at */
function firstBehind(columns, at) {
  let low = 0;
  let high = columns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (columns[middle].left > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
