// Fields of CSV.
// @ts-check

/** A field as RFC 4180 has it: in quotation marks where it has to be. @param {string} text */
export function field(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A field of what may be a number or a text of any kind: what a spreadsheet would run as a formula, and is no number, is made a text. @param {string} text */
export function safeField(text) {
  return field(Number.isNaN(Number(text)) && text !== "-inf" ? harmless(text) : text);
}

/** A text that no spreadsheet runs as a formula: one that begins like a formula has an apostrophe before it. @param {string} text */
export function harmless(text) {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
