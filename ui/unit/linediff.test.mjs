// What two texts have in common, line by line.
import assert from "node:assert/strict";
import { test } from "node:test";
import { diff, folded } from "../../python/runlake/server/static/lib/linediff.js";

/** @param {string} first @param {string} second */
function written(first, second) {
  return diff(first, second).lines.map(({ kind, text }) => kind + text).join("|");
}

test("lines that were added, removed and changed are found", () => {
  assert.equal(written("a\nb\nc", "a\nc\nd"), "=a|-b|=c|+d");
  assert.equal(written("lr: 1\nx: 2", "lr: 3\nx: 2"), "-lr: 1|+lr: 3|=x: 2");
  assert.equal(written("", "a"), "+a");
  assert.equal(written("a", ""), "-a");
  assert.equal(written("", ""), "");
});

test("ends of lines and of files make no difference", () => {
  assert.equal(written("a\r\nb\n", "a\nb"), "=a|=b");
});

test("both texts can be read out of a difference, and what is common is as long as can be", () => {
  let seed = 1;
  const next = () => (seed = (seed * 48271) % 2147483647);
  for (let round = 0; round < 200; round += 1) {
    const [a, b] = [0, 1].map(() => Array.from({ length: next() % 12 }, () => "abc"[next() % 3]));
    const { lines } = diff(a.join("\n"), b.join("\n"));
    assert.deepEqual(lines.filter(({ kind }) => kind !== "+").map(({ text }) => text), a);
    assert.deepEqual(lines.filter(({ kind }) => kind !== "-").map(({ text }) => text), b);
    assert.equal(lines.filter(({ kind }) => kind === "=").length, longest(a, b));
  }
});

/** @param {string[]} a @param {string[]} b @returns {number} */
function longest(a, b) {
  if (!a.length || !b.length) return 0;
  const [x, y] = [a.slice(1), b.slice(1)];
  return a[0] === b[0] ? 1 + longest(x, y) : Math.max(longest(x, b), longest(a, y));
}

test("long texts that differ in all lines are not compared for ever", () => {
  const text = (/** @type {string} */ word) => Array.from({ length: 5000 }, (_, i) => word + i).join("\n");
  const { lines, whole } = diff(`same\n${text("a")}`, `same\n${text("b")}`);
  assert.deepEqual([whole, lines.length, lines[0].kind], [false, 10_001, "="]);
});

test("lines that are alike and far from a difference are left out", () => {
  const { lines } = diff("1\n2\n3\n4\n5\n6\n7", "1\n2\n3\n4\nx\n6\n7");
  assert.deepEqual(folded(lines, 1).map((one) => (typeof one === "number" ? one : one.kind + one.text)), [3, "=4", "-5", "+x", "=6", 1]);
  assert.deepEqual(folded(diff("a\nb", "a\nb").lines, 3), [2]);
});
