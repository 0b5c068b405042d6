// How far a value is from that of a baseline.
import assert from "node:assert/strict";
import { test } from "node:test";
import { change, read } from "../../python/runlake/server/static/lib/baseline.js";

test("texts are numbers when they are written as one, and nothing else", () => {
  assert.equal(read("-1.5e-3"), -0.0015);
  assert.equal(read("inf"), Infinity);
  assert.ok(Number.isNaN(read("nan")));
  for (const text of ["", " ", "0x10", "1,5", "true", "1 2", "constructor", "infinity?"]) assert.equal(read(text), null, text);
  assert.equal(read(null), null);
});

test("a change has an absolute and a relative size, with their sign", () => {
  assert.deepEqual(change("0.5", "0.4"), { up: true, absolute: "+0.1", relative: "+25.0 %" });
  assert.deepEqual(change("3", "4"), { up: false, absolute: "−1", relative: "−25.0 %" });
  assert.deepEqual(change("-2", "-4"), { up: true, absolute: "+2", relative: "+50.0 %" });
  assert.equal(change("1.00001", "1")?.relative, "+<0.01 %");
  assert.equal(change("1e9", "1")?.relative, "+1.0e11 %");
});

test("where there is no number to compare with, nothing is said", () => {
  assert.equal(change("1", "0")?.relative, "");
  for (const [value, base] of [["1", "1.0"], ["a", "1"], ["1", null], [null, "1"], ["nan", "1"], ["inf", "1"], ["1", "nan"]]) {
    assert.equal(change(value, base), null);
  }
});
