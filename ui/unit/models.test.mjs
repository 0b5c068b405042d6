// Models: what targets mean, what a promotion would change, events as sentences, points of a metric over versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { told } from "../../python/runlake/server/static/models/events.js";
import { moved, nearest, points, read } from "../../python/runlake/server/static/models/points.js";
import { aliasMistake, comparedMetric, consequences, demands, firstChoice, gatedFirst, heldBy, listed, unmetFirst, verdict, versionsLike } from "../../python/runlake/server/static/models/targets.js";

/** @typedef {import("../../python/runlake/server/static/models/targets.js").Target} Target */

/** @param {string} target @param {number[]} [holders] @param {number} [held] @returns {Target} */
const target = (target, holders = [], held = holders.length) => ({ target, holders, held, gate: null, report: null });
/** @param {boolean} met @param {string} [name] */
const rule = (met, name = "require") => ({ rule: name, demanded: "a", actual: "b", met });
/** @param {string} action @param {Record<string, any>} [payload] @param {number | null} [version] */
const event = (action, payload = {}, version = 7) => ({ number: 1, at_ms: 0, user_id: "ann", action, name: "churn", version, payload, hash: "" });
/** @param {import("../../python/runlake/server/static/models/events.js").Told} told */
const text = (told) => told.parts.map((part) => (typeof part === "string" ? part : "said" in part ? `[${part.said}]` : `version ${part.version}`)).join("");

test("a promotion says who holds the target now and what becomes of them", () => {
  const how = { stage: "None", archive: true };
  assert.deepEqual(consequences(target("@champion", [3]), 7, how), ["@champion means version 3 now; it will mean version 7."]);
  assert.deepEqual(consequences(target("@champion"), 7, how), ["@champion will mean version 7."]);
  assert.deepEqual(consequences(target("@champion", [7]), 7, how), ["Nothing: version 7 is @champion already."]);
  assert.deepEqual(consequences(target("Production", [6, 4]), 7, how), ["Version 7 moves from no stage to Production.", "Versions 6 and 4 go from Production to Archived."]);
  assert.deepEqual(consequences(target("Production", [6]), 7, { stage: "Staging", archive: false }), ["Version 7 moves from Staging to Production.", "Version 6 stays there as well."]);
  assert.deepEqual(consequences(target("Production", [7]), 7, { stage: "Production", archive: true }), ["Nothing: version 7 is Production already."]);
  assert.deepEqual(consequences(target("Production", [7, 6]), 7, { stage: "Production", archive: true }), ["Version 7 stays in Production.", "Version 6 goes from Production to Archived."]);
});

test("many holders are counted and not listed", () => {
  assert.equal(listed([9, 8, 7, 6, 5, 4], 40), "versions 9, 8, 7, 6, 5 and 35 others");
  assert.equal(heldBy(target("Production", [9, 8, 7, 6, 5, 4], 40)), "Versions 9, 8, 7, 6, 5 and 35 others are there.");
  assert.equal(heldBy(target("@a", [3])), "It means version 3.");
  assert.equal(heldBy(target("@a")), "It means no version yet.");
});

test("any version can be meant, those that services load before others", () => {
  const targets = [target("Production", [59]), target("@champion", [3]), target("@fallback", [3])];
  const like = (/** @type {string} */ text) => versionsLike(text, 600, targets).map(({ value }) => value);
  assert.deepEqual(versionsLike("", 600, targets), [{ value: "600", detail: "latest" }, { value: "59", detail: "Production" }, { value: "3", detail: "@champion, @fallback" }]);
  assert.deepEqual(like("59"), ["59", "590", "591", "592", "593", "594", "595", "596", "597", "598", "599"]);
  assert.deepEqual([like("601"), like("0"), like("x"), like("577")], [[], [], [], ["577"]]);
  assert.equal(like("1").length, 20);
});

test("a verdict counts what is not met, and shows that first", () => {
  assert.equal(verdict(null), "No gate");
  assert.equal(verdict({ target: "", passed: true, rules: [] }), "No gate");
  assert.equal(verdict({ target: "", passed: true, rules: [rule(true)] }), "Its rule is met");
  assert.equal(verdict({ target: "", passed: false, rules: [rule(true), rule(false)] }), "1 of 2 rules is not met");
  assert.deepEqual(unmetFirst({ target: "", passed: false, rules: [rule(true, "a"), rule(false, "b"), rule(true, "c")] }).map((one) => one.rule), ["b", "a", "c"]);
});

test("what a gate demands is listed, and the metric that it compares by is found", () => {
  const gate = { require: "metrics.a > 1", signature: true, pinned_environment: true, tags: ["t"], better_than: "@champion BY MAX( metrics.`val loss` )", approvals: 2, checks: ["c"], user_id: null, set_ms: 0 };
  assert.deepEqual(demands(gate).map((one) => one.rule), ["require", "signature", "pinned_environment", "tags", "better_than", "approvals", "check"]);
  assert.equal(comparedMetric([target("Staging"), { ...target("@champion"), gate }]), "metrics.`val loss`");
  assert.equal(comparedMetric([target("Staging")]), "");
});

test("a promotion begins with the target that the version is most likely meant for", () => {
  const gate = /** @type {any} */ ({});
  const passed = { target: "", passed: true, rules: [rule(true)] };
  const plain = [target("Staging", [7]), target("Production"), { ...target("@a"), gate, report: { ...passed, passed: false } }, { ...target("@b"), gate, report: passed }];
  assert.equal(firstChoice(plain, 7), "@b");
  assert.equal(firstChoice(plain.slice(0, 3), 7), "@a");
  assert.equal(firstChoice(plain.slice(0, 2), 7), "Production");
  assert.deepEqual(gatedFirst(plain).map((one) => one.target), ["@a", "@b", "Staging", "Production"]);
});

test("an alias has a name that the server takes", () => {
  assert.equal(aliasMistake("champion-2_b"), "");
  for (const name of ["", "a b", "a/b", "@a", "latest", "LATEST", "v12", "é"]) assert.notEqual(aliasMistake(name), "", name);
});

test("events are sentences, with what people wrote apart", () => {
  assert.equal(text(told(event("set_alias", { alias: "champion", before: 3 }))), "let [@champion] mean version 7 instead of version 3");
  assert.equal(text(told(event("move_version", { stage: "Production", before: "None", archived: [6, 5] }))), "moved version 7 to Production, and versions 6 and 5 to Archived");
  assert.equal(text(told(event("move_version", { stage: "None", before: "Staging", archived: [] }))), "moved version 7 out of Staging");
  assert.equal(text(told(event("set_gate", { target: "@champion", rules: { require: "a", tags: ["x", "y"], approvals: 0, checks: [] } }, null))), "set the gate of [@champion] with 3 rules");
  assert.equal(text(told(event("set_model_tag", { key: "<b>", value: "<i>" }, null))), "set the tag [<b>] to [<i>]");
  const forced = told(event("set_alias", { alias: "a", before: null, forced: "it burns", gate: [rule(false)] }));
  assert.equal(forced.forced, "it burns");
  assert.equal(forced.rules.length, 1);
  assert.equal(text(told(event("something_new"))), "something new");
});

test("what has no place on an axis is kept as a text", () => {
  const found = points([1, 2, 3, 4, 5], [0.5, "NaN", "-Infinity", null, 1.5e308]);
  assert.deepEqual(found.map((one) => one.value), [0.5, null, null, null, null]);
  assert.deepEqual(found.map((one) => one.said), ["0.5", "NaN", "−∞", "", "1.5e+308"]);
  assert.equal(read(found[3], ["@champion"]), "version 4: no value, @champion");
});

test("keys lead from point to point and the pointer to the nearest one", () => {
  assert.deepEqual([moved("ArrowLeft", 0, 100), moved("ArrowRight", 3, 100), moved("PageUp", 95, 100), moved("Home", 5, 100), moved("End", 5, 100), moved("x", 5, 100)], [0, 4, 99, 0, 99, null]);
  const found = points([1, 2, 10, 11], [1, 1, 1, 1]);
  assert.deepEqual([-5, 1.4, 5.9, 6.1, 99].map((version) => nearest(found, version)), [0, 0, 1, 2, 3]);
});
