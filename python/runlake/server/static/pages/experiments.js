// Page of experiments: what there is, what is running, where to go on.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { count, plural, since, time } from "../lib/format.js";
import { Chip } from "../parts/chip.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { linkTo } from "../state/view.js";

/** @typedef {{experiment_id: string, name: string, runs: number, live: number, last_start_time: number | null, creation_time: number}} Experiment */

export default function ExperimentsPage() {
  const text = useSignal("");
  const { state, again } = useResource((signal) => get("experiments", {}, { signal }), []);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for experiments" });
  const all = /** @type {Experiment[]} */ (data.experiments);
  if (all.every((one) => one.runs === 0)) return h(Nothing, {});
  const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((one) => wanted.every((word) => one.name.toLowerCase().includes(word)));
  found.sort((a, b) => (b.last_start_time ?? b.creation_time) - (a.last_start_time ?? a.creation_time));
  return h(
    "section",
    { class: "page" },
    h(
      "header",
      { class: "page-head" },
      h("h1", {}, "Experiments"),
      h("input", {
        type: "search", placeholder: "Find by name", "aria-label": "Find experiments by name", value: text.value,
        onInput: (/** @type {any} */ event) => { text.value = event.target.value; },
      }),
      h("span", { class: "quiet", role: "status" }, plural(found.length, "experiment")),
    ),
    found.length ? h(List, { found }) : h(Empty, { title: `No experiment has “${text.value}” in its name.` }),
  );
}

/** @param {{found: readonly Experiment[]}} props */
function List({ found }) {
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "list" },
      h("thead", {}, h("tr", {}, ["Name", "Runs", "Running", "Last run"].map((text) => h("th", { key: text, scope: "col" }, text)))),
      h("tbody", {}, found.map((one) => h(Row, { key: one.experiment_id, one }))),
    ),
  );
}

/** @param {{one: Experiment}} props */
function Row({ one }) {
  return h(
    "tr",
    {},
    h("td", {}, h("a", { href: linkTo({ experiments: [one.experiment_id] }), dir: "auto" }, one.name)),
    h("td", { class: "number" }, count(one.runs)),
    h("td", {}, one.live > 0 && h(Chip, { text: count(one.live), tone: "busy" })),
    h("td", { title: time(one.last_start_time) }, since(one.last_start_time)),
  );
}

const EXAMPLE = `import runlake

with runlake.start_run(params={"lr": 0.001}) as run:
    for step in range(1000):
        run.log_metric("loss", 1 / (step + 1), step=step)`;

function Nothing() {
  return h(
    Empty,
    { title: "Nothing has been logged yet." },
    h("p", {}, "Log a first run in Python:"),
    h("pre", { class: "code", tabIndex: 0 }, EXAMPLE),
    h("p", {}, "or look at an example: ", h("code", {}, "runlake demo"), " fills a store with a sweep of 96 small networks."),
  );
}
