// What pointers and keys make of the brush on an axis.
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, endsOf, movedBy, withCategories, withMissing, wordsOf } from "../../python/runlake/server/static/charts/parallel_choice.js";
import { clauseOf } from "../../python/runlake/server/static/lib/clauses.js";

const LR = { key: "params.lr", scale: "log", bins: 128, low: 1e-5, high: 0.1 };
const DEPTH = { key: "params.depth", scale: "linear", bins: 7, low: 1.5, high: 8.5, whole: true };
const OPT = { key: "params.opt", scale: "category", bins: 4, values: ["adam", "lion", "sgd", null] };

test("an end of an axis is no bound, and bounds are as round as can be seen", () => {
  assert.deepEqual(between(LR, 0.5, 0.75, 0.01, false)?.range, [0.001, 0.01]);
  assert.deepEqual(between(LR, 0.8, 0, 0.01, false)?.range, [null, 0.016]);
  assert.equal(between(LR, 0, 1, 0.01, false), null);
  assert.deepEqual(between(LR, 0, 1, 0.01, true)?.missing, true);
});

test("a brush over whole numbers has those whose bins it covers most of, and one at least", () => {
  const range = (/** @type {number} */ from, /** @type {number} */ to) => between(DEPTH, from / 7, to / 7, 0.01, false)?.range;
  assert.deepEqual(range(1.1, 2.9), [3, 4]);
  assert.deepEqual(range(2.2, 2.4), [4, 4]);
  assert.deepEqual(range(5.1, 6.9), [7, null]);
  assert.deepEqual(endsOf(DEPTH, /** @type {any} */ ({ range: [3, 4] })).map((part) => Math.round(part * 7)), [1, 3]);
});

test("categories are chosen one by one, and with all others everything but the rest", () => {
  const lion = withCategories(OPT, undefined, [1], true);
  assert.deepEqual([lion?.values, lion?.except], [["lion"], false]);
  const both = withCategories(OPT, lion ?? undefined, [2], true);
  assert.deepEqual(both?.values, ["lion", "sgd"]);
  assert.equal(withCategories(OPT, lion ?? undefined, [1], false), null);
  const others = withCategories(OPT, lion ?? undefined, [3], true);
  assert.deepEqual([others?.values, others?.except], [["adam", "sgd"], true]);
  const about = { name: OPT.key, scale: OPT.scale, unplaced: 0 };
  assert.equal(clauseOf(about, /** @type {any} */ (withMissing(others ?? undefined))), "(params.opt NOT IN ('adam', 'sgd') OR params.opt IS NULL)");
  assert.equal(withMissing(withMissing(undefined) ?? undefined), null);
});

test("keys move a bound by a part of the axis, or by a whole number", () => {
  assert.equal(movedBy("ArrowUp", LR, 0.5), 0.5 + 1 / 64);
  assert.equal(movedBy("PageDown", LR, 0.1), 0);
  assert.equal(movedBy("End", LR, 0.1), 1);
  assert.ok(Math.abs(/** @type {number} */ (movedBy("ArrowLeft", DEPTH, 0.5)) - (0.5 - 1 / 7)) < 1e-12);
  assert.equal(movedBy("a", LR, 0.5), null);
});

test("a brush is said in words", () => {
  assert.equal(wordsOf(LR, between(LR, 0.5, 1, 0.01, true) ?? undefined), "from 0.001, without a value");
  assert.equal(wordsOf(OPT, withCategories(OPT, undefined, [0, 3], true) ?? undefined), "all but 2 values");
  assert.equal(wordsOf(LR, undefined), "");
});
