// JSON as lines.
import assert from "node:assert/strict";
import { test } from "node:test";
import { flat, parse } from "../../python/runlake/server/static/lib/jsonlines.js";

/** @param {string} text @param {readonly string[]} [closed] */
function shown(text, closed = []) {
  return flat(parse(text), new Set(closed)).map(({ depth, name, text: written }) => `${" ".repeat(depth)}${name === null ? "" : `${name}: `}${written}`);
}

test("what is in something is below it, in its order", () => {
  assert.deepEqual(shown('{"b": [1, null], "a": {"x": true}}'), ["{2}", " b: [2]", "  0: 1", "  1: null", " a: {1}", "  x: true"]);
  assert.deepEqual(shown('"text"'), ['"text"']);
});

test("what is closed is one line", () => {
  assert.deepEqual(shown('{"b": [1, 2], "a": 1}', ["/b"]), ["{2}", " b: [2]", " a: 1"]);
  assert.deepEqual(shown("[[]]"), ["[1]", " 0: [0]"]);
});

test("what is no JSON is told from null", () => {
  assert.equal(parse("{"), undefined);
  assert.equal(parse("null"), null);
});

test("keys that mean something to the language are keys", () => {
  assert.deepEqual(shown('{"__proto__": 1, "constructor": 2}'), ["{2}", " __proto__: 1", " constructor: 2"]);
});

test("nothing is too deep or too long", () => {
  assert.equal(flat(parse("[".repeat(500) + "]".repeat(500)), new Set()).length, 500);
  assert.equal(flat(Array.from({ length: 300_000 }, () => 0), new Set()).length, 200_000);
});
