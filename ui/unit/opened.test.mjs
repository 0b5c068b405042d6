// What is open is said by the address: whatever the values of groups are, each of them reads back as itself.
import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = /** @type {any} */ ({ pathname: "/runs", search: "", href: "http://localhost/runs", hash: "" });
globalThis.history = /** @type {any} */ ({ pushState: () => pushed.push(place.value), replaceState: () => undefined });
const { isOpen, pathBelow, withClosed, withOpened } = await import("../../python/runlake/server/static/lib/opened.js");
const { LONGEST, fitting, format, parse } = await import("../../python/runlake/server/static/lib/url.js");
const { place } = await import("../../python/runlake/server/static/lib/router.js");
const { List } = await import("../../python/runlake/server/static/state/tree.js");
const { toasts } = await import("../../python/runlake/server/static/state/toasts.js");
const { change, current, follow, view } = await import("../../python/runlake/server/static/state/view.js");
const { toggle, wanted } = await import("../../python/runlake/server/static/state/opener.js");

/** @type {unknown[]} */
const pushed = [];
const LONG = "it's 10 kB ".repeat(1000);
const HOSTILE = `'"`.repeat(1500);
const VALUES = [
  "adam", "", "a,b", "a/b", "a~b", "~", "~0", "~1", "/", "null", "NaN", "none", " ", "&open=x#", "100%", "ä\n\t\r😀‮", "\0",
  "<script>alert(1)</script>", "~x1", "x".repeat(40), "x".repeat(41), LONG, `${LONG}!`, HOSTILE, null, 0.1 + 0.2, 1e-300, Infinity, 2n ** 63n, true,
];

/** @param {string[]} group @param {readonly unknown[]} values @param {{path?: string, said?: unknown}} [row] */
function groups(group, values, row = {}) {
  const question = { where: undefined, group: [group[0]] };
  return listOf(question, new Map([[group[0], values]]), row);
}

/** @param {any} question @param {Map<string, readonly unknown[]>} columns @param {any} [row] */
function listOf(question, columns, row) {
  const window = new Map(columns);
  const total = [...columns.values()][0].length;
  const value = (/** @type {number} */ index, /** @type {string} */ name) => window.get(name)?.[index];
  return new List(/** @type {any} */ ({ question, total, value, windows: new Map([[0, window]]) }), null, -1, row);
}

/** Begin with nothing. @param {string[]} group */
function begin(...group) {
  change({ ...parse(""), group });
  pushed.length = 0;
  toasts.value = [];
}

test("every value has a path of its own, which an address holds and is short", () => {
  const paths = VALUES.map((value) => pathBelow("", value));
  assert.equal(new Set(paths).size, VALUES.length);
  assert.deepEqual(parse(format({ open: paths })).open, paths);
  assert.ok(paths.every((path) => path.length <= 41 + 2));
  assert.equal(pathBelow(pathBelow("", "adam"), 0.001), "/adam/0.001");
  assert.deepEqual([pathBelow("", null), pathBelow("", "a/b~c"), pathBelow("", "null")], ["/~", "/a~1b~0c", "/null"]);
});

test("who opens a row opens those that it is in, and closes with it what is below it", () => {
  const open = ["/a", "/a/b", "/ab", "/a/c/d"].reduce(withOpened, /** @type {string[]} */ ([]));
  assert.deepEqual(open, ["/a/b", "/ab", "/a/c/d"]);
  assert.deepEqual(["/a", "/a/c", "/ab", "/b", "/a/"].map((path) => isOpen(open, path)), [true, true, true, false, false]);
  assert.deepEqual(withOpened(open, "/a"), open);
  assert.deepEqual(withClosed(open, "/a"), ["/ab"]);
  assert.deepEqual(withClosed(open, "/a/c/d"), ["/a/b", "/ab", "/a/c"]);
  assert.deepEqual(withClosed(["/a/b"], "/a/b"), ["/a"]);
  assert.deepEqual(withClosed(["/a"], "/a"), []);
  assert.deepEqual(withClosed(open, "/gone"), open);
});

test("a group that is opened is found again by its address, whatever its value, and those that are gone are not", () => {
  begin("tags.kind", "params.lr");
  const list = groups(["tags.kind"], VALUES);
  for (const index of VALUES.keys()) toggle(list, index);
  assert.equal(pushed.length, 0, "going back would lead through each click");
  const said = place.value.search;
  change({ open: [] });
  change({ open: [...parse(said).open, "/gone", "/adam2/x", "nonsense"] });
  const found = wanted(list);
  assert.deepEqual(found.map(({ index }) => VALUES[index]), VALUES.filter((value) => value !== HOSTILE));
  assert.equal(toasts.value.length, 1, "that of the group whose filter cannot be written");
  assert.deepEqual(found[0], { index: 0, path: "/adam", fields: { where: "tags.kind = 'adam'", group: ["params.lr"] }, said: ["adam"] });
  assert.equal(found.find(({ index }) => VALUES[index] === null)?.fields.where, "tags.kind IS NULL");
});

test("groups in groups and runs in runs are open below those that are", () => {
  begin("tags.kind", "params.lr");
  change({ open: ["/adam/0.1"] });
  const within = groups(["params.lr"], ["0.1", "0.2"], { path: "/adam", said: ["adam"] });
  assert.deepEqual(wanted(within), [{ index: 0, path: "/adam/0.1", fields: { where: "params.lr = '0.1'", group: undefined }, said: ["adam", "0.1"] }]);
  assert.deepEqual(wanted(groups(["params.lr"], ["0.1"], { path: "/sgd" })), []);
  change({ group: [], open: ["/p/c", "/q"] });
  const runs = listOf({ nested: true }, new Map([["run_id", ["q", "p"]], ["children", [0, 2]]]));
  assert.deepEqual(wanted(runs), [{ index: 1, path: "/p", fields: { nested: undefined, parent: "p" }, said: [] }], "nothing is below the other one");
});

test("grouped otherwise, nothing is open; filtered or sorted otherwise, what was", () => {
  begin("a");
  change({ open: ["/1"] });
  change({ where: "x > 1", sort: ["y"] });
  assert.deepEqual(view.open.value, ["/1"]);
  change({ group: ["a"] });
  assert.deepEqual(view.open.value, ["/1"]);
  change({ group: ["b"] });
  assert.deepEqual(view.open.value, []);
});

test("of more than an address holds it has what was opened first, and says so once; the page and saved views have it all", () => {
  begin("a");
  const list = groups(["a"], Array.from({ length: 200 }, (_, i) => `value ${i} of some length, 40 in all`));
  for (let index = 0; index < 200; index += 1) toggle(list, index);
  assert.equal(wanted(list).length, 200);
  assert.ok(place.value.search.length <= LONGEST && place.value.search.length > LONGEST - 60);
  const open = parse(place.value.search).open;
  assert.deepEqual(open, view.open.value.slice(0, open.length));
  assert.equal(toasts.value.length, 1);
  assert.match(toasts.value[0].text, /too long/);
  follow();
  assert.equal(view.open.value.length, 200, "the page's own address is no news to it");
  assert.equal(parse(format(current())).open.length, 200);
  assert.deepEqual(fitting({ ...current(), where: "x".repeat(LONGEST) }), []);
});
