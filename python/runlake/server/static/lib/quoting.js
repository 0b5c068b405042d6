// Values as the filter language writes them. It has no escapes: see docs/filters.md.
// @ts-check

/**
 * A text in whichever quotation marks it does not have.
 *
 * @param {string} text
 * @returns {string | null} null when it cannot be written: it has both kinds, or a backslash at its end
 */
export function quoted(text) {
  const mark = text.endsWith("\\") ? undefined : ["'", '"'].find((one) => !text.includes(one));
  return mark === undefined ? null : mark + text + mark;
}

/** A number as the filter language reads it, to the same 64 bits. @param {number} value */
export function numberText(value) {
  if (value === Infinity) return "1e999";
  if (value === -Infinity) return "-1e999";
  return String(value).replace("e+", "e");
}

/** So many characters a pattern of the filter language has at most. */
export const LONGEST_PATTERN = 2000;

/** A text as a regular expression that finds it and nothing else, for single quotation marks. @param {string} text */
export function escaped(text) {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&").replaceAll("'", "\\x27");
}
