// Tokens of the filter language, of as much of it as a clause of one field has.
// @ts-check

const TOKEN = new RegExp(
  [
    "\\s+",
    "(?:\\w+\\()?[\\p{L}_][\\p{L}\\p{N}_]*\\.(?:`[^`]*`|\"(?:[^\"\\\\]|\\\\(?!\"))*\"|[^\\s`'\"(),<>=!]+)\\)?", // metrics.a, min(metrics.a)
    "`[^`]*`|[\\p{L}_][\\p{L}\\p{N}_]*",
    "[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?(?![\\w.])",
    "'[^']*'|\"[^\"]*\"",
    "[<>=!]+|[(),]",
  ].join("|"),
  "yu",
);

/**
 * Cut a clause into names, numbers, texts in their quotation marks, and signs.
 *
 * @param {string} text
 * @returns {string[] | null} null when it has something else in it
 */
export function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.length; ) {
    const match = TOKEN.exec(text);
    if (!match) return null;
    if (match[0].trim()) found.push(match[0]);
    at = TOKEN.lastIndex;
  }
  return found.length ? found : null;
}
