// Board of charts: a panel a metric, in sections by what stands before the first slash of their names.
//
// `Board` has no properties: it draws the runs that the address of the page of runs says, and writes what the reader changes
// into it. `RunCharts({runs, keys?})` draws given runs, as the pages of a run and of a comparison do: `runs` are ids, `keys`
// the metrics if they are known (otherwise the server is asked); its settings last as long as the page. Both want a parent with
// a width; they grow in height, and whatever scrolls them may be any ancestor. New points: `tell` of state/stale.js.
// @ts-check
import { h, useEffect, useMemo, useRef, useSignal } from "../vendor/preact.js";
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { count } from "../lib/format.js";
import { Icon } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { contextOfRuns, contextOfView } from "./context.js";
import { arrange, matching } from "./layout.js";
import { Slot } from "./panel.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Section} Section */

const MOST_KEYS = 50_000;
const MOST_AT_ONCE = 2000; // panels of one section

/** The charts of the page of runs. */
export function Board() {
  const board = useMemo(contextOfView, []);
  const found = useResource((signal) => keysOf(board, signal), [board]);
  return h(Charts, { board, found });
}

/** The charts of some runs. @param {{runs: readonly string[], keys?: readonly string[]}} props */
export function RunCharts({ runs, keys }) {
  const given = useSignal(runs);
  const board = useMemo(() => contextOfRuns(given), []);
  useEffect(() => { given.value = runs; }, [runs.join()]);
  const found = useResource((signal) => (keys ? Promise.resolve([...keys]) : keysOfRuns(given.value, signal)), [keys?.join("\n")]);
  return h(Charts, { board, found });
}

/** @param {Context} board @param {AbortSignal} signal @returns {Promise<string[]>} */
async function keysOf(board, signal) {
  const { experiments, view } = board.ask.value;
  const { parts } = await ask("columns", { experiments, view, kind: ["metrics"], values: false, limit: MOST_KEYS }, { signal });
  return values(parts[0], "key");
}

/** @param {readonly string[]} runs @param {AbortSignal} signal @returns {Promise<string[]>} */
async function keysOfRuns(runs, signal) {
  const where = `run_id IN (${runs.map((id) => `'${id}'`).join(", ")})`;
  const { parts } = await ask("columns", { where, view: 3, kind: ["metrics"], limit: 1000 }, { signal });
  const many = values(parts[0], "runs");
  return values(parts[0], "key").filter((_, i) => many[i] > 0);
}

/** @param {{board: Context, found: import("../state/resource.js").Resource<string[]>}} props */
function Charts({ board, found }) {
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    root.current?.append(board.tooltip.root);
    return () => board.end();
  }, [board]);
  return h("section", { class: "charts", ref: root, "aria-label": "Charts" }, h(Sections, { board, found }));
}

/** @param {{board: Context, found: import("../state/resource.js").Resource<string[]>}} props */
function Sections({ board, found }) {
  const { data, error } = found.state.value;
  if (error && !data) return h(Failure, { error, onRetry: found.again });
  if (!data) return h(Loading, { what: "Looking for metrics" });
  const { keys } = matching(data, board.parts.find.value);
  const sections = arrange(keys, board.changed.value);
  if (sections.length === 0) return h(Empty, { title: data.length ? "No metric has such a name." : "No metrics have been logged yet." });
  return sections.map((section) => h(Panels, { key: section.name, board, section }));
}

/** @param {{board: Context, section: Section}} props */
function Panels({ board, section }) {
  const most = useSignal(MOST_AT_ONCE);
  const { name, panels } = section;
  const { folds } = board.parts;
  const folded = folds.value.includes(name || "/");
  const fold = () => board.set({ folds: folded ? folds.value.filter((one) => one !== (name || "/")) : [...folds.value, name || "/"] });
  return h(
    "section",
    { class: "chart-section" },
    h(
      "h3",
      {},
      h(
        "button",
        { type: "button", class: "link", "aria-expanded": !folded, onClick: fold },
        h(Icon, { name: folded ? "chevron-right" : "chevron-down", size: 14 }),
        h("span", { dir: "auto" }, name || "Metrics"),
        h("span", { class: "quiet" }, count(panels.length)),
      ),
    ),
    !folded && h("div", { class: "panels" }, panels.slice(0, most.value).map((panel) => h(Slot, { key: panel.id, board, panel }))),
    !folded && panels.length > most.value && h("button", { type: "button", onClick: () => { most.value += MOST_AT_ONCE; } }, `Show ${count(Math.min(MOST_AT_ONCE, panels.length - most.value))} more`),
  );
}
