// Fields of CSV.
// @ts-check

/** A field as RFC 4180 has it: in quotation marks where it has to be. @param {string} text */
export function field(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A text that no spreadsheet runs as a formula: one that begins like a formula has an apostrophe before it. @param {string} text */
export function harmless(text) {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
