// Values as the filter language writes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { numberText, quoted } from "../../python/runlake/server/static/lib/quoting.js";

test("text stands in the quotation marks that it does not have", () => {
  assert.equal(quoted("adam"), "'adam'");
  assert.equal(quoted("it's"), `"it's"`);
  assert.equal(quoted(`"it's"`), null);
});

test("a backslash at the end would keep the text open", () => {
  assert.equal(quoted("a\\"), null);
  assert.equal(quoted("a\\b"), "'a\\b'");
});

test("numbers are written so that the same number is read", () => {
  assert.equal(numberText(1e21), "1e21");
  assert.equal(numberText(-0.5), "-0.5");
  assert.equal(numberText(Infinity), "1e999");
  assert.equal(numberText(-Infinity), "-1e999");
});
