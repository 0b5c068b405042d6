// Opened: which rows of the table are open, as the address says it. A row is said by the path to it: `/adam/0.001` is the
// group of 0.001 in that of adam, `/<id>/<id>` a run below another one. Who opens a row opens those that it is in, so
// that only the ends of paths are said.
// @ts-check

const LONGEST = 40;

/**
 * The path of a row.
 *
 * @param {string} above that of the row below which it is; empty for none
 * @param {unknown} value what the runs of a group have in common, or the id of a run
 */
export function pathBelow(above, value) {
  return `${above}/${partOf(value)}`;
}

/**
 * A value as a part of a path, of at most some 40 characters: a text with `~0` for `~` and `~1` for `/`, as in a JSON
 * pointer; `~` is none, and `~x` comes before the digest of a longer text.
 *
 * @param {unknown} value
 */
function partOf(value) {
  if (value === null || value === undefined) return "~";
  const text = String(value);
  return text.length > LONGEST ? `~x${digest(text)}` : text.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Whether a row is open. @param {readonly string[]} open @param {string} path */
export function isOpen(open, path) {
  return open.some((one) => one === path || one.startsWith(`${path}/`));
}

/** What is open when a row is opened as well. @param {readonly string[]} open @param {string} path */
export function withOpened(open, path) {
  return isOpen(open, path) ? [...open] : [...open.filter((one) => !path.startsWith(`${one}/`)), path];
}

/** What is open when a row is closed, with all that is below it. @param {readonly string[]} open @param {string} path */
export function withClosed(open, path) {
  const left = open.filter((one) => one !== path && !one.startsWith(`${path}/`));
  const above = path.slice(0, path.lastIndexOf("/"));
  return above === "" || left.length === open.length || isOpen(left, above) ? left : [...left, above];
}

/** 53 bits of a text: two texts of which one is opened for the other are as good as never met. @param {string} text */
function digest(text) {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}
