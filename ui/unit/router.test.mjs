// Addresses lead to pages, and those of MLflow's pages as well.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = /** @type {any} */ ({ pathname: "/", search: "", href: "http://localhost/" });
const { match, pathOf, translated } = await import("../../python/runlake/server/static/lib/router.js");

test("a path leads to its page with the names in it", () => {
  assert.deepEqual(match("/"), { name: "experiments", params: {} });
  assert.deepEqual(match("/runs/"), { name: "runs", params: {} });
  assert.deepEqual(match("/runs/abc"), { name: "run", params: { run: "abc" } });
  assert.deepEqual(match("/models/a%2Fb%20c/3"), { name: "version", params: { model: "a/b c", version: "3" } });
  assert.equal(match("/elsewhere"), null);
  assert.deepEqual(match("/models/100%"), { name: "model", params: { model: "100%" } });
});

test("a path that is made leads back to its names", () => {
  const params = { model: "a/b?c#d%", version: "12" };
  assert.deepEqual(match(pathOf("version", params)), { name: "version", params });
});

test("links of MLflow's pages are understood", () => {
  assert.equal(translated("#/experiments/3/runs/abc"), "/runs/abc");
  assert.equal(translated("#/experiments/3/runs/abc/artifacts/model"), "/runs/abc");
  assert.equal(translated("#/experiments/3?searchFilter=x"), "/runs?experiment=3");
  assert.equal(translated("#/models/iris%20net/versions/2"), "/models/iris%20net/2");
  assert.equal(translated("#/models/iris"), "/models/iris");
  assert.equal(translated("#/models"), "/models");
  assert.equal(translated(""), null);
});
