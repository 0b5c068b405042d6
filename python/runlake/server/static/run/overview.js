// Overview of a run: its note, the values that matter at first sight, what it read and what came of it.
// @ts-check
import { h, useEffect } from "../vendor/preact.js";
import { count, number, plural } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { Chip, Status } from "../parts/chip.js";
import { Editable } from "../parts/editable.js";
import { Markdown } from "../parts/markdown.js";
import { linkTo } from "../state/view.js";
import { toNumber, useHere } from "./run.js";
import { Spark, useSparks } from "./sparks.js";

const LONGEST_NOTE = 8000;
const FEW = 12;

/** @param {{to: (tab: string) => string}} props to: the address of another part of the page */
export default function Overview({ to }) {
  return h(
    "div",
    { class: "overview" },
    h(Note, {}),
    h("div", { class: "columns" }, h(Metrics, { to }), h(Params, { to })),
    h(Inputs, {}),
    h(Models, {}),
    h(Children, {}),
  );
}

function Note() {
  const { run, edit } = useHere();
  if (!run.note && !run.may_edit) return null;
  return h(
    "section",
    { class: "note", "aria-label": "Note" },
    h(
      Editable,
      { value: run.note, label: "note, as Markdown", lines: 10, most: LONGEST_NOTE, may: run.may_edit, action: run.note ? "Edit the note" : "Write a note", onSave: (note) => edit({ note }) },
      run.note && h(Markdown, { text: run.note }),
    ),
  );
}

/** @param {{to: (tab: string) => string}} props */
function Metrics({ to }) {
  const { run, metrics, tx } = useHere().run;
  const own = metrics.filter(({ key }) => !key.startsWith("system/")).sort((a, b) => b.count - a.count);
  const shown = own.slice(0, FEW);
  const sparks = useSparks(run.run_id, tx);
  useEffect(() => sparks.want(shown), [sparks, tx]);
  const curves = sparks.curves.value;
  return h(
    "section",
    { "aria-labelledby": "few-metrics" },
    h("h2", { id: "few-metrics" }, "Metrics"),
    own.length === 0 ? h("p", { class: "quiet" }, "None have been logged.") : h(
      "table",
      { class: "list few-metrics" },
      h("thead", {}, h("tr", {}, ["Name", "Curve", "Last", "Least", "Greatest"].map((text, i) => h("th", { key: text, scope: "col", class: i > 1 ? "number" : "" }, text)))),
      h("tbody", {}, shown.map(({ key, last, min, max }) =>
        h("tr", { key }, h("th", { scope: "row", dir: "auto" }, key), h("td", {}, h(Spark, { curve: curves.get(key), name: key })), [last, min, max].map((value, i) => h("td", { key: i, class: "number" }, number(toNumber(value))))))),
    ),
    own.length > FEW && h("p", {}, h("a", { href: to("metrics") }, `All ${count(metrics.length)} metrics`)),
  );
}

/** @param {{to: (tab: string) => string}} props */
function Params({ to }) {
  const { params } = useHere().run;
  const keys = Object.keys(params);
  return h(
    "section",
    { "aria-labelledby": "few-params" },
    h("h2", { id: "few-params" }, "Parameters"),
    keys.length === 0 ? h("p", { class: "quiet" }, "None have been logged.") : h(
      "table",
      { class: "list" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col" }, "Value"))),
      h("tbody", {}, keys.slice(0, FEW).map((key) => h("tr", { key }, h("th", { scope: "row", dir: "auto" }, key), h("td", { dir: "auto", class: "clipped", title: params[key] }, params[key])))),
    ),
    keys.length > FEW && h("p", {}, h("a", { href: to("params") }, `All ${count(keys.length)} parameters`)),
  );
}

function Inputs() {
  const { inputs } = useHere().run;
  if (inputs.length === 0) return null;
  return h(
    "section",
    { "aria-labelledby": "inputs" },
    h("h2", { id: "inputs" }, "Read"),
    h("ul", { class: "plain-list" }, inputs.map((one, i) => h(Input, { key: i, one }))),
  );
}

/** @param {{one: Record<string, any>}} props */
function Input({ one }) {
  if (one.kind === "model") return h("li", {}, h(Chip, { text: "model" }), " ", h("code", {}, one.model_id));
  const more = [["Source", one.source], ["Schema", one.schema], ["Profile", one.profile]].filter(([, text]) => text);
  return h(
    "li",
    {},
    h(Chip, { text: "data set" }), " ", h("strong", { dir: "auto" }, one.name), " ", h("code", {}, one.digest), " ",
    Object.entries(one.tags).map(([key, value]) => h(Chip, { key, text: String(value), title: key })),
    more.length > 0 && h("details", {}, h("summary", {}, "Where it comes from"), h("dl", { class: "facts" }, more.map(([name, text]) => [h("dt", {}, name), h("dd", { dir: "auto" }, h("code", {}, text))]))),
  );
}

function Models() {
  const { models } = useHere().run;
  if (models.length === 0) return null;
  return h(
    "section",
    { "aria-labelledby": "models" },
    h("h2", { id: "models" }, "Models"),
    h(
      "ul",
      { class: "plain-list" },
      models.map((model, i) =>
        h(
          "li",
          { key: i },
          h("strong", { dir: "auto" }, model.name), " ", h(Status, { status: model.status }), " ", model.model_id && h("code", {}, model.model_id),
          model.registered.map(({ name, version, stage, aliases }) => [
            " → ",
            h("a", { href: pathOf("version", { model: name, version: String(version) }), dir: "auto" }, `${name}, version ${version}`),
            stage !== "None" && [" ", h(Chip, { text: stage, tone: stage === "Production" ? "good" : "" })],
            aliases.map((alias) => [" ", h(Chip, { key: alias, text: `@${alias}` })]),
          ]),
        ),
      ),
    ),
  );
}

function Children() {
  const { run, children, children_total: total } = useHere().run;
  if (total === 0) return null;
  const ids = [run.run_id, ...children.map((one) => one.run_id)].slice(0, 50);
  return h(
    "section",
    { "aria-labelledby": "children" },
    h("h2", { id: "children" }, plural(total, "nested run")),
    h("ul", { class: "plain-list children" }, children.map((one) =>
      h("li", { key: one.run_id }, h("a", { href: pathOf("run", { run: one.run_id }), dir: "auto" }, one.run_name), " ", h(Status, { status: one.status })))),
    total > children.length && h("p", { class: "quiet" }, `and ${count(total - children.length)} more`),
    h("p", {}, h("a", { href: `/compare?${new URLSearchParams(ids.map((id) => ["run", id]))}` }, "Compare them"), " · ", h("a", { href: linkTo({ experiments: [run.experiment_id] }) }, "All runs of the experiment")),
  );
}
