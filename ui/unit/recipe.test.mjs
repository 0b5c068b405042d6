// What was recorded of a run as lines of a shell.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { checkout, install, word } from "../../python/runlake/server/static/run/recipe.js";

test("whatever a store holds is one word to a shell", () => {
  for (const text of ["a", "a b", "it's", "$(touch x)", "`x`", "a\nb", "\\", "-rf", "é'\"$", ";", "*"]) {
    assert.equal(execFileSync("sh", ["-c", `printf '%s' ${word(text)}`], { encoding: "utf8" }), text);
  }
});

const NOTHING = { command: null, source_name: null, source_type: null, user: null, host: null, python: null, git_commit: null, git_branch: null, git_repository: null, git_dirty: null, patch: null, packages: {} };

test("the code is cloned, checked out, and patched where it differed", () => {
  const told = { ...NOTHING, git_commit: "abc123", git_repository: "git@example.org:team/repo.git", git_dirty: true, patch: "runlake/uncommitted.diff" };
  assert.equal(checkout(told), "git clone -- git@example.org:team/repo.git repo\ncd -- repo\ngit checkout abc123\ngit apply uncommitted.diff");
  for (const commit of ["a;b", "--upload-pack=x", "$(x)"]) assert.equal(checkout({ ...NOTHING, git_commit: commit }), "");
});

test("the environment has the same Python", () => {
  assert.match(install({ ...NOTHING, python: "3.11.7" }), /^python3\.11 -m venv/);
  assert.match(install({ ...NOTHING, python: "$(x)" }), /^python3 -m venv/);
});
