// Written filters: places in a text, which the server counts in characters and the browser in halves of some of them.
// @ts-check

/** @typedef {{text: string, kind: string, detail: string}} Choice what may be written */
/** @typedef {{error: {message: string, hint: string | null, span: [number, number] | null} | null, count: number | null, start: number, completions: Choice[]}} Judged */

/** Characters before a place of a text. @param {string} text @param {number} at */
export function charactersTo(text, at) {
  return [...text.slice(0, at)].length;
}

/** The place in a text behind so many characters. @param {string} text @param {number} characters */
export function placeOf(text, characters) {
  return [...text].slice(0, characters).join("").length;
}

/**
 * A text with what was chosen in it, and where writing goes on.
 *
 * @param {string} text
 * @param {number} at the place of the caret
 * @param {number} start what is replaced begins there, in characters
 * @param {Choice} choice
 * @returns {{text: string, at: number}}
 */
export function completed(text, at, start, choice) {
  const from = placeOf(text, start);
  const rest = text.slice(at);
  const space = choice.kind === "function" || /^[\s)]/.test(rest) ? "" : " ";
  const before = text.slice(0, from) + choice.text + space;
  return { text: before + rest, at: before.length };
}

/**
 * A text cut at a mistake: before, the mistake, behind. A mistake at the very end gets a place of its own.
 *
 * @param {string} text
 * @param {[number, number] | null} span in characters
 * @returns {[string, string, string]}
 */
export function cutAt(text, span) {
  if (!span) return [text, "", ""];
  const [from, to] = span.map((characters) => placeOf(text, characters));
  return [text.slice(0, from), text.slice(from, to) || " ", text.slice(to)];
}

/** The first line of a message: those behind it draw a caret below the text. @param {string} message */
export function firstLine(message) {
  return message.split("\n", 1)[0];
}
