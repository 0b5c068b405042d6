// Page of experiments: what there is, what is running, where to go on.
// @ts-check
import { h, useRef, useSignal } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { count, firstLine, plural, since, time } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { finder } from "../lib/words.js";
import { Chip } from "../parts/chip.js";
import { Empty, Loading, Outdated, PageFailure } from "../parts/state.js";
import { useCommands } from "../state/keys.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { linkTo } from "../state/view.js";

/** @typedef {{experiment_id: string, name: string, runs: number, live: number, last_start_time: number | null, creation_time: number, tags: Record<string, string>}} Experiment */

const NOTE = "mlflow.note.content"; // where MLflow keeps a description
const NOTE_SHOWN = 200; // characters

export default function ExperimentsPage() {
  const text = useSignal("");
  const chosen = useSignal(/** @type {readonly string[]} */ ([]));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useCommands(() => [{ keys: "/", label: "Find an experiment", group: "Experiments", run: () => field.current?.focus() }], []);
  useTitle("Experiments");
  const { state, again } = useResource((signal) => get("experiments", {}, { signal }), []);
  useLive({ experiments: null, points: false }, again);
  const { data, error } = state.value;
  if (error && !data) return h(PageFailure, { title: "Experiments", error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for experiments" });
  const all = /** @type {Experiment[]} */ (data.experiments);
  if (all.length < 2 && all.every((one) => one.runs === 0)) return h(Nothing, {}); // of several somebody has made some
  const isWanted = finder(text.value);
  const found = all.filter((one) => isWanted(one.name));
  found.sort((a, b) => (b.last_start_time ?? b.creation_time) - (a.last_start_time ?? a.creation_time));
  return h(
    "section",
    { class: "page" },
    h(Outdated, { error, onRetry: again }),
    h(
      "header",
      { class: "page-head" },
      h("h1", {}, "Experiments"),
      h("input", {
        ref: field, type: "search", placeholder: "Find by name", "aria-label": "Find experiments by name", value: text.value,
        onInput: (/** @type {any} */ event) => { text.value = event.target.value; },
      }),
      h("span", { class: "quiet", role: "status" }, plural(found.length, "experiment")),
      chosen.value.length > 1 && h("a", { class: "button", href: linkTo({ experiments: [...chosen.value] }) }, `Show the runs of ${chosen.value.length} together`),
    ),
    found.length ? h(List, { found, chosen }) : h(Empty, { title: `No experiment has “${text.value}” in its name.` }),
  );
}

/** @param {{found: readonly Experiment[], chosen: import("../vendor/preact.js").Signal<readonly string[]>}} props */
function List({ found, chosen }) {
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "list experiments" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td", {}),
          h("th", { scope: "col" }, "Name"),
          h("th", { scope: "col", class: "number" }, "Runs"),
          h("th", { scope: "col" }, "Running"),
          h("th", { scope: "col" }, "Last run"),
        ),
      ),
      h("tbody", {}, found.map((one) => h(Row, { key: one.experiment_id, one, chosen }))),
    ),
  );
}

/** @param {{one: Experiment, chosen: import("../vendor/preact.js").Signal<readonly string[]>}} props */
function Row({ one, chosen }) {
  const id = one.experiment_id;
  const note = firstLine(one.tags[NOTE] ?? "");
  return h(
    "tr",
    {},
    h("td", {}, h("input", {
      type: "checkbox", "aria-label": `Choose ${one.name}`, checked: chosen.value.includes(id),
      onChange: () => { chosen.value = chosen.value.includes(id) ? chosen.value.filter((other) => other !== id) : [...chosen.value, id]; },
    })),
    h("td", {}, h("a", { href: linkTo({ experiments: [id] }), dir: "auto" }, one.name), note && h("div", { class: "quiet small", dir: "auto" }, note.slice(0, NOTE_SHOWN))),
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
