// Describe: what a version is made of, as tables: signature, flavors, requirements, metrics, parameters, origin.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { cell, count, plural, since, size, time } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { Code } from "../parts/copy.js";
import { linkTo } from "../state/view.js";

/** @typedef {import("./types.js").Contents} Contents */
/** @typedef {import("./types.js").SignatureRow} SignatureRow */
/** @typedef {import("./types.js").Version} Version */
/** @typedef {import("../vendor/preact.js").ComponentChildren} Children */

const PARTS = /** @type {const} */ ([["inputs", "Inputs"], ["outputs", "Outputs"], ["params", "Parameters of a prediction"]]);
const FEW = 12;
const MOST_ROWS = 200;

/** What the model takes and gives. @param {{signature: readonly SignatureRow[]}} props */
export function Signature({ signature }) {
  const parts = PARTS.map(([part, title]) => ({ part, title, rows: signature.filter((row) => row.part === part) })).filter(({ rows }) => rows.length);
  return h("div", { class: "sides" }, parts.map(({ part, title, rows }) => h(SignaturePart, { key: part, title, rows, defaults: part === "params" })));
}

/** @param {{title: string, rows: readonly SignatureRow[], defaults: boolean}} props */
function SignaturePart({ title, rows, defaults }) {
  const [text, setText] = useState("");
  const heads = ["Name", "Type", defaults ? "Default" : "Required"];
  const found = having(rows, (row) => row.name ?? "", text);
  return h(
    "div",
    {},
    h("h3", {}, `${title} (${count(rows.length)})`),
    h(Find, { among: rows.length, what: title, text, onText: setText }),
    h(Table, { heads, label: title, rows: found.map((row) => [h("bdi", { class: "mono" }, row.name ?? "–"), h("span", { class: "mono" }, row.type), defaults ? row.default : row.required]) }),
  );
}

/** @param {{flavors: Contents["flavors"]}} props */
export function Flavors({ flavors }) {
  const rows = Object.entries(flavors).map(([name, keys]) => [
    h("bdi", {}, name),
    h("span", { class: "mono", dir: "auto" }, Object.entries(keys).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")),
  ]);
  return h(Table, { heads: ["Flavor", "What it says"], label: "Flavors", rows });
}

/** Names with values, with a field to find some where they are many. @param {{title: string, values: Record<string, any>, total: number}} props */
export function Values({ title, values, total }) {
  const [text, setText] = useState("");
  const names = Object.keys(values);
  const found = having(names, (name) => name, text);
  return h(
    "div",
    {},
    h("h3", {}, `${title} (${count(total)})`),
    h(Find, { among: names.length, what: title, text, onText: setText }),
    names.length === 0 ? h("p", { class: "quiet" }, "None.") : h(Table, { heads: ["Name", "Value"], label: title, rows: found.map((name) => [h("bdi", {}, name), h("bdi", { class: "mono" }, cell(values[name]))]) }),
    total > names.length && h("p", { class: "quiet small" }, `The first ${count(names.length)} are shown; the page of the run has all.`),
  );
}

/** A field to find names in, where they are many. @param {{among: number, what: string, text: string, onText: (text: string) => void}} props */
function Find({ among, what, text, onText }) {
  if (among <= FEW) return null;
  return h("input", { type: "search", "aria-label": `Find in ${what.toLowerCase()}`, placeholder: "Find by name", value: text, onInput: (/** @type {any} */ event) => onText(event.target.value) });
}

/** @template T @param {readonly T[]} things @param {(thing: T) => string} nameOf @param {string} text */
function having(things, nameOf, text) {
  const wanted = text.toLowerCase();
  return wanted ? things.filter((thing) => nameOf(thing).toLowerCase().includes(wanted)) : things;
}

/** Where a version comes from; what is not known is left out. @param {{version: Version}} props */
export function From({ version }) {
  const { run, contents } = version;
  const commit = run?.git_commit && `${run.git_commit.slice(0, 10)}${run.git_branch ? ` on ${run.git_branch}` : ""}${run.git_dirty ? ", with changes" : ""}`;
  /** @type {[string, Children][]} */
  const lines = [
    ["Run", run ? h("a", { href: pathOf("run", { run: run.run_id }), dir: "auto" }, run.run_name) : h("span", { class: "quiet" }, version.run_id ? "It is gone, or may not be read by you." : "None is known.")],
    ["Experiment", run && h("a", { href: linkTo({ experiments: [run.experiment_id] }), dir: "auto" }, run.experiment_name)],
    ["Started", run && time(run.start_time)],
    ["Program", run?.source_name && h("bdi", { class: "mono" }, run.source_name)],
    ["Commit", commit && h("bdi", { class: "mono", title: run?.git_commit ?? "" }, commit)],
    ["Data", run && run.datasets.length > 0 && h("ul", { class: "plain" }, run.datasets.map((data, i) => h("li", { key: i }, h("bdi", {}, data.name), " ", h("bdi", { class: "quiet" }, data.digest), data.context && [", ", h("bdi", { key: "context", class: "quiet" }, data.context)])))],
    ["Registered", [h("span", { key: "at", title: time(version.creation_time) }, since(version.creation_time)), version.user_id && [" by ", h("bdi", { key: "by" }, version.user_id)]]],
    ["Source", version.source && h("bdi", { class: "mono" }, version.source)],
    ["Logged model", version.model_id && h("bdi", { class: "mono" }, version.model_id)],
    ["Size", contents.model_size_bytes !== undefined && size(contents.model_size_bytes)],
  ];
  return h("dl", { class: "origin" }, lines.filter(([, value]) => value).map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, value))));
}

/** How the version is loaded, by its number and by what means it. @param {{model: string, version: number, aliases: readonly string[]}} props */
export function HowToLoad({ model, version, aliases }) {
  const uri = aliases.length ? `models:/${model}@${aliases[0]}` : `models:/${model}/${version}`;
  return h(Code, { what: "how to load it", text: `import runlake\n\nmodel = runlake.pyfunc.load_model(${JSON.stringify(uri)})\nmodel.predict(data)` });
}

/** @param {{heads: readonly string[], rows: readonly (readonly Children[])[], label: string}} props */
export function Table({ heads, rows, label }) {
  return h(
    "div",
    { class: "scroll low", tabIndex: 0, role: "region", "aria-label": label },
    h(
      "table",
      { class: "list" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { key: head, scope: "col" }, head)))),
      h("tbody", {}, rows.slice(0, MOST_ROWS).map((row, i) => h("tr", { key: i }, row.map((value, j) => h("td", { key: j }, value))))),
    ),
    rows.length > MOST_ROWS && h("p", { class: "quiet small" }, `and ${plural(rows.length - MOST_ROWS, "more row")}`),
  );
}
