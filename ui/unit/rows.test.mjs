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

/** @param {Partial<{text: string, folded: ReadonlySet<string>}>} asked */
function shown(asked) {
  return seen(ROWS, { text: "", folded: new Set(), ...asked }).map((line) => ("row" in line ? `${line.row.key} ${line.row.field}` : line.kind));
}

test("each kind has a heading, and what is said elsewhere is left out", () => {
  assert.deepEqual(shown({}), ["attribute", "status value", "param", "lr value", "metric", "loss latest", "loss min", "tag", "team value", "package", "numpy value"]);
  assert.deepEqual(shown({ text: "loss min" }), ["metric", "loss min"]);
});

test("names and values are searched, and what is folded is a heading", () => {
  assert.deepEqual(shown({ text: "vision" }), ["tag", "team value"]);
  assert.deepEqual(shown({ text: "l", folded: new Set(["param"]) }), ["param", "metric", "loss latest", "loss min"]);
  assert.deepEqual(shown({ text: "nothing" }), []);
});

test("a table for other programs has quotation marks where they are needed", () => {
  assert.equal(csv(["a,b", "c"], [row("param", "x", "value", ['say "hi"', null])]), 'kind,key,field,"a,b",c\nparam,x,value,"say ""hi""",\n');
  assert.equal(csv(["=1+2"], [row("metric", "-x", "latest", ["-1.5"]), row("param", "@a", "value", ["+A1"])]), "kind,key,field,'=1+2\nmetric,'-x,latest,-1.5\nparam,'@a,value,'+A1\n", "no formulas");
});
