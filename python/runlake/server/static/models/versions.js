// Versions: the table of a model's versions with one metric of their runs, in pieces.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { cell, since, time } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { Pager } from "../parts/pager.js";
import { Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { apiPath, change, offsetOf, versionPath } from "./address.js";

/** @typedef {import("./types.js").ListedVersion} Version */
/** @typedef {import("../vendor/preact.js").Signal<URLSearchParams>} Query */
/** @typedef {import("../vendor/preact.js").Signal<readonly string[]>} Chosen ids of runs */

const SIZE = 20;
const STAGES = ["", "Production", "Staging", "Archived", "None"];

/** @param {{model: string, query: Query, column: string, turn: import("../vendor/preact.js").Signal<number>}} props column: a metric that is shown; turn: changes when versions may have */
export function Versions({ model, query, column, turn }) {
  const { state, again } = useResource((signal) => {
    turn.value;
    const { value } = query;
    const asked = { columns: column || undefined, sort: value.get("sort"), stage: value.get("stage"), offset: offsetOf(value), limit: SIZE };
    return get(apiPath(model, "versions"), asked, { signal });
  }, [model, column], [model]);
  const chosen = useSignal(/** @type {readonly string[]} */ ([])); // runs of versions
  const { data, error } = state.value;
  return h(
    "section",
    { class: "plate", "aria-labelledby": "versions-title" },
    h(
      "header",
      { class: "row" },
      h("h2", { id: "versions-title" }, "Versions"),
      h(Stage, { query }),
      chosen.value.length > 1 && h("a", { class: "button", href: `/compare?${new URLSearchParams(chosen.value.map((run) => ["run", run]))}` }, `Compare ${chosen.value.length} runs`),
      h("span", { class: "spacer" }),
      data && h(Pager, { what: "versions", offset: offsetOf(query.value), limit: SIZE, total: data.total, onMove: (offset) => change(query, { offset }) }),
    ),
    error && h(Failure, { error, onRetry: again }),
    !data && !error && h(Loading, { what: "Looking for versions" }),
    data && h(List, { model, versions: data.versions, column, query, chosen }),
  );
}

/** @param {{query: Query}} props */
function Stage({ query }) {
  return h(
    "select",
    { "aria-label": "Stage", value: query.value.get("stage") ?? "", onChange: (/** @type {any} */ event) => change(query, { stage: event.target.value }) },
    STAGES.map((stage) => h("option", { key: stage, value: stage }, stage === "" ? "Any stage" : stage === "None" ? "No stage" : stage)),
  );
}

/** @param {{model: string, versions: readonly Version[], column: string, query: Query, chosen: Chosen}} props */
function List({ model, versions, column, query, chosen }) {
  if (versions.length === 0) return h("p", { class: "quiet" }, "No version is here.");
  const plain = (/** @type {string} */ name) => h("th", { key: name, scope: "col" }, name);
  const far = (/** @type {string} */ name) => h("th", { key: name, scope: "col", class: "far" }, name);
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "list versions" },
      h("thead", {}, h("tr", {}, h("td", {}), h(Sorted, { text: "Version", by: "version", descends: true, query }), ...["Stage", "Aliases"].map(plain), column && h(Sorted, { text: column, by: column, query, number: true }), plain("Run"), ...["Description", "By", "Registered"].map(far))),
      h("tbody", {}, versions.map((version) => h(Row, { key: version.version, model, version, column, chosen }))),
    ),
  );
}

/** @param {{text: string, by: string, query: Query, descends?: boolean, number?: boolean}} props descends: it does so at first */
function Sorted({ text, by, query, descends = false, number = false }) {
  const sort = query.value.get("sort") ?? "version DESC";
  const order = sort === by ? "ascending" : sort === `${by} DESC` ? "descending" : "none";
  const next = order === "descending" ? by : `${by} DESC`;
  return h(
    "th",
    { scope: "col", "aria-sort": /** @type {any} */ (order), class: number ? "number" : "" },
    h("button", { type: "button", class: "link", onClick: () => change(query, { sort: descends && next === `${by} DESC` ? "" : next }) }, h("bdi", {}, text), { ascending: " ↑", descending: " ↓", none: "" }[order]),
  );
}

/** @param {{model: string, version: Version, column: string, chosen: Chosen}} props */
function Row({ model, version, column, chosen }) {
  const { run } = version;
  return h(
    "tr",
    {},
    h("td", {}, run && h("input", {
      type: "checkbox", "aria-label": `Choose the run of version ${version.version}`, checked: chosen.value.includes(run.run_id),
      onChange: () => { chosen.value = chosen.value.includes(run.run_id) ? chosen.value.filter((one) => one !== run.run_id) : [...chosen.value, run.run_id]; },
    })),
    h("td", {}, h("a", { href: versionPath(model, version.version) }, `Version ${version.version}`)),
    h("td", {}, version.stage !== "None" && h("span", { class: "chip" }, version.stage)),
    h("td", {}, version.aliases.map((alias) => h("span", { key: alias, class: "chip alias" }, `@${alias}`))),
    column && h("td", { class: "number" }, cell(run?.values[column])),
    h("td", {}, run ? h("a", { class: "one-line", href: pathOf("run", { run: run.run_id }), dir: "auto" }, run.run_name) : h("span", { class: "quiet" }, version.run_id ? "not here" : "")),
    h("td", { class: "far" }, version.description && h("div", { class: "one-line", dir: "auto" }, version.description.split("\n", 1)[0])),
    h("td", { class: "far" }, h("div", { class: "one-line who-by", dir: "auto" }, version.user_id)),
    h("td", { class: "far", title: time(version.creation_time) }, since(version.creation_time)),
  );
}
