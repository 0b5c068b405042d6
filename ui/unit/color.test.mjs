// Colours of values: they can be told from their ground, and from each other without hue.
// @ts-check
import assert from "node:assert/strict";
import test from "node:test";
import { shade, shadeBetween } from "../../python/runlake/server/static/lib/color.js";

const ROUNDED = 0.003; // what a channel that is a whole number makes of luminance

/** Relative luminance, as WCAG has it. @param {readonly number[]} channels */
function luminance(channels) {
  const [r, g, b] = channels.map((value) => (value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {string} color `rgb(…)` */
function channels(color) {
  return (color.match(/\d+/g) ?? []).map(Number);
}

for (const [theme, dark, ground] of /** @type {const} */ ([["light", false, [255, 255, 255]], ["dark", true, [0x14, 0x17, 0x1a]]])) {
  test(`colours of values have a contrast of 3 on a ${theme} page, and are lighter the larger the value`, () => {
    const found = Array.from({ length: 101 }, (_, i) => luminance(channels(shade(i / 100, dark))));
    const below = luminance(ground);
    for (const [i, one] of found.entries()) {
      const contrast = (Math.max(one, below) + 0.05) / (Math.min(one, below) + 0.05);
      assert.ok(contrast >= 3, `${i}: ${contrast.toFixed(2)}`);
      assert.ok(i === 0 || one > found[i - 1] - ROUNDED, `${i} is darker than what is before it`);
    }
  });
}

test("what is beyond the ends has their colours", () => {
  assert.equal(shade(-1, false), shade(0, false));
  assert.equal(shade(7, true), shade(1, true));
});

test("every number has a colour between any two ends", () => {
  const [least, middle, most] = [0, 0.5, 1].map((part) => shade(part, false));
  assert.equal(shadeBetween(0, -1, 1, false), middle);
  assert.equal(shadeBetween(0, -1.7e308, 1.7e308, false), middle);
  assert.equal(shadeBetween(1.7e308, -1.7e308, 1.7e308, false), most);
  assert.equal(shadeBetween(Infinity, 0, Infinity, false), most);
  assert.equal(shadeBetween(-Infinity, -Infinity, Infinity, false), least);
  assert.equal(shadeBetween(2, 2, 2, false), middle);
});
