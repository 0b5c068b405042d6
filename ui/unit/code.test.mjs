// Programs, command lines and CSV that say what a table shows, and filters that are being written.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

globalThis.location = /** @type {any} */ ({ pathname: "/runs", search: "", href: "http://localhost/runs", hash: "" });
globalThis.matchMedia = /** @type {any} */ (() => ({ matches: false, addEventListener: () => undefined }));
const { cliOf, frameName, pythonOf, shellText } = await import("../../python/runlake/server/static/table/code.js");
const { textOf } = await import("../../python/runlake/server/static/table/export.js");
const { safeField } = await import("../../python/runlake/server/static/lib/csv.js");
const { charactersTo, completed, cutAt, placeOf } = await import("../../python/runlake/server/static/table/written.js");

const SHOWN = /** @type {const} */ ({ store: "http://h:1", experiments: [], where: "", sort: [], lifecycle: "active", columns: [], group: [] });
const NASTY = "it's \"so\" $(rm -rf ~) `x` \\ \n é";

test("a text for a shell is one word, whatever is in it", () => {
  for (const text of [NASTY, "", "plain/1.5", "a b", "-n"]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shellText(text)}`], { encoding: "utf8" }), text);
  }
});

test("a command line has the filter, the order and the columns", () => {
  const line = cliOf({ ...SHOWN, experiments: ["my sweep"], where: "params.a = 'b'", sort: ["metrics.loss DESC"], lifecycle: "deleted", columns: ["run_name", "metrics.`val loss`", "params.a,[b]", "metrics.*", "min(metrics.a)"] });
  assert.equal(line, "runlake runs --store http://h:1 -e 'my sweep' -w 'params.a = '\\''b'\\''' -s 'metrics.loss DESC' -c 'run_name,metrics.val loss,params.a?[[]b],metrics.*' -n 0 --deleted");
});

test("a program has the filter, the order and the columns as Polars names them", () => {
  const program = pythonOf({ ...SHOWN, experiments: ["a"], where: NASTY, sort: ["metrics.loss DESC", "params.`b c`"], columns: ["run_name", "params.`b c`", "metrics.*"] });
  assert.ok(program.includes(`runlake.runs(["a"], where=${JSON.stringify(NASTY)})`));
  assert.ok(program.includes(`.sort(pl.col("metrics.loss").fill_nan(None), "params.b c", "start_time", "run_id", descending=[True, False, True, False], nulls_last=True)`));
  assert.ok(program.includes(`.select("run_id", "run_name", "params.b c", "^metrics\\\\..*$")`));
  assert.ok(pythonOf({ ...SHOWN, lifecycle: "all" }).includes("runlake.runs(view=ViewType.ALL)"));
  assert.ok(pythonOf({ ...SHOWN, group: ["params.a"], columns: ["metrics.b"] }).includes('.group_by("params.a", maintain_order=True)'));
});

test("a column is named in frames without the marks of filters", () => {
  assert.deepEqual(["metrics.`a b`", 'tags."c`d"', "run_id", "params.e"].map(frameName), ["metrics.a b", "tags.c`d", "run_id", "params.e"]);
});

test("a field of CSV is quoted where it has to be", () => {
  assert.deepEqual(["a", 'a"b', "a,b", "a\nb"].map(safeField), ["a", '"a""b"', '"a,b"', '"a\nb"']);
  assert.deepEqual(['=HYPERLINK("x")', "@a", "-b", "+c,d"].map(safeField), [`"'=HYPERLINK(""x"")"`, "'@a", "'-b", `"'+c,d"`], "no formulas");
  assert.deepEqual(["-1.5e-7", "+3", "-Infinity", "-inf"].map(safeField), ["-1.5e-7", "+3", "-Infinity", "-inf"], "numbers stay as they are");
  assert.deepEqual([textOf("start_time", 0), textOf("metrics.a", NaN), textOf("params.a", null), textOf("x", 2n ** 60n)], ["1970-01-01T00:00:00.000Z", "NaN", "", "1152921504606846976"]);
  assert.deepEqual(["duration", "mean(duration)", "metrics.duration"].map((name) => textOf(name, 1892)), ["1.892", "1.892", "1892"]);
});

test("places are counted in characters, of which some are two halves", () => {
  const text = "a = '🐟🐟' AND b";
  assert.equal(charactersTo(text, text.indexOf("AND")), 9);
  assert.equal(placeOf(text, 9), text.indexOf("AND"));
  assert.deepEqual(cutAt(text, [13, 14]), ["a = '🐟🐟' AND ", "b", ""]);
  assert.deepEqual(cutAt("a =", [3, 3]), ["a =", " ", ""]);
  assert.deepEqual(cutAt("a", null), ["a", "", ""]);
});

test("what is chosen takes the place of what was begun", () => {
  const name = { text: "params.lr", kind: "name", detail: "" };
  assert.deepEqual(completed("par", 3, 0, name), { text: "params.lr ", at: 10 });
  assert.deepEqual(completed("par AND x", 3, 0, name), { text: "params.lr AND x", at: 9 });
  assert.deepEqual(completed("a = 1 AND mi", 12, 10, { text: "min(", kind: "function", detail: "" }), { text: "a = 1 AND min(", at: 14 });
});
