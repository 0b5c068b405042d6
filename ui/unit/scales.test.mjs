// Scales put values where the server's bins are, and write values that are round.
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, roundAt, ticksOf, valueAt } from "../../python/runlake/server/static/lib/scales.js";

/** @param {number} low @param {number} high @param {object} [more] */
const axis = (low, high, more) => ({ key: "metrics.a", scale: "linear", bins: 64, low, high, ...more });

test("a value is found where it was put", () => {
  for (const said of [axis(-2, 6), axis(1e-5, 0.1, { scale: "log" }), axis(-1.7e308, 1.7e308)]) {
    for (const part of [0, 0.25, 0.5, 1]) assert.ok(Math.abs(placeOf(said, valueAt(said, part)) - part) < 1e-9);
  }
  assert.equal(placeOf(axis(5, 5), 5), 0.5 / 64);
  assert.ok(Number.isNaN(placeOf(axis(1, 10, { scale: "log" }), 0)));
  assert.ok(Number.isNaN(placeOf(axis(1, 10), null)));
  assert.ok(Number.isNaN(placeOf({ ...axis(1, 10), low: null, high: null }, 1)));
});

test("categories are in the middle of their places, and others in the last", () => {
  const said = { key: "params.o", scale: "category", bins: 3, values: ["a", "b", null] };
  assert.deepEqual(["a", "b", "zzz"].map((text) => placeOf(said, text)), [1 / 6, 0.5, 5 / 6]);
  assert.ok(Number.isNaN(placeOf({ ...said, values: ["a"] }, "zzz")));
  assert.deepEqual(ticksOf(said, 9).map((tick) => tick.text), ["a", "b", "other"]);
});

test("a bound that is dragged has no more digits than can be seen", () => {
  assert.equal(roundAt(axis(0, 1), 0.33333, 0.002), 0.333);
  assert.equal(roundAt(axis(1e-5, 1e-1, { scale: "log" }), 0.5, 0.01), 0.001);
  assert.equal(roundAt(axis(2, 24, { whole: true }), 0.5, 0.01), 13);
});

test("ticks are round, in order and few", () => {
  /** @param {any} said @param {number} most */
  const texts = (said, most) => ticksOf(said, most).map((tick) => tick.text);
  assert.deepEqual(texts(axis(0.03, 0.97), 5), ["0.2", "0.4", "0.6", "0.8"]);
  assert.deepEqual(texts(axis(2, 24, { whole: true }), 6), ["5", "10", "15", "20"]);
  assert.deepEqual(texts(axis(1, 3, { whole: true }), 9), ["1", "2", "3"]);
  assert.deepEqual(texts(axis(1e-5, 0.1, { scale: "log" }), 6), ["1e−5", "0.0001", "0.001", "0.01", "0.1"]);
  assert.deepEqual(texts(axis(10, 300, { scale: "log" }), 6), ["10", "20", "50", "100", "200"]);
  assert.deepEqual(texts(axis(5, 5), 6), ["5"]);
  assert.deepEqual(texts({ ...axis(0, 0), low: null, high: null }, 6), []);
  assert.equal(ticksOf(axis(1e-300, 1e300, { scale: "log" }), 8).length <= 8, true);
  assert.deepEqual(texts(axis(600_000, 7_000_000, { key: "duration", whole: true }), 6), ["30 min 0 s", "1 h 0 min", "1 h 30 min"]);
  assert.equal(texts(axis(1.76e12, 1.761e12, { key: "start_time" }), 8).length, 5);
  assert.equal(texts(axis(0.12, 0.13), 4).length > 1, true);
});
