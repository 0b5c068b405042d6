// Words that somebody looks for in names.
import assert from "node:assert/strict";
import { test } from "node:test";
import { finder } from "../../python/runlake/server/static/lib/words.js";

test("every word has to be in some name, whatever the capitals and the order", () => {
  const isWanted = finder("  LOSS val ");
  assert.equal(isWanted("val/Loss"), true);
  assert.equal(isWanted("val/accuracy", "a loss"), true);
  assert.equal(isWanted("val/accuracy"), false);
});

test("a text without words finds everything", () => {
  assert.equal(finder(" ")("anything"), true);
  assert.equal(finder("")(), true);
});
