// Values as people read them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cell, duration, firstLine, number, plural, since, size, time } from "../../python/runlake/server/static/lib/format.js";

test("numbers have five significant digits, whole ones all", () => {
  assert.equal(number(0.123456789), "0.12346");
  assert.equal(number(-1234567.8), "−1.2346e6");
  assert.equal(number(0.00001), "1e−5");
  assert.equal(number(123456789), "123456789");
  assert.equal(number(9007199254740993n), "9007199254740993");
  assert.equal(number(1e300), "1e300");
});

test("what is no number is said", () => {
  assert.equal(number(NaN), "NaN");
  assert.equal(number(Infinity), "+∞");
  assert.equal(number(-Infinity), "−∞");
  assert.equal(number(null), "");
  assert.equal(cell(false), "false");
  assert.equal(cell(undefined), "");
});

test("sizes and spans have the unit that fits", () => {
  assert.equal(size(999), "999 B");
  assert.equal(size(1_234_000), "1.23 MB");
  assert.equal(duration(250), "250 ms");
  assert.equal(duration(61_000), "1 min 1 s");
  assert.equal(duration(26 * 3_600_000), "1 d 2 h");
  assert.equal(plural(1, "run"), "1 run");
  assert.equal(plural(100_000, "run"), "100,000 runs");
});

test("a time that has no date, and a span that goes back, are said all the same", () => {
  assert.equal(time(1_795_699_065_832_806_536n), "1795699065832806536 ms");
  assert.equal(since(9e15), "9e15 ms");
  assert.match(time(-(10 ** 12)), /1938/);
  assert.equal(duration(-61_000), "−1 min 1 s");
  assert.equal(duration(90_000n), "1 min 30 s");
});

test("a list shows the first line of a text without the marks of Markdown", () => {
  assert.equal(firstLine("\n# The sweep `6345` of **all** [runs](/runs)\nand more"), "The sweep 6345 of all runs");
  assert.deepEqual(["val_loss * 2 ** n", "a #1", "`open", ""].map(firstLine), ["val_loss * 2 ** n", "a #1", "`open", ""]);
  assert.ok(firstLine("**".repeat(1e6)).length <= 1000);
});
