// By what runs are judged, as names tell it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { byJudgement, isSeed } from "../../python/runlake/server/static/lib/judging.js";

test("held-out data comes first, the machine last, and what most runs have before the rest", () => {
  const metrics = ["system/cpu", "loss", "rare", "val_loss", "eval/auc"].map((key, i) => ({ key, runs: key === "rare" ? 1 : 10 - i }));
  assert.deepEqual(byJudgement(metrics).map((one) => one.key), ["val_loss", "eval/auc", "loss", "rare", "system/cpu"]);
});

test("a word in another word is no sign", () => {
  const metrics = [{ key: "interval", runs: 1 }, { key: "latest", runs: 1 }, { key: "test_acc", runs: 1 }];
  assert.equal(byJudgement(metrics)[0].key, "test_acc");
});

test("seeds are told by their names", () => {
  assert.deepEqual(["seed", "data.seed", "random_seed", "linseed", "lr"].filter(isSeed), ["seed", "data.seed", "random_seed"]);
});
