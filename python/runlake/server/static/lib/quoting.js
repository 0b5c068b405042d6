// Names and texts as the filter language writes them. It has no escapes: see docs/filters.md.
// @ts-check

const PLAIN = /^[\w/:-][\w/:.-]*$/u;

/**
 * A text in whichever quotation marks it does not have.
 *
 * @param {string} text
 * @returns {string | null} null when it cannot be written: it has both kinds, or a backslash at its end
 */
export function quoted(text) {
  return between(text, ["'", '"']);
}

/**
 * A column as a filter names it: params.lr, metrics.`val loss`.
 *
 * @param {string} kind `params`, `metrics`, `tags`, or `attributes`, which stand alone
 * @param {string} key
 * @returns {string | null} null when the key cannot be written
 */
export function named(kind, key) {
  if (kind === "attributes") return key;
  const said = PLAIN.test(key) && !/\.(\.|$)/.test(key) ? key : key.includes("`") ? between(key, ['"', "'"]) : `\`${key}\``;
  return said === null ? null : `${kind}.${said}`;
}

/** A number as the filter language reads it, to the same 64 bits. @param {number} value */
export function numberText(value) {
  if (value === Infinity) return "1e999";
  if (value === -Infinity) return "-1e999";
  return String(value).replace("e+", "e");
}

/** @param {string} text @param {string[]} marks */
function between(text, marks) {
  const mark = text.endsWith("\\") ? undefined : marks.find((one) => !text.includes(one));
  return mark === undefined ? null : mark + text + mark;
}
