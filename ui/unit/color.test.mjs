// Colours of values.
import assert from "node:assert/strict";
import { test } from "node:test";
import { shade, shadeBetween } from "../../python/runlake/server/static/lib/color.js";

test("every number has a colour between any two ends", () => {
  const [least, middle, most] = [0, 0.5, 1].map(shade);
  assert.equal(shadeBetween(0, -1, 1), middle);
  assert.equal(shadeBetween(0, -1.7e308, 1.7e308), middle);
  assert.equal(shadeBetween(1.7e308, -1.7e308, 1.7e308), most);
  assert.equal(shadeBetween(Infinity, 0, Infinity), most);
  assert.equal(shadeBetween(-Infinity, -Infinity, Infinity), least);
  assert.equal(shadeBetween(2, 2, 2), middle);
});
