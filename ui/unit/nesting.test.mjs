// Keys with dots as a tree.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lines, nest } from "../../python/runlake/server/static/lib/nesting.js";

/** @param {readonly string[]} keys @param {readonly string[]} [closed] */
function shown(keys, closed = []) {
  return lines(nest(keys), new Set(closed)).map(({ node, depth }) => `${"  ".repeat(depth)}${node.name}${node.key === null ? "/" : ""}`);
}

test("keys with common beginnings are below each other, in their order", () => {
  assert.deepEqual(shown(["lr", "model.depth", "model.width", "seed"]), ["lr", "model/", "  depth", "  width", "seed"]);
});

test("what leads to a single key is one line with it", () => {
  assert.deepEqual(shown(["a.b.c", "a.b.d", "x.y.z"]), ["a.b/", "  c", "  d", "x.y.z"]);
});

test("a key may be the beginning of others", () => {
  assert.deepEqual(shown(["model", "model.depth"]), ["model", "  depth"]);
  assert.deepEqual(shown(["model.depth", "model"]), ["model", "  depth"]);
});

test("dots that divide nothing are part of the name", () => {
  assert.deepEqual(shown([".hidden", "end.", "a..b", "..", "."]), [".hidden", "end.", "a..b", "..", "."]);
  assert.deepEqual(shown(["__proto__.x", "constructor.x"]), ["__proto__.x", "constructor.x"]);
});

test("what is closed hides all that is in it, and says how much that is", () => {
  const keys = ["a.b.c", "a.b.d", "a.e", "f"];
  assert.deepEqual(shown(keys, ["a.b"]), ["a/", "  b/", "  e", "f"]);
  assert.deepEqual(shown(keys, ["a"]), ["a/", "f"]);
  assert.equal(nest(keys)[0].leaves, 3);
});

test("every key is there once, whatever the keys are", () => {
  const parts = ["a", "b", "", ".", "a.b"];
  const keys = [...new Set(parts.flatMap((x) => parts.flatMap((y) => parts.map((z) => `${x}.${y}.${z}`))))];
  const found = lines(nest(keys), new Set()).flatMap(({ node }) => (node.key === null ? [] : [node.key]));
  assert.deepEqual([...found].sort(), [...keys].sort());
});
