// Board of charts: a panel a metric, in sections by what stands before the first slash of their names.
//
// `Board` has no properties: it draws the runs that the address of the page of runs says, and writes what the reader changes
// into it. `RunCharts({runs, keys?})` draws given runs, as the pages of a run and of a comparison do: `runs` are ids, `keys`
// the metrics if they are known (otherwise the server is asked); its settings are in the address of that page. Both want a
// parent with a width; they grow in height, and whatever scrolls them may be any ancestor. New points are heard of by the board
// itself; whoever else knows of some calls `tell` of state/stale.js. The module is best fetched with `import()` when what comes first is there.
// @ts-check
import { h, useEffect, useMemo, useRef, useSignal } from "../vendor/preact.js";
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { count } from "../lib/format.js";
import { Icon } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { tell, watched } from "../state/stale.js";
import { scope } from "../state/view.js";
import { contextOfRuns, contextOfView } from "./context.js";
import { whereOf } from "./drawn.js";
import { arrange, formatPanel, matching } from "./layout.js";
import { Legend } from "./legend.js";
import { Later, Slot } from "./panel.js";
import { Toolbar } from "./toolbar.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Section} Section */

const MOST_KEYS = 50_000;
/** Between an answer and the next question, while points come in: the more charts are seen, the longer. */
const LIVE_MS = 500;
const LIVE_MS_A_CHART = 180;
const LONGEST_LIVE_MS = 3000;
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
  const { parts } = await ask("columns", { ...scope.value, kind: ["metrics"], values: false, limit: MOST_KEYS }, { signal });
  return board.named(values(parts[0], "key"));
}

/** @param {readonly string[]} runs @param {AbortSignal} signal @returns {Promise<string[]>} */
async function keysOfRuns(runs, signal) {
  const { parts } = await ask("columns", { where: whereOf(runs), view: 3, kind: ["metrics"], limit: 1000 }, { signal });
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
  useLive(board.interest(), (change) => hear(change, found), { every: () => Math.min(LIVE_MS + LIVE_MS_A_CHART * watched(), LONGEST_LIVE_MS) });
  return h(
    "section",
    { class: "charts", ref: root, "aria-label": "Charts" },
    h(Sections, { board, found }),
    h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" }, h(Said, { board })),
  );
}

/**
 * Ask again for what a change concerns: the names of metrics where there may be others, all charts where runs themselves
 * have changed, for others may be drawn now, and those of new points.
 *
 * @param {import("../lib/change.js").Change} change
 * @param {import("../state/resource.js").Resource<string[]>} found
 */
function hear({ runs, points }, found) {
  const known = new Set(found.state.peek().data ?? []);
  const isAny = runs === null || points === null || Object.values(points).some((keys) => keys === null);
  const others = isAny || Object.values(points ?? {}).some((keys) => keys?.some((key) => !known.has(key)));
  return Promise.all([tell(runs === null || runs.length > 0 ? null : points), others ? found.again() : undefined]);
}

/** @param {{board: Context}} props */
function Said({ board }) {
  return board.said.value;
}

/** @param {{board: Context, found: import("../state/resource.js").Resource<string[]>}} props */
function Sections({ board, found }) {
  const { data, error } = found.state.value;
  const adds = useSignal(false);
  const find = board.parts.find.value;
  const changed = board.changed.value;
  const sections = useMemo(() => (data ? arrange(matching(data, find).keys, changed) : []), [data, find, changed]);
  if (error && !data) return h(Failure, { error, onRetry: found.again });
  if (!data) return h(Loading, { what: "Looking for metrics" });
  const gone = changed.filter((panel) => panel.options.gone);
  return [
    h(
      Toolbar,
      { board, keys: data },
      h("button", { type: "button", onClick: () => { adds.value = true; } }, h(Icon, { name: "plus", size: 14 }), "Add a chart"),
      gone.length > 0 && h("button", { type: "button", class: "link", onClick: () => board.set({ panels: changed.filter((panel) => !panel.options.gone).map(formatPanel) }) }, `Show ${count(gone.length)} removed`),
    ),
    h(Legend, { board }),
    sections.length === 0 && h(Empty, { title: data.length ? "No metric has such a name." : "No metrics have been logged yet." }),
    ...sections.map((section, i) => h(Panels, { key: section.name || "/", board, section, keys: data, opens: before(sections, i) < MOST_AT_ONCE })),
    adds.value && h(Later, { from: () => import("./adding.js"), name: "PanelDialog", props: { board, keys: data, onClose: () => { adds.value = false; } } }),
  ];
}

/** How many panels stand before a section. @param {readonly Section[]} sections @param {number} at */
function before(sections, at) {
  let sum = 0;
  for (let i = 0; i < at; i += 1) sum += sections[i].panels.length;
  return sum;
}

/** @param {{board: Context, section: Section, keys: readonly string[], opens: boolean}} props opens: whether it is open unless the reader closes it */
function Panels({ board, section, keys, opens }) {
  const most = useSignal(MOST_AT_ONCE);
  const { panels } = section;
  const name = section.name || "/";
  const { folds } = board.parts;
  const isTurned = folds.value.includes(name);
  const open = opens !== isTurned;
  const turn = () => board.set({ folds: isTurned ? folds.value.filter((one) => one !== name) : [...folds.value, name] });
  const rest = panels.length - most.value;
  return h(
    "section",
    { class: "chart-section" },
    h(
      "h2",
      {},
      h(
        "button",
        { type: "button", class: "link", "aria-expanded": open, onClick: turn },
        h(Icon, { name: open ? "chevron-down" : "chevron-right", size: 14 }),
        h("span", { dir: "auto" }, section.name || "Metrics"),
        h("span", { class: "quiet" }, count(panels.length)),
      ),
    ),
    open && h("div", { class: "panels" }, panels.slice(0, most.value).map((panel) => h(Slot, { key: panel.id, board, panel, siblings: panels, keys }))),
    open && rest > 0 && h("button", { type: "button", onClick: () => { most.value += MOST_AT_ONCE; } }, `Show ${count(Math.min(MOST_AT_ONCE, rest))} more`),
  );
}
