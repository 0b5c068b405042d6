// Which file of a run an address in one of its documents means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { foldersOf, resolved } from "../../python/runlake/server/static/lib/files.js";

test("addresses are seen from the folder of the document", () => {
  assert.equal(resolved("docs/report.md", "plots/a.png"), "docs/plots/a.png");
  assert.equal(resolved("docs/report.md", "../plots/a%20b.png?x#y"), "plots/a b.png");
  assert.equal(resolved("report.md", "./a.png"), "a.png");
});

test("what is not in the run is not fetched", () => {
  for (const address of ["https://evil.example/x.png", "//evil.example/x.png", "/etc/passwd", "../../x", "data:,x", "javascript:1", "", "#top"]) {
    assert.equal(resolved("docs/report.md", address), null, address);
  }
});

test("the folders that lead to a file begin with the outermost", () => {
  assert.deepEqual(foldersOf("a/b/c.txt"), ["a", "a/b"]);
  assert.deepEqual(foldersOf("c.txt"), []);
});
