// Line diff: what two texts have in common, and what only one of them has.
// @ts-check

/**
 * Lines that both have (`=`), that only the first has (`-`), or only the second (`+`).
 *
 * @typedef {{kind: "=" | "-" | "+", text: string}} Line
 */
/** @typedef {{lines: Line[], whole: boolean}} Difference whole: false where the texts differ too much, so that it need not be the shortest */

const MOST_CELLS = 4_000_000; // of a table of common lines: 16 MB, some tens of milliseconds

/**
 * Compare two texts line by line.
 *
 * Lines at the beginning and end that are alike are taken off first; of the rest the longest common subsequence is kept,
 * or, where that would take too long, nothing.
 *
 * @param {string} first
 * @param {string} second
 * @returns {Difference}
 */
export function diff(first, second) {
  const [a, b] = [split(first), split(second)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const whole = left.length * right.length <= MOST_CELLS;
  const between = whole ? common(left, right) : [...left.map((text) => line("-", text)), ...right.map((text) => line("+", text))];
  return { lines: [...a.slice(0, start).map(alike), ...between, ...a.slice(a.length - end).map(alike)], whole };
}

/**
 * Leave out lines that are alike, but for some around each difference.
 *
 * @param {readonly Line[]} lines
 * @param {number} around
 * @returns {(Line | number)[]} a number is how many lines were left out
 */
export function folded(lines, around) {
  const kept = new Uint8Array(lines.length);
  lines.forEach(({ kind }, at) => {
    if (kind !== "=") kept.fill(1, Math.max(0, at - around), at + around + 1);
  });
  /** @type {(Line | number)[]} */
  const found = [];
  lines.forEach((one, at) => {
    const last = found.at(-1);
    if (kept[at]) found.push(one);
    else if (typeof last === "number") found[found.length - 1] = last + 1;
    else found.push(1);
  });
  return found;
}

/** @param {string} text */
function split(text) {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** @param {Line["kind"]} kind @param {string} text @returns {Line} */
function line(kind, text) {
  return { kind, text };
}

/** @param {string} text */
function alike(text) {
  return line("=", text);
}

/** @param {readonly string[]} a @param {readonly string[]} b */
function common(a, b) {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width); // from each place on
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = a[i] === b[j]
        ? longest[(i + 1) * width + j + 1] + 1
        : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const same = i < a.length && j < b.length && a[i] === b[j];
    const removed = j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1]);
    found.push(same ? line("=", a[i]) : removed ? line("-", a[i]) : line("+", b[j]));
    if (same || removed) i += 1;
    if (same || !removed) j += 1;
  }
  return found;
}
