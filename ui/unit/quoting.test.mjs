// Names and texts as the filter language writes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { named, quoted } from "../../python/runlake/server/static/lib/quoting.js";

test("text stands in the quotation marks that it does not have", () => {
  assert.equal(quoted("adam"), "'adam'");
  assert.equal(quoted("it's"), `"it's"`);
  assert.equal(quoted(`"it's"`), null);
});

test("a backslash at the end would keep the text open", () => {
  assert.equal(quoted("a\\"), null);
  assert.equal(quoted("a\\b"), "'a\\b'");
});

test("plain keys need no quotation marks, others have those that fit", () => {
  assert.equal(named("params", "lr"), "params.lr");
  assert.equal(named("metrics", "val/loss-1:2.x"), "metrics.val/loss-1:2.x");
  assert.equal(named("metrics", "val loss"), "metrics.`val loss`");
  assert.equal(named("tags", "a`b"), 'tags."a`b"');
  assert.equal(named("tags", "a`b\"c"), "tags.'a`b\"c'");
  assert.equal(named("tags", "a`b\"c'd"), null);
  assert.equal(named("params", "a..b"), "params.`a..b`");
  assert.equal(named("attributes", "start_time"), "start_time");
});
