// Charts: grids beyond 2^53, ticks of any ends, curves that are put together, the text of a board.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tableFromArrays } from "@uwdata/flechette";
import { fetchChart } from "../../python/runlake/server/static/charts/asking.js";
import { lowerBound, merged, nearestRow, readChart } from "../../python/runlake/server/static/charts/curves.js";
import { cell, csvOf } from "../../python/runlake/server/static/charts/csv.js";
import { Grid, formatZoom, parseZoom } from "../../python/runlake/server/static/charts/grid.js";
import { arrange, formatPanel, matching, newPanel, parsePanel, withOrder, withPanel } from "../../python/runlake/server/static/charts/layout.js";
import { explained, marksOf, remarks } from "../../python/runlake/server/static/charts/marks.js";
import { ends, placer, tickTexts, ticks, timeTexts, timeTicks } from "../../python/runlake/server/static/charts/ticks.js";
import { picture } from "../../python/runlake/server/static/charts/traces.js";
import { borderOf } from "../../python/runlake/server/static/lib/color.js";

/** @typedef {import("../../python/runlake/server/static/charts/layout.js").Panel} Panel */

/**
 * An answer of one key with curves of `[run, bucket, value, flags]`.
 *
 * @param {[number, number, number, number][]} rows
 * @param {{since?: number, start?: string, width?: string, drawn?: number[]}} [notes] drawn: runs, whether they have rows or not
 */
function answer(rows, { since = 0, start = "0", width = "1", drawn = [] } = {}) {
  const column = (/** @type {number} */ at) => Float64Array.from(rows, (row) => row[at]);
  const ids = [...new Set([...rows.map(([run]) => run), ...drawn])];
  const numbers = { mean: column(2), min: column(2), max: column(2), last: column(2), count: column(3).map(() => 1), non_finite: column(3) };
  const first = tableFromArrays({ key: column(0).map(() => 0), run: column(0).map((run) => ids.indexOf(run)), bucket: column(1), ...numbers });
  const second = tableFromArrays({ run_id: ids.map((id) => `id${id}`), run_name: ids.map((id) => `run ${id}`), status: ids.map(() => "FINISHED") });
  return /** @type {any} */ ({ parts: [first, second], notes: { keys: ["loss"], grid: { start, width, buckets: 8 }, since, left_out: 0 }, tx: 1, total: 2 });
}

test("places beyond 2^53 are drawn from an origin of their own and said exactly", () => {
  const grid = new Grid({ start: String(2n ** 60n), width: "1", buckets: 5 }, "step");
  assert.deepEqual([grid.middle(0), grid.middle(4)], [0, 4]);
  assert.equal(grid.label(3), "1,152,921,504,606,846,979");
  assert.deepEqual(grid.bounds(3), ["1152921504606846979", "1152921504606846979"]);
  assert.deepEqual(grid.range(1, 3), ["1152921504606846977", "1152921504606846979"]);
  assert.equal(grid.place("1152921504606846979"), 3);
  assert.equal(grid.text(2), "1152921504606846978");
});

test("buckets are drawn in their middle and found by place", () => {
  const grid = new Grid({ start: "-16", width: "8", buckets: 10 }, "step");
  assert.equal(grid.middle(0), -12.5);
  assert.deepEqual(grid.span(0, 1), [-16, -1]);
  assert.deepEqual([-20, -16, -9, -8, 1e9].map((x) => grid.bucketAt(x)), [0, 0, 0, 1, 9]);
  const real = new Grid({ start: "0.5", width: "0.25", buckets: 4 }, "metrics.epoch");
  assert.deepEqual([real.middle(0), real.bucketAt(0.9)], [0.625, 1]);
});

test("ranges are read back as they were written", () => {
  const ranges = new Map([["step", /** @type {[string, string]} */ (["-5", "9223372036854775807"])], ["metrics.a:b", /** @type {[string, string]} */ (["0.5", "1e-7"])]]);
  assert.deepEqual(parseZoom(formatZoom(ranges)), ranges);
  assert.equal(parseZoom(["step:1.5..2", "step:a..b", "time:1", ""]).size, 0);
});

test("axes have ends and ticks whatever is drawn", () => {
  const hostile = [0, 1, -1, 1e-320, 5e-324, 1e308, -1e308, Number.MAX_VALUE, 1e16 + 2, 0.1];
  for (const scale of /** @type {const} */ (["linear", "symlog", "log"])) {
    for (const low of hostile) {
      for (const high of hostile) {
        if (low > high || (scale === "log" && low <= 0)) continue;
        const [from, to] = ends(low, high, scale);
        assert.ok(Number.isFinite(from) && Number.isFinite(to) && from < to && (scale !== "log" || from > 0), `${scale} ${low} ${high}: ${from} ${to}`);
        const marks = ticks(from, to, 6, scale, { threshold: 1e-3 });
        assert.ok(marks.length >= 1 && marks.length <= 30 && marks.every(Number.isFinite), `${scale} ${low} ${high}: ${marks}`);
        assert.equal(new Set(tickTexts(marks)).size, marks.length);
      }
    }
  }
  assert.deepEqual(ends(Infinity, -Infinity, "log"), [0.1, 10]);
  assert.deepEqual(ticks(0, 10, 5, "linear"), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(0, 2, 10, "linear", { whole: true }), [0, 1, 2]);
  assert.deepEqual(ticks(0.001, 1000, 7, "log"), [0.001, 0.01, 0.1, 1, 10, 100, 1000]);
  assert.deepEqual(ticks(1, 20, 6, "log"), [1, 2, 5, 10, 20]);
  assert.deepEqual(ticks(-1000, 1000, 8, "symlog", { threshold: 1 }), [-1000, -100, -10, 0, 10, 100, 1000]);
  assert.deepEqual(timeTicks(0, 120_000, 4), [0, 30_000, 60_000, 90_000, 120_000]);
  const times = [Date.UTC(2026, 0, 1, 12), Date.UTC(2026, 0, 1, 12, 0, 30)];
  assert.match(timeTexts(times, 30_000)[0], /^\d\d:\d\d:00\n2026-01-0\d$/);
  assert.match(timeTexts(times, 30_000)[1], /^\d\d:\d\d:30$/);
  assert.deepEqual([1, 10, 100].map(placer([1, 100], "log")), [0, 0.5, 1]);
});

test("the nearest bucket of a curve is found among those that have points", () => {
  const curve = /** @type {any} */ ({ at: Float64Array.of(0, 10, 11, 40) });
  assert.deepEqual([0, 4, 6, 11, 30, 99].map((bucket) => nearestRow(curve, bucket, 100)), [0, 0, 1, 2, 3, 3]);
  assert.equal(nearestRow(curve, 25, 5), -1);
  assert.equal(nearestRow(/** @type {any} */ ({ at: new Float64Array(0) }), 1, 9), -1);
  assert.deepEqual([0, 1, 10, 41].map((value) => lowerBound(curve.at, value)), [0, 1, 1, 4]);
});

test("an answer is cut into curves, and what is new takes the place of the last buckets", () => {
  const before = readChart(answer([[1, 0, 5, 0], [1, 1, 4, 0], [2, 0, 7, 1]]), "step");
  assert.deepEqual(before.curves.map((curve) => [curve.id, curve.key, [...curve.at], [...curve.mean], [...curve.flags]]), [
    ["id1", "loss", [0, 1], [5, 4], [0, 0]],
    ["id2", "loss", [0], [7], [1]],
  ]);
  const after = merged(before, readChart(answer([[1, 1, 3, 0], [1, 2, 2, 0]], { since: 1, drawn: [2] }), "step"));
  assert.deepEqual(after?.curves.map((curve) => [...curve.mean]), [[5, 3, 2], [7]]);
  const without = merged(before, readChart(answer([[1, 1, 3, 0]], { since: 1 }), "step"));
  assert.deepEqual(without?.curves.map(({ id }) => id), ["id1"], "the other run is not drawn any more");
  assert.equal(merged(before, readChart(answer([[3, 1, 3, 0]], { since: 1 }), "step")), null);
  const whole = readChart(answer([[1, 0, 1, 0]]), "step");
  assert.equal(merged(before, whole), whole);
});

test("a log scale leaves out what it has no place for, and says how much", () => {
  const chart = readChart(answer([[1, 0, -1, 0], [1, 1, 10, 0], [1, 2, 100, 0], [1, 3, NaN, 1]]), "step");
  const look = { value: /** @type {const} */ ("mean"), smoothing: null, scale: /** @type {const} */ ("log"), xLog: false, range: null };
  const drawn = picture(chart, look);
  assert.deepEqual([drawn.scale, drawn.left, [...drawn.traces[0].ys]], ["log", 1, [null, 10, 100, null]]);
  assert.ok(drawn.y[0] > 0 && drawn.y[0] <= 10 && drawn.y[1] >= 100);
  const below = picture(readChart(answer([[1, 0, -1, 0]]), "step"), look);
  assert.deepEqual([below.scale, [...below.traces[0].ys]], ["linear", [-1]]);
  const empty = picture(readChart(answer([]), "step"), { ...look, xLog: true });
  assert.ok(empty.x[0] < empty.x[1] && empty.y[0] < empty.y[1]);
});

test("what marks mean is said once, with how many lines have them", () => {
  const chart = readChart(answer([[1, 0, NaN, 7], [1, 1, 1, 1], [2, 0, 7, 0]]), "step");
  Object.assign(chart.curves[1], { status: "FAILED", merged: 5, dropped: 2, missing: "3 points of the run are missing: lost" });
  assert.deepEqual(explained(chart.curves).map(({ text }) => text), [
    "NaN (1 line)", "+∞ (1 line)", "−∞ (1 line)", "run failed (1 line)", "points were merged or dropped (1 line)", "points are missing (1 line)",
  ]);
  assert.deepEqual(marksOf(chart.curves[0]).map(({ mark, row, place }) => `${mark} ${row} ${place}`), ["nan 0 bottom", "inf 0 top", "minus 0 bottom", "nan 1 bottom"]);
  assert.deepEqual(remarks(chart.curves[1]), ["5 points were merged with others", "2 points were dropped", "3 points of the run are missing: lost", "run failed"]);
});

test("CSV has every digit, and no formulas", () => {
  const chart = readChart(answer([[1, 0, 0.1 + 0.2, 0], [1, 1, NaN, 1]], { start: String(2n ** 60n) }), "step");
  assert.deepEqual(csvOf(chart).split("\r\n").slice(1), [
    `id1,run 1,loss,${2n ** 60n},${2n ** 60n},0.30000000000000004,0.30000000000000004,0.30000000000000004,0.30000000000000004,1,`,
    `id1,run 1,loss,${2n ** 60n + 1n},${2n ** 60n + 1n},,,,NaN,1,NaN`,
    "",
  ]);
  assert.deepEqual(['a,"b"', "=1+1", "plain"].map(cell), ['"a,""b"""', "'=1+1", "plain"]);
});

test("panels are read back as they were written", () => {
  for (const keys of [["loss"], ["a;b,c=d\\e:f", "train/ä"], ["*"]]) {
    const panel = { id: "", kind: /** @type {const} */ ("line"), keys, options: { n: "3", w: "2", s: "ema:0.5", before: "x;y=z," } };
    assert.deepEqual({ ...parsePanel(formatPanel(panel)), id: "" }, panel);
  }
  for (const text of ["", "loss", "pie:loss", "line:", ":a"]) assert.equal(parsePanel(text), null);
  assert.deepEqual(parsePanel("auto:loss;color;evil=1")?.options, { color: "" });
});

test("panels are in sections by what stands before the first slash, and where they were moved to", () => {
  const keys = ["loss", "train/b10", "train/b9", "train/a", "val/x"];
  const ids = (/** @type {string[]} */ texts) => arrange(keys, /** @type {Panel[]} */ (texts.map(parsePanel))).map(({ name, panels }) => [name, ...panels.map((panel) => panel.keys.join())]);
  assert.deepEqual(ids([]), [["", "loss"], ["train", "train/a", "train/b9", "train/b10"], ["val", "val/x"]]);
  assert.deepEqual(ids(["auto:train/a;gone=1", "auto:val/x;gone=1"]), [["", "loss"], ["train", "train/b9", "train/b10"]]);
  const [, train] = arrange(keys, []);
  const moved = withOrder([], train.panels[2], train.panels[0]);
  assert.deepEqual(ids(moved)[1], ["train", "train/b10", "train/a", "train/b9"]);
  assert.deepEqual(ids(withOrder([], train.panels[0], null))[1], ["train", "train/b9", "train/b10", "train/a"]);
  const own = newPanel([], "line", ["loss", "val/x"]);
  assert.deepEqual(ids(withPanel([], own))[0], ["Own charts", "loss,val/x"]);
  assert.deepEqual(withPanel([train.panels[0]], { ...train.panels[0], options: { w: "" } }), []);
});

test("metrics are found by words or by an expression", () => {
  const keys = ["train/loss", "val/loss", "train/acc"];
  assert.deepEqual(matching(keys, "LOSS train").keys, ["train/loss"]);
  assert.deepEqual(matching(keys, "/^val|acc$/").keys, ["val/loss", "train/acc"]);
  assert.deepEqual(matching(keys, " ").keys, keys);
  assert.notEqual(matching(keys, "/(/").error, null);
});

test("charts that wait with the same question are answered together, the latest first", async () => {
  const asked = /** @type {any[]} */ ([]);
  const before = globalThis.fetch;
  globalThis.fetch = /** @type {any} */ (async (/** @type {string} */ _, /** @type {any} */ { body }) => {
    asked.push(JSON.parse(body));
    return new Response(JSON.stringify({ message: "no" }), { status: 503 });
  });
  try {
    const stop = new AbortController();
    const never = new AbortController();
    const ask = (/** @type {string[]} */ keys, /** @type {object} */ more = {}, signal = stop.signal) => fetchChart({ keys, x: "step", points: 9, ...more }, signal).catch((error) => error.name);
    const gone = ask(["gone"], {}, never.signal);
    never.abort();
    const since = { start: "0", width: "1", bucket: 4 };
    const names = await Promise.all([gone, ask(["a"]), ask(["b"], { since }), ask(["c", "d"]), ask(["e"], { points: 10 }), ask(["pat*"]), ask(["f"])]);
    assert.deepEqual(names, ["AbortError", ...new Array(6).fill("ApiError")]);
    assert.deepEqual(asked.map(({ keys, points, apart, since: known }) => [keys, points, apart ?? false, known ?? null]), [
      [["f", "b", "a"], 9, true, [null, since, null]],
      [["pat*"], 9, false, null],
      [["e"], 10, false, null],
      [["c", "d"], 9, false, null],
    ]);
  } finally {
    globalThis.fetch = before;
  }
});

test("what a line is called by looks like the line", () => {
  assert.deepEqual([[], [7, 3], [6, 3], [2, 2]].map((dash) => borderOf({ color: "", dash })), ["solid", "dashed", "dashed", "dotted"]);
});
