// Page of models: what is registered, what is served, where to go on.
// @ts-check
import { h, useRef } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { count, firstLine, since, time } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { change, modelPath, offsetOf, useQuery, versionPath } from "../models/address.js";
import { Pager } from "../parts/pager.js";
import { Empty, Failure, Loading, PageFailure } from "../parts/state.js";
import { useCommands } from "../state/keys.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";

/** @typedef {import("../models/types.js").ListedModel} Model */
/** @typedef {import("../vendor/preact.js").Signal<URLSearchParams>} Query */

const SIZE = 100;
const MOST_ALIASES = 4;
const SORTS = /** @type {const} */ ([["", "Last changed"], ["name", "Name"], ["creation_time DESC", "Newest"], ["versions DESC", "Most versions"]]);

const COLUMNS = /** @type {const} */ ([["Name", ""], ["Versions", "number far"], ["Latest", "far"], ["Production", ""], ["Staging", "far"], ["Aliases", ""], ["Changed", "far"]]);

export default function ModelsPage() {
  const query = useQuery();
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useCommands(() => [{ keys: "/", label: "Find a model", group: "Models", run: () => field.current?.focus() }], []);
  useTitle("Models");
  const { state, again } = useResource((signal) => {
    const { value } = query;
    return get("models", { q: value.get("q"), sort: value.get("sort"), offset: offsetOf(value), limit: SIZE }, { signal });
  }, []);
  useLive({ registry: true }, again);
  const { data, error } = state.value;
  if (error && !data) return h(PageFailure, { title: "Models", error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for models" });
  const text = query.value.get("q") ?? "";
  if (data.total === 0 && !text) return h(Nothing, {});
  return h(
    "section",
    { class: "page" },
    h(
      "header",
      { class: "page-head" },
      h("h1", {}, "Models"),
      h("input", {
        ref: field, type: "search", placeholder: "Find by name or description", "aria-label": "Find models by name or description", value: text,
        onInput: (/** @type {any} */ event) => change(query, { q: event.target.value }, { replace: true }),
      }),
      h(Sort, { query }),
      h("span", { class: "spacer" }),
      h(Pager, { what: "models", offset: offsetOf(query.value), limit: SIZE, total: data.total, onMove: (offset) => change(query, { offset }) }),
    ),
    error && h(Failure, { error, onRetry: again }),
    data.models.length ? h(List, { models: data.models }) : h(Empty, { title: text ? `No model has “${text}” in its name or description.` : "There are no more models." }),
  );
}

/** @param {{query: Query}} props */
function Sort({ query }) {
  return h(
    "label",
    { class: "row" },
    h("span", { class: "quiet" }, "Order"),
    h(
      "select",
      { value: query.value.get("sort") ?? "", onChange: (/** @type {any} */ event) => change(query, { sort: event.target.value }) },
      SORTS.map(([value, label]) => h("option", { key: value, value }, label)),
    ),
  );
}

/** @param {{models: readonly Model[]}} props */
function List({ models }) {
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "list models" },
      h("thead", {}, h("tr", {}, COLUMNS.map(([name, named]) => h("th", { key: name, scope: "col", class: named }, name)))),
      h("tbody", {}, models.map((model) => h(Row, { key: model.name, model }))),
    ),
  );
}

/** @param {{model: Model}} props */
function Row({ model }) {
  const aliases = Object.entries(model.aliases);
  const to = (/** @type {number | undefined} */ version) => version !== undefined && h("a", { href: versionPath(model.name, version) }, `Version ${version}`);
  return h(
    "tr",
    {},
    h("td", {}, h("div", {}, h("a", { href: modelPath(model.name), dir: "auto" }, model.name)), model.description && h("div", { class: "quiet small one-line", dir: "auto" }, firstLine(model.description))),
    h("td", { class: "number far" }, count(model.versions)),
    h("td", { class: "far" }, to(model.latest?.version)),
    h("td", {}, to(model.stages.Production)),
    h("td", { class: "far" }, to(model.stages.Staging)),
    h(
      "td",
      {},
      aliases.slice(0, MOST_ALIASES).map(([alias, version]) => h("a", { key: alias, class: "chip alias", href: versionPath(model.name, version) }, `@${alias} → ${version}`)),
      aliases.length > MOST_ALIASES && h("span", { class: "quiet small" }, ` and ${aliases.length - MOST_ALIASES} more`),
    ),
    h("td", { class: "far", title: time(model.last_updated) }, since(model.last_updated)),
  );
}

const EXAMPLE = `runlake.sklearn.log_model(
    classifier, name="model", registered_model_name="churn"
)`;

function Nothing() {
  return h(
    Empty,
    { title: "No model is registered yet." },
    h("p", {}, "Register one when it is logged:"),
    h("pre", { class: "code", tabIndex: 0 }, EXAMPLE),
    h("p", {}, "or one that was logged before: ", h("code", {}, 'runlake.register_model("runs:/RUN/model", "churn")')),
  );
}
