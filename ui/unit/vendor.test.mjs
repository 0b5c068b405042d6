// @ts-check
// What the vendored modules export is what the pages import.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tableFromArrays, tableToIPC } from "@uwdata/flechette";
import { Table, tableFromIPC } from "../../python/runlake/server/static/vendor/flechette.js";
import * as preact from "../../python/runlake/server/static/vendor/preact.js";

test("one module gives components, hooks and signals", () => {
  const { Fragment, batch, computed, h, render, signal, untracked, useComputed, useMemo, useSignal, useState } = preact;
  for (const name of [batch, h, render, untracked, useComputed, useMemo, useSignal, useState]) assert.ok(name);
  const count = signal(1);
  const double = computed(() => count.value * 2);
  count.value = 21;
  assert.equal(double.value, 42);
  assert.equal(h("p", { class: "note" }, "text").type, "p");
  assert.ok(Fragment);
});

test("an Arrow stream is read into typed arrays", () => {
  const stream = tableToIPC(tableFromArrays({ step: Float64Array.of(1, 2, 3), run: ["a", "b", "a"] }), { format: "stream" });
  const table = tableFromIPC(/** @type {Uint8Array} */ (stream));
  assert.ok(table instanceof Table);
  assert.deepEqual(table.getChild("step")?.toArray(), Float64Array.of(1, 2, 3));
  assert.deepEqual(table.getChild("run")?.toArray(), ["a", "b", "a"]);
});
