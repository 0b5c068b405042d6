// Smoothing against its formulas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ema, gauss, parseSmoothing, smooth } from "../../python/runlake/server/static/lib/smooth.js";

/** @param {readonly (number | null | undefined)[]} found @param {readonly (number | null | undefined)[]} wanted */
function assertClose(found, wanted) {
  assert.equal(found.length, wanted.length);
  found.forEach((value, i) => {
    const other = wanted[i];
    if (typeof value === "number" && typeof other === "number") assert.ok(Math.abs(value - other) <= 1e-12 * Math.max(1, Math.abs(other)), `${i}: ${value} ${other}`);
    else assert.equal(value, other);
  });
}

test("a moving average is the mean with weights that fade, from the first point on", () => {
  const values = Array.from({ length: 50 }, (_, i) => Math.sin(i) * 10 + i);
  const direct = values.map((_, n) => {
    const weights = values.slice(0, n + 1).map((__, i) => 0.8 ** (n - i));
    return values.slice(0, n + 1).reduce((sum, value, i) => sum + value * weights[i], 0) / weights.reduce((sum, weight) => sum + weight, 0);
  });
  assertClose(ema(values, 0.8), direct);
  assert.equal(ema([3], 0.99)[0], 3);
});

test("what is missing stays missing and does not count", () => {
  const smoothed = ema([1, null, undefined, 1, 5], 0.5);
  assertClose(smoothed.slice(0, 4), [1, null, undefined, 1]);
  assertClose([smoothed[4]], [(0.125 + 0.25 * 1 + 0.5 * 5) / 0.875 - 0.125 / 0.875 + (0.125 * 1) / 0.875]);
  assertClose(gauss([null, 2, undefined, 2, null], 1), [null, 2, undefined, 2, null]);
});

test("a Gaussian weighs by distance and keeps what is constant", () => {
  assertClose(gauss(new Array(20).fill(7), 3), new Array(20).fill(7));
  const impulse = gauss([...new Array(10).fill(0), 1, ...new Array(10).fill(0)], 2);
  const whole = Array.from({ length: 13 }, (_, i) => Math.exp(-0.5 * ((i - 6) / 2) ** 2)).reduce((sum, weight) => sum + weight, 0);
  assertClose([impulse[10], impulse[12], impulse[3]], [1 / whole, Math.exp(-0.5) / whole, 0]);
});

test("how to smooth is read from a short text, within bounds", () => {
  assert.deepEqual(parseSmoothing("ema:0.6"), { kind: "ema", amount: 0.6 });
  assert.deepEqual(parseSmoothing("ema:5"), { kind: "ema", amount: 0.999 });
  assert.deepEqual(parseSmoothing("gauss:3"), { kind: "gauss", amount: 3 });
  for (const text of ["", "none", "ema:0", "ema:", "spline:1", "ema:-1", "gauss:NaN"]) assert.equal(parseSmoothing(text), null);
  const values = [1, 2, 3];
  assert.equal(smooth(values, null), values);
});
