// One rule decides which runs are drawn.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = /** @type {any} */ ({ pathname: "/runs", search: "", href: "http://localhost/runs" });
const { decide } = await import("../../python/runlake/server/static/state/visible.js");

test("the first runs of the order are drawn", () => {
  assert.deepEqual(decide(["a", "b", "c"], { top: 2, pins: [], hides: [] }), ["a", "b"]);
});

test("pinned runs are drawn first and do not take the place of others", () => {
  assert.deepEqual(decide(["a", "b", "c"], { top: 2, pins: ["c", "z"], hides: [] }), ["c", "z", "a", "b"]);
});

test("hidden runs make room for the next ones, pinned or not", () => {
  assert.deepEqual(decide(["a", "b", "c"], { top: 2, pins: ["c"], hides: ["a", "c"] }), ["b"]);
});
