// Words that somebody looks for in names.
// @ts-check

/**
 * What tells whether every word of a text is in some of a thing's names, whatever their capitals. A text without words
 * finds everything.
 *
 * @param {string} text
 * @returns {(...names: readonly string[]) => boolean}
 */
export function finder(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (...names) => words.every((word) => names.some((name) => name.toLowerCase().includes(word)));
}
