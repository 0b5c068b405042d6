// A brush is a clause of the filter language: it is written so that it reads back as the same, whatever is in it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING, brushOf, chooses, clauseOf, isWritable } from "../../python/runlake/server/static/lib/clauses.js";

const LOSS = { name: "metrics.loss", scale: "linear", unplaced: 0 };
const OPT = { name: "params.opt", scale: "category", unplaced: 0 };

/** @typedef {import("../../python/runlake/server/static/lib/clauses.js").Brush} Brush */

/** @param {Partial<Brush>} parts @returns {Brush} */
const brush = (parts) => ({ ...NOTHING, ...parts });

test("ranges, values and missing ones are clauses that people would write", () => {
  const said = /** @type {[any, Partial<Brush>, string][]} */ ([
    [LOSS, { range: [0.1, 0.4] }, "metrics.loss BETWEEN 0.1 AND 0.4"],
    [LOSS, { range: [null, 1e-7] }, "metrics.loss <= 1e-7"],
    [LOSS, { range: [1e21, null] }, "metrics.loss >= 1e21"],
    [LOSS, { missing: true }, "metrics.loss IS NULL"],
    [LOSS, { range: [1, null], missing: true }, "(metrics.loss >= 1 OR metrics.loss IS NULL)"],
    [OPT, { values: ["adam"] }, "params.opt = 'adam'"],
    [OPT, { values: ["adam", "it's"] }, "params.opt IN ('adam', \"it's\")"],
    [OPT, { values: ["adam"], except: true, missing: true }, "(params.opt != 'adam' OR params.opt IS NULL)"],
    [OPT, { values: [], except: true }, "params.opt IS NOT NULL"],
    [{ ...LOSS, scale: "category" }, { values: ["1.0", "inf"] }, "metrics.loss IN (1, 1e999)"],
  ]);
  for (const [about, parts, text] of said) assert.equal(clauseOf(about, brush(parts)), text);
});

test("what is written is read back as the same brush", () => {
  const texts = ["", "a", "it's", 'say "x"', `both ' and "`, "ends in \\", "a|b", "(x)", "^$.*", " IN ('a')", "OR", "NULL", "1", "ä\n😀", "|", "||", "\\x27", "\\'"];
  const brushes = [
    ...texts.map((text) => brush({ values: [text] })),
    ...texts.map((text) => brush({ values: [text, "plain"], except: true, missing: true })),
    ...texts.map((text) => brush({ values: ["", text, `'"`], missing: false })),
    brush({ values: texts }),
  ];
  for (const one of brushes) {
    for (const name of ["params.opt", "tags.`a b OR c`", 'params."a`b"', "status"]) {
      const text = clauseOf({ ...OPT, name }, one);
      const values = one.values && [...new Set(one.values)].length === one.values.length ? one.values : one.values;
      assert.deepEqual(brushOf(/** @type {string} */ (text)), { name, brush: { ...one, values } });
    }
  }
  for (const range of /** @type {[number | null, number | null][]} */ ([[0.1 + 0.2, 1 / 3], [-0, 5e-324], [-1.7976931348623157e308, null], [null, -1e-300]])) {
    for (const scale of ["log", "linear"]) {
      const about = { name: "min(metrics.`a b`)", scale, unplaced: 3 };
      const one = brush({ range: [range[0] === null ? null : range[0] + 0, range[1]], missing: true });
      assert.deepEqual(brushOf(/** @type {string} */ (clauseOf(about, one))), { name: about.name, brush: one });
    }
  }
});

test("a text that would not end where it should is no quoted text", () => {
  assert.equal(clauseOf(OPT, brush({ values: ["C:\\"] })), "params.opt RLIKE '^(?:C:\\\\)$'");
  assert.equal(clauseOf(OPT, brush({ values: [`'"`.repeat(800)] })), null);
});

test("a clause of another kind has no handles", () => {
  for (const text of ["", "metrics.loss", "metrics.loss < 1", "duration > 2h", "params.a LIKE 'x%'", "params.a RLIKE 'x'", "params.a = 1 AND params.b = 2",
    "(params.a = 'x' OR params.b IS NULL)", "params.a BETWEEN 'a' AND 'b'", "params.a IS NULL OR NOT params.a = 'b'", "params.a = 'x' OR params.a = 'y'", "a = 'b"]) {
    assert.equal(brushOf(text), null, text);
  }
});

test("names with both kinds of quotation marks cannot be filtered by", () => {
  for (const name of ["params.lr", "params.`a \"b`", 'params."a`b"', "min(metrics.val/loss)", "status", "tags.ä"]) assert.ok(isWritable(name), name);
  for (const name of ['params."a`\\"b"', 'params."a`"b"', "params.a b"]) assert.ok(!isWritable(name), name);
});

test("categories of numbers are chosen by their value", () => {
  const read = brushOf("metrics.k IN (1, 2)");
  assert.ok(read);
  assert.ok(chooses(read.brush, "metrics.k", "1.0"));
  assert.ok(!chooses(read.brush, "metrics.k", null));
  assert.ok(chooses(brush({ values: ["a"], except: true }), "params.a", null));
});
