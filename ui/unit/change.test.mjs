// What the server says of changes is put together without losing anything, and reaches who shows it.
import assert from "node:assert/strict";
import { test } from "node:test";

const { combined, concerns, everything, together } = await import("../../python/runlake/server/static/lib/change.js");

const NOTHING = { tx: 5, experiments: [], runs: [], live: [], points: {}, registry: false };

test("two changes are one with all runs and keys of both", () => {
  const first = { ...NOTHING, tx: 7, experiments: ["1"], runs: ["a"], live: ["1"], points: { a: ["loss"], b: ["acc"] } };
  const second = { ...NOTHING, tx: 8, experiments: ["2"], runs: ["a", "c"], live: ["1"], points: { a: ["acc"], b: null } };
  assert.deepEqual(together(first, second), {
    tx: 8, experiments: ["1", "2"], runs: ["a", "c"], live: ["1"], points: { a: ["loss", "acc"], b: null }, registry: false,
  });
});

test("many stays many, and too many become many", () => {
  assert.equal(together({ ...NOTHING, runs: null }, { ...NOTHING, runs: ["a"] }).runs, null);
  const ids = Array.from({ length: 600 }, (_, n) => `${n}`);
  const more = ids.map((id) => `x${id}`);
  assert.equal(together({ ...NOTHING, runs: ids }, { ...NOTHING, runs: more }).runs, null);
});

test("who shows an experiment hears of its runs and of their points, and of no other's", () => {
  const moved = { ...NOTHING, experiments: ["1"], runs: ["a"] };
  const grown = { ...NOTHING, live: ["1"], points: { a: ["loss"] } };
  for (const change of [moved, grown]) {
    assert.equal(concerns(change, { experiments: ["1", "2"] }), true);
    assert.equal(concerns(change, { experiments: ["2"] }), false);
    assert.equal(concerns(change, { experiments: null }), true);
    assert.equal(concerns(change, { experiments: ["digits"] }), true); // a name: the server knows what it means
  }
  assert.equal(concerns(grown, { experiments: ["1"], points: false }), false);
});

test("who shows a run hears of that run", () => {
  const change = { ...NOTHING, experiments: ["1"], runs: ["a"], live: ["1"], points: { b: ["loss"] } };
  assert.equal(concerns(change, { runs: ["a"] }), true);
  assert.equal(concerns(change, { runs: ["b"] }), true);
  assert.equal(concerns(change, { runs: ["b"], points: false }), false);
  assert.equal(concerns(change, { runs: ["c"] }), false);
});

test("who shows the registry hears of it alone", () => {
  assert.equal(concerns({ ...NOTHING, registry: true }, { registry: true }), true);
  assert.equal(concerns({ ...NOTHING, experiments: ["1"], runs: ["a"] }, { registry: true }), false);
  assert.equal(concerns({ ...NOTHING, registry: true }, { experiments: null }), false);
});

test("everything concerns everybody", () => {
  for (const interest of [{ registry: true }, { runs: ["z"] }, { experiments: ["9"] }, { points: false }]) {
    assert.equal(concerns(everything(1), interest), true);
  }
});

test("a connection is told of what all tabs show together", () => {
  assert.equal(combined([]), null);
  assert.deepEqual(combined([{ registry: true }]), { experiments: [], points: false });
  assert.deepEqual(combined([{ experiments: ["2"], points: false }, { experiments: ["1", "2"] }]), { experiments: ["1", "2"], points: true });
  assert.deepEqual(combined([{ experiments: ["2"] }, { experiments: null, points: false }]), { experiments: null, points: true });
});
