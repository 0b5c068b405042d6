// MLmodel file: what a model takes and gives, by which libraries it is read, and the file as it is written.
// @ts-check
import { h } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { pathOfRun } from "../lib/files.js";
import { Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { TextLines } from "./text_lines.js";

/** @typedef {{name?: string, type?: string, required?: boolean, default?: unknown, "tensor-spec"?: {dtype?: string, shape?: number[]}, [rest: string]: unknown}} Column */

const PARTS = /** @type {const} */ ([["inputs", "Takes"], ["outputs", "Gives"], ["params", "Parameters when it is asked"]]);

/** @param {{id: string, path: string, text: string}} props text: of the file */
export function ModelFile({ id, path, text }) {
  const { state, again } = useResource((signal) => get(`${pathOfRun(id)}/artifacts/model`, { path }, { signal }), [id, path]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Reading the model" });
  return h(
    "div",
    { class: "model-file" },
    data.model === null ? h("p", { class: "mistake" }, "It cannot be read: ", data.error) : [h(Signature, { signature: data.model.signature }), h(Flavors, { flavors: data.model.flavors })],
    h("h3", {}, "As it is written"),
    h(TextLines, { text, label: "MLmodel" }),
  );
}

/** @param {{signature: unknown}} props */
function Signature({ signature }) {
  const said = object(signature);
  const parts = PARTS.map(([name, title]) => ({ title, columns: columnsOf(said[name]) })).filter(({ columns }) => columns.length);
  if (parts.length === 0) return h("p", { class: "quiet" }, "It has no signature: nothing says what it takes and gives.");
  return parts.map(({ title, columns }) => h(
    "section",
    { key: title, "aria-label": title },
    h("h3", {}, title),
    h(
      "table",
      { class: "list" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col" }, "Type"), h("th", { scope: "col" }, "Note"))),
      h("tbody", {}, columns.map((column, i) => h(
        "tr",
        { key: i },
        h("th", { scope: "row", dir: "auto" }, column.name ?? h("span", { class: "quiet" }, "no name")),
        h("td", {}, h("code", {}, typeOf(column))),
        h("td", { class: "quiet" }, column.required === false ? "optional" : "default" in column ? `default ${JSON.stringify(column.default)}` : ""),
      ))),
    ),
  ));
}

/** @param {{flavors: unknown}} props */
function Flavors({ flavors }) {
  const found = Object.entries(object(flavors));
  return h(
    "section",
    { "aria-label": "Flavors" },
    h("h3", {}, "Flavors"),
    found.length === 0 ? h("p", { class: "quiet" }, "None.") : found.map(([name, said]) => h(
      "details",
      { key: name },
      h("summary", { dir: "auto" }, name),
      h("dl", { class: "facts" }, Object.entries(object(said)).filter(([, value]) => value !== null).map(([key, value]) => [h("dt", {}, key), h("dd", { dir: "auto" }, typeof value === "string" ? value : JSON.stringify(value))])),
    )),
  );
}

/** What a part of a signature lists; it is JSON in a text. @param {unknown} text @returns {Column[]} */
function columnsOf(text) {
  if (typeof text !== "string") return [];
  try {
    const read = JSON.parse(text);
    return Array.isArray(read) ? read.filter((one) => one !== null && typeof one === "object") : [];
  } catch {
    return [];
  }
}

/** @param {Column} column */
function typeOf(column) {
  const spec = column["tensor-spec"];
  if (spec && typeof spec === "object") return `${spec.dtype ?? "?"} ${JSON.stringify(spec.shape ?? [])}`;
  return String(column.type ?? "?");
}

/** @param {unknown} value @returns {Record<string, unknown>} */
function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? /** @type {Record<string, unknown>} */ (value) : {};
}
