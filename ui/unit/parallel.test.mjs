// Parallel coordinates: where things lie, and that no run is lost between two axes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fittingAxis, shortName, specOf, specsOf, textOf } from "../../python/runlake/server/static/charts/parallel_axes.js";
import { BAND, binAt, crossing, layoutOf, partAt, yAt } from "../../python/runlake/server/static/charts/parallel_layout.js";
import { columnsOf, density, paint } from "../../python/runlake/server/static/charts/parallel_raster.js";

const NUMBERS = { key: "params.lr", scale: "linear", bins: 4, low: 0, high: 8 };
const TEXTS = { key: "params.opt", scale: "category", bins: 2, values: ["adam", "sgd"] };
const plain = [{ said: NUMBERS, flip: false }, { said: TEXTS, flip: false }, { said: NUMBERS, flip: true }];

test("axes share the room there is, and scroll when they would come too near", () => {
  const wide = layoutOf(plain, { width: 900, height: 300 }, false);
  assert.equal(wide.width, 900);
  const gaps = wide.axes.slice(1).map((axis, i) => axis.x - wide.axes[i].x);
  assert.equal(gaps[0], gaps[1]);
  assert.ok(wide.axes[2].x + BAND < 900);
  const many = layoutOf(Array.from({ length: 30 }, () => plain[0]), { width: 900, height: 300 }, false);
  assert.ok(many.width > 2700);
});

test("a value is at the height of its bin, flipped or not, and without one below the axis", () => {
  const { axes } = layoutOf(plain, { width: 900, height: 300 }, true);
  for (const axis of [axes[0], axes[2]]) {
    for (const [value, bin] of [[1, 0], [5, 2], [8, 3]]) {
      const y = crossing(axis, value, 0.5);
      assert.ok(y >= axis.edges[2 * bin] && y <= axis.edges[2 * bin + 1], `${value} in ${bin}`);
      assert.equal(binAt(axis, y), bin);
    }
    assert.ok(Math.abs(partAt(axis, yAt(axis, 0.3)) - 0.3) < 1e-6);
    assert.equal(binAt(axis, crossing(axis, null, 0.5)), 4);
    assert.ok(crossing(axis, NaN, 0) > axis.bottom);
  }
  assert.equal(axes[0].edges[7] < axes[0].edges[0], true, "low values are at the bottom");
  assert.equal(binAt(axes[1], crossing(axes[1], "sgd", 0)), 1);
  assert.notEqual(crossing(axes[1], "sgd", 0), crossing(axes[1], "sgd", 1));
});

const FRAME = { width: 5, height: 8, left: [0, 2, 2, 4, 4, 6, 6, 8], right: [0, 4, 4, 8] };

test("every column holds all runs, and ends where their bins are", () => {
  const cells = { a: [0, 1, 3], b: [1, 0, 1], count: [10, 5, 1] };
  const found = density(cells, FRAME);
  for (let x = 0; x < 5; x += 1) {
    const column = [...found.subarray(x * 8, x * 8 + 8)];
    assert.ok(Math.abs(column.reduce((sum, value) => sum + value, 0) - 16) < 1e-4);
    assert.ok(column.every((value) => value > -1e-4));
  }
  const straight = density({ a: [0], b: [0], count: [6] }, { width: 1, height: 4, left: [1, 3], right: [1, 3] });
  assert.deepEqual([...straight], [0, 3, 3, 0]);
  const half = density({ a: [0], b: [0], count: [4] }, { width: 1, height: 4, left: [0.5, 2.5], right: [0.5, 2.5] });
  assert.deepEqual([...half], [1, 2, 1, 0]);
});

test("of very many bands half of the columns show what all of them do", () => {
  const edges = Float32Array.from({ length: 256 }, (_, i) => 2.5 * Math.ceil(i / 2));
  const cells = { a: Array.from({ length: 16_384 }, (_, i) => i >> 7), b: Array.from({ length: 16_384 }, (_, i) => i & 127), count: Array.from({ length: 16_384 }, (_, i) => 1 + (i * 7919) % 9) };
  const frame = { width: 80, height: 320, left: edges, right: edges };
  assert.equal(columnsOf({ ...cells, count: cells.count.slice(0, 5000) }, 80), 80);
  assert.equal(columnsOf(cells, 80), 40);
  const [all, half] = [density(cells, frame), density(cells, { ...frame, width: 40 })];
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  let apart = 0;
  for (let x = 2; x < 78; x += 2) for (let y = 0; y < 320; y += 1) apart += Math.abs((all[x * 320 + y] + all[(x + 1) * 320 + y]) / 2 - half[(x / 2) * 320 + y]);
  assert.ok(apart / (38 * 320) < 0.01 * mean);
});

test("a known histogram is painted: what is left over what there is, colours by their mean", () => {
  const size = { width: 1, height: 2 };
  const ramp = new Uint8ClampedArray(768);
  ramp.set([9, 8, 7], 0);
  ramp.set([200, 100, 50], 765);
  const ink = { all: { red: 1, green: 2, blue: 3, low: 0, high: 0.5 }, some: { red: 255, green: 0, blue: 0, low: 0, high: 1 }, ramp: null };
  const [all, some] = [Float32Array.of(4, 4), Float32Array.of(4, 0)];
  const pixels = paint({ all, some, sums: null }, size, ink);
  assert.deepEqual([...pixels], [255, 0, 0, 255, 1, 2, 3, 128]);
  const shaded = paint({ all: null, some: Float32Array.of(4, 4), sums: Float32Array.of(4, 0) }, size, { ...ink, ramp });
  assert.deepEqual([...shaded], [200, 100, 50, 255, 9, 8, 7, 255]);
});

/** @param {object} more */
const column = (more) => ({ name: "params.a", kind: "params", key: "a", type: "Float64", runs: 9, min: 1, max: 2, distinct: 9, ...more });

test("a column gets the scale that shows its values apart", () => {
  assert.equal(fittingAxis(column({})).scale, "auto");
  assert.equal(fittingAxis(column({ min: 1e-5, max: 0.1 })).scale, "log");
  assert.equal(fittingAxis(column({ min: 0, max: 0.1 })).scale, "auto");
  assert.equal(fittingAxis(column({ min: 16, max: 64, distinct: 3 })).scale, "category");
  assert.equal(fittingAxis(column({ name: "metrics.a", kind: "metrics", distinct: 3 })).scale, "auto");
});

test("axes are read as they are written, and each field has one", () => {
  for (const text of ["params.lr", "params.lr~log~flip", "metrics.`a~flip`", "min(metrics.loss)~category"]) assert.equal(textOf(/** @type {any} */ (specOf(text))), text);
  assert.equal(specOf('params."a`b"c"'), null);
  assert.deepEqual(specsOf(["params.a~log", "params.a", "no good", "status"]).map((spec) => spec.name), ["params.a", "status"]);
  assert.deepEqual(["params.`a b`", "min(metrics.x/y)", "status"].map(shortName), ["a b", "min x/y", "status"]);
});
