// Page of runs side by side: what they have, how it differs, their text artifacts and their charts.
// @ts-check
import { h, useEffect, useState } from "../vendor/preact.js";
import { send, view } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { go, place, useTitle } from "../lib/router.js";
import { Combobox } from "../parts/combobox.js";
import { Empty, Failure, Loading, Outdated } from "../parts/state.js";
import { ComparisonTable } from "../compare/table.js";
import { TextDiff } from "../compare/text_diff.js";
import { quoted } from "../lib/quoting.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";

const MOST = 50;
const FEW = 20;
const EVERY_MS = 2000;

/** @typedef {import("../vendor/preact.js").ComponentType<{runs: readonly string[]}>} Charts */
/** @typedef {{runs: string[], names: string[], rows: import("../compare/rows.js").Row[]}} Comparison */

export default function ComparePage() {
  const said = new URLSearchParams(place.value.search);
  const runs = [...new Set(said.getAll("run"))];
  const same = said.get("same") === "1";
  const baseline = Math.max(0, runs.indexOf(said.get("baseline") ?? ""));
  useTitle("Comparison");
  /** @param {{runs?: readonly string[], same?: boolean, baseline?: string}} parts */
  const change = (parts) => {
    const others = [...said].filter(([name]) => !["run", "baseline", "same"].includes(name)); // settings of the charts
    const next = new URLSearchParams([...(parts.runs ?? runs).map((run) => ["run", run]), ...others]);
    const base = parts.baseline ?? runs[baseline];
    if (base !== undefined && (parts.runs ?? runs).indexOf(base) > 0) next.set("baseline", base);
    if (parts.same ?? same) next.set("same", "1");
    go(`/compare?${next}`);
  };
  return h(
    "section",
    { class: "page compare-page" },
    h(
      "header",
      { class: "page-head" },
      h("h1", {}, runs.length ? `Comparison of ${runs.length} ${runs.length === 1 ? "run" : "runs"}` : "Comparison"),
      runs.length < MOST && h(Combobox, { label: "Add a run", find: (text, signal) => find(text, runs, signal), onChoose: (run) => change({ runs: [...runs, run] }) }),
      runs.length > 1 && h("label", {}, h("input", { type: "checkbox", checked: !same, onChange: () => change({ same: !same }) }), " only what differs"),
    ),
    runs.length > MOST
      ? h(Empty, { title: `${runs.length} runs are too many to be compared side by side.` }, h("p", {}, `At most ${MOST} can be; the page of runs draws any number.`))
      : runs.length === 0
        ? h(Empty, { title: "No runs are chosen." }, h("p", {}, "Add them above, or select them on the ", h("a", { href: "/runs" }, "page of runs"), "."))
        : h(Compared, { runs, same, baseline, change }),
  );
}

/** @param {{runs: readonly string[], same: boolean, baseline: number, change: (parts: {runs?: readonly string[], baseline?: string}) => void}} props */
function Compared({ runs, same, baseline, change }) {
  const whole = same || runs.length === 1;
  const [all, setAll] = useState(false);
  const { state, again } = useResource((signal) => /** @type {Promise<Comparison>} */ (send("POST", "diff", { runs, same: whole, ...(all ? {} : { fields: ["latest"] }) }, { signal })), [runs.join(), whole, all], [runs.join()]);
  useLive({ runs, points: true }, again, { every: EVERY_MS });
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data || data.runs.join() !== runs.join()) return h(Loading, { what: "Comparing" });
  return [
    h(Outdated, { error, onRetry: again }),
    h(ComparisonTable, {
      runs, names: data.names, rows: data.rows, baseline, differences: !whole, all, onAll: setAll,
      onBaseline: (at) => change({ baseline: runs[at] }), onRemove: (run) => change({ runs: runs.filter((one) => one !== run) }),
    }),
    runs.length > 1 && h(TextDiff, { runs, names: data.names, baseline }),
    h(Drawn, { runs }),
  ];
}

/** @param {{runs: readonly string[]}} props */
function Drawn({ runs }) {
  const [found, setFound] = useState(/** @type {{Charts: Charts} | null} */ (null));
  useEffect(() => void import("../compare/charts.js").then((module) => setFound({ Charts: module.default }), () => undefined), []);
  return h("div", { class: "compare-charts" }, h("h2", {}, "Charts"), found ? h(found.Charts, { runs }) : h(Loading, { what: "Loading" }));
}

/**
 * Runs whose names have a text in them, the last begun first.
 *
 * @param {string} text
 * @param {readonly string[]} without
 * @param {AbortSignal} signal
 */
async function find(text, without, signal) {
  const sought = quoted(`%${text}%`);
  const { parts } = await view("runs", { where: text && sought ? `run_name ILIKE ${sought} OR run_id = ${quoted(text)}` : undefined, sort: ["start_time DESC"], columns: ["run_id", "run_name"], limit: FEW + without.length }, { signal });
  const [ids, names] = [values(parts[0], "run_id"), values(parts[0], "run_name")];
  return ids.flatMap((id, at) => (without.includes(id) ? [] : [{ value: id, label: names[at], detail: id.slice(0, 8) }])).slice(0, FEW);
}
