// The address says the whole state: reading what was written gives the same, and anything can be read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { format, joined, merged, parse } from "../../python/runlake/server/static/lib/url.js";

test("a state is read back as it was written", () => {
  const state = /** @type {import("../../python/runlake/server/static/lib/url.js").State} */ ({
    ...parse(""),
    experiments: ["1", "ä & b"],
    where: "params.lr > 0.1 AND tags.`a=b&c` = '100%'",
    brush: ["metrics.loss BETWEEN 0.1 AND 0.2"],
    sort: ["metrics.loss DESC", "start_time"],
    lifecycle: "all",
    columns: ["params.lr", "metrics.val/loss"],
    group: ["params.opt"],
    differs: true,
    top: 7,
    pins: ["a".repeat(32)],
    color: "metrics.loss",
    show: "table",
  });
  assert.deepEqual(parse(format(state)), state);
});

test("what is as by default is not written", () => {
  assert.equal(format(parse("")), "");
  assert.equal(format(parse("?lifecycle=active&top=20&show=all&where=")), "");
});

test("what cannot be understood is left out", () => {
  const read = parse("?top=many&lifecycle=gone&differs=yes&sort=&sort=a&sort=a&unknown=1&%");
  assert.deepEqual({ ...read, sort: [] }, parse(""));
  assert.deepEqual(read.sort, ["a"]);
});

test("a number beyond its limits is taken to the nearest", () => {
  assert.equal(parse("?top=100000").top, 500);
  assert.equal(parse("?top=0").top, 1);
});

test("ranges on axes are conditions beside the filter, however it is written", () => {
  assert.equal(joined(" ", []), "");
  assert.equal(joined("", ["a > 1", "b < 2"]), "a > 1 AND b < 2");
  assert.equal(joined("x = 1", ["a > 1"]), "x = 1 AND a > 1");
  assert.equal(joined("x = 1 OR y = 2", ["a > 1"]), "(x = 1 OR y = 2) AND a > 1");
});

test("parts of a state are said beside what else an address says, and each of them once", () => {
  assert.equal(merged("?tab=charts", { smooth: "ema:0.6", zoom: [] }), "?tab=charts&smooth=ema%3A0.6");
  assert.equal(merged("?run=a&y=log&run=b&zoom=step:1..2&zoom=time:1..2", { scale: "symlog", zoom: ["step:1..3"] }), "?run=a&run=b&y=symlog&zoom=step%3A1..3");
  assert.equal(merged("?y=log", { scale: "linear" }), "");
});
