// What of a comparison is seen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, seen } from "../../python/runlake/server/static/compare/rows.js";

/** @param {string} kind @param {string} key @param {string} [field] @param {(string | null)[]} [values] */
const row = (kind, key, field = "value", values = ["1", "2"]) => ({ kind, key, field, differs: true, values });
const ROWS = [
  row("attribute", "run_id"), row("attribute", "status"), row("param", "lr"), row("metric", "loss", "latest"), row("metric", "loss", "min"),
  row("tag", "team", "value", ["Vision", null]), row("tag", "runlake.diff"), row("package", "numpy"),
];

/** @param {Partial<{text: string, kinds: ReadonlySet<string>, fields: "last" | "all"}>} asked */
function shown(asked) {
  return seen(ROWS, { text: "", kinds: new Set(), fields: "last", ...asked }).map((line) => ("row" in line ? `${line.row.key} ${line.row.field}` : line.kind));
}

test("each kind has a heading, and metrics their last value alone until all is asked for", () => {
  assert.deepEqual(shown({}), ["attribute", "status value", "param", "lr value", "metric", "loss latest", "tag", "team value", "package", "numpy value"]);
  assert.deepEqual(shown({ fields: "all", text: "loss" }), ["metric", "loss latest", "loss min"]);
});

test("names and values are searched, and what is folded is a heading", () => {
  assert.deepEqual(shown({ text: "vision" }), ["tag", "team value"]);
  assert.deepEqual(shown({ text: "l", kinds: new Set(["param"]) }), ["param", "metric", "loss latest"]);
  assert.deepEqual(shown({ text: "nothing" }), []);
});

test("a table for other programs has quotation marks where they are needed", () => {
  assert.equal(csv(["a,b", "c"], [row("param", "x", "value", ['say "hi"', null])]), 'kind,key,field,"a,b",c\nparam,x,value,"say ""hi""",\n');
});
