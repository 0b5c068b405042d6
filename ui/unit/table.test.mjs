// What the table of runs computes: places of columns, rows below rows, orders, keys, clauses.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = /** @type {any} */ ({ pathname: "/runs", search: "", href: "http://localhost/runs", hash: "" });
const { between, keyOf, moved, place } = await import("../../python/runlake/server/static/state/layout.js");
const { List } = await import("../../python/runlake/server/static/state/tree.js");
const { clicked, read, sortOf } = await import("../../python/runlake/server/static/table/sorting.js");
const { towards } = await import("../../python/runlake/server/static/table/keys.js");
const { clauseOf } = await import("../../python/runlake/server/static/lib/condition.js");
const { parse } = await import("../../python/runlake/server/static/lib/url.js");
const { firstRequest, windowOf } = await import("../../python/runlake/server/static/lib/rows.js");

const WIDE = Array.from({ length: 12_000 }, (_, i) => `metrics.m${i}`);

test("columns stand beside each other, the name and what is kept at the left apart", () => {
  const layout = place(["run_name", "status", "metrics.a", "params.b"], ["params.b"], new Map([["metrics.a", 300]]));
  assert.deepEqual(layout.frozen.map((one) => one.name), ["\0select", "run_name", "params.b"]);
  assert.deepEqual(layout.free.map((one) => [one.name, one.left, one.width, one.index]), [["status", 0, 96, 3], ["metrics.a", 96, 300, 4]]);
  assert.equal(layout.width, layout.frozenWidth + 396);
});

test("of 12,000 columns those in view are found, partly seen ones among them", () => {
  const { free } = place(["run_name", ...WIDE], [], new Map());
  const [from, to] = between(free, free[5000].left + 1, free[5000].left + 500);
  assert.equal(from, 5000);
  assert.ok(free[to - 1].left < free[5000].left + 500 && free[to].left >= free[5000].left + 500);
  assert.deepEqual(between([], 0, 100), [0, 0]);
});

test("a key is what a column is called below its kind", () => {
  assert.deepEqual(["params.lr", "metrics.`val loss`", "status", "min(metrics.a)"].map(keyOf), ["lr", "val loss", "status", "min(metrics.a)"]);
});

test("a name is moved before another one or to the end", () => {
  assert.deepEqual(moved(["a", "b", "c"], "c", "a"), ["c", "a", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], "a", null), ["b", "c", "a"]);
  assert.deepEqual(moved(["a", "b"], "a", "a"), ["a", "b"]);
});

test("rows of opened lists stand below the row that was opened, to any depth", () => {
  const root = new List(/** @type {any} */ ({ total: 3 }));
  const below = new List(/** @type {any} */ ({ total: 2 }), root, 1);
  const deep = new List(/** @type {any} */ ({ total: 4 }), below, 0);
  const waiting = new List(/** @type {any} */ ({ total: NaN }), root, 2);
  root.open.set(2, waiting).set(1, below);
  below.open.set(0, deep);
  assert.equal(root.height, 3 + 2 + 4 + 1);
  /** @type {any[]} */
  const seen = Array.from({ length: 11 }, (_, row) => root.find(row));
  const names = new Map([[root, "r"], [below, "b"], [deep, "d"], [waiting, "w"]]);
  assert.deepEqual(seen.map((one) => one && names.get(one.list) + one.index), ["r0", "r1", "b0", "d0", "d1", "d2", "d3", "b1", "r2", "w0", null]);
  for (const [row, one] of seen.entries()) if (one) assert.equal(one.list.placeOf(one.index), row);
  assert.equal(deep.depth, 2);
});

test("a click sorts up, down, not at all; with shift the other columns still count", () => {
  assert.deepEqual(clicked([], "a", false), ["a"]);
  assert.deepEqual(clicked(["a"], "a", false), ["a DESC"]);
  assert.deepEqual(clicked(["a DESC"], "a", false), []);
  assert.deepEqual(clicked(["b", "c DESC"], "a", false), ["a"]);
  assert.deepEqual(clicked(["b"], "a", true), ["b", "a"]);
  assert.deepEqual(clicked(["b", "a", "c"], "a", true), ["b", "a DESC", "c"]);
  assert.deepEqual(clicked(["b", "a DESC", "c"], "a", true), ["b", "c"]);
  const best = [[], ["metrics.val_accuracy DESC"], ["metrics.val_accuracy"], []];
  for (const [at, order] of best.slice(1).entries()) assert.deepEqual(clicked(best[at], "metrics.val_accuracy", false), order);
  assert.deepEqual(clicked([], "metrics.train/loss", false), ["metrics.train/loss"]);
  assert.deepEqual(read("metrics.`loss DESC`"), { name: "metrics.`loss DESC`", descending: false });
  assert.equal(sortOf(["b", "a desc"], "a")?.place, 1);
});

test("keys lead as in the grid pattern", () => {
  const size = { rows: 100, columns: 9, page: 20 };
  const to = (/** @type {string} */ key, ctrlKey = false) => towards({ key, ctrlKey, metaKey: false }, { row: 50, column: 4 }, size);
  assert.deepEqual(to("ArrowUp"), { row: 49, column: 4 });
  assert.deepEqual(to("PageDown"), { row: 70, column: 4 });
  assert.deepEqual(to("Home"), { row: 50, column: 0 });
  assert.deepEqual(to("End", true), { row: 99, column: 8 });
  assert.deepEqual(to("Home", true), { row: 0, column: 0 });
  assert.equal(to("a"), null);
});

test("a clause says a value so that the filter language reads the same", () => {
  assert.equal(clauseOf("params.a", null), "params.a IS NULL");
  assert.equal(clauseOf("params.a", 1e-7), "params.a = 1e-7");
  assert.equal(clauseOf("params.a", -Infinity), "params.a = -1e999");
  assert.equal(clauseOf("params.a", true), "params.a = TRUE");
  assert.equal(clauseOf("tags.a", "it's"), `tags.a = "it's"`);
  assert.equal(clauseOf("tags.a", `'"(\\`), "tags.a RLIKE '^\\x27\"\\(\\\\$'");
});

test("the first request of a page is spelt by its address alone", () => {
  const state = parse("?experiment=1&where=a&sort=metrics.loss+DESC&column=metrics.loss");
  const fields = firstRequest(state, state.where);
  assert.deepEqual([fields.experiments, fields.where, fields.sort, fields.view], [["1"], "a", ["metrics.loss DESC"], 1]);
  assert.equal(fields.columns.at(-1), "metrics.loss");
  assert.deepEqual([fields.offset, fields.limit, fields.tx], [0, 200, undefined]);
  assert.deepEqual(firstRequest(parse("?group=params.a&group=params.b"), "").group, ["params.a"]);
  assert.equal(windowOf({}, [], 200, 7).tx, 7);
});
