// Page of runs: the filter, the table, and the charts beside it; on a narrow screen one of them at a time.
// @ts-check
import { computed, h, useEffect, useMemo } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { useTitle } from "../lib/router.js";
import { later } from "../parts/later.js";
import { isNarrow } from "../state/columns.js";
import * as inks from "../state/inks.js";
import * as order from "../state/order.js";
import * as runs from "../state/runs.js";
import { seen, useResource } from "../state/resource.js";
import { change, filter, view } from "../state/view.js";
import { forget } from "../state/visible.js";
import { Table } from "../table/table.js";

/**
 * A component that is fetched when the first rows have been seen.
 *
 * @template {object} P
 * @param {() => Promise<import("../vendor/preact.js").ComponentType<P>>} load
 */
const behind = (load) => later(() => seen().then(load));

const FilterBar = behind(async () => (await import("../table/filter_bar.js")).FilterBar);
const Toolbar = behind(async () => (await import("../table/toolbar.js")).Toolbar);
const BulkBar = behind(async () => (await import("../table/bulk_bar.js")).BulkBar);
const Splitter = behind(async () => (await import("../parts/splitter.js")).Splitter);
const Parallel = behind(async () => (await import("../charts/parallel.js")).Parallel);
const Board = behind(async () => (await import("../charts/board.js")).Board);

/** What can be shown, side by side or one at a time. @type {Record<string, string>} */
const WIDE = { all: "Both", table: "Table", charts: "Charts" };
/** @type {Record<string, string>} */
const SLIM = { table: "Table", charts: "Charts", parallel: "Parallel" };

/** Whether there may be something to draw: there are runs, and the filter can be read. The table says it when not. */
const isDrawable = computed(() => {
  if (!runs.root.value) return !runs.failure.value?.span;
  return runs.total.value !== 0 || filter.value !== "";
});

export default function RunsPage() {
  const ends = useMemo(() => [runs.begin(), order.begin(), inks.begin()], []); // asked before anything is drawn
  useEffect(() => () => { ends.forEach((end) => end()); forget(); }, [ends]);
  useEffect(() => {
    const followed = seen().then(() => import("../state/follow.js")).then(({ follow }) => follow());
    return () => void followed.then((leave) => leave());
  }, []);
  const wanted = isNarrow.value && view.show.value === "all" ? "table" : view.show.value;
  const show = isDrawable.value ? wanted : "table";
  const both = show === "all";
  return h(
    "div",
    { class: "runs-page" },
    h("div", { class: "runs-head" }, h(Title, {}), h(FilterBar, {}), h(Toolbar, {}), isDrawable.value && h(Shows, { show })),
    h(
      "div",
      { class: "runs-body" },
      (both || show === "table") && h("div", { key: "table", class: "runs-table", style: { flexBasis: both ? `${view.split.value}%` : "100%" } }, h(Table, {}), h(BulkBar, {})),
      both && h(Splitter, { key: "line", label: "Width of the table", share: view.split.value, low: 20, high: 80, onChange: (split) => change({ split }, { replace: true }) }),
      show !== "table" && h("div", { key: "charts", class: "runs-charts" }, (runs.root.value || runs.failure.value) && h(Charts, { show })),
    ),
  );
}

/** What is drawn of runs; on a narrow screen parallel coordinates are apart. @param {{show: string}} props */
function Charts({ show }) {
  return [
    (show === "parallel" || !isNarrow.value) && h(Parallel, { key: "parallel" }),
    show !== "parallel" && h(Board, { key: "board" }),
  ];
}

/** Whose runs they are: at first what the address says, then the names. */
function Title() {
  const { state } = useResource((stop) => named(view.experiments.value, stop), []);
  const text = state.value.data ?? "Runs";
  useTitle(text);
  return h("h1", { class: "runs-title", dir: "auto", title: text }, text);
}

/** @param {readonly string[]} ids @param {AbortSignal} stop */
async function named(ids, stop) {
  if (ids.length === 0) return "All runs";
  if (ids.length > 1) return `${ids.length} experiments`;
  await seen(); // the rows come first
  const { experiments } = await get("experiments", { experiments: ids, view: 3 }, { signal: stop });
  return experiments[0]?.name ?? "Runs";
}

/** @param {{show: string}} props */
function Shows({ show }) {
  return h(
    "div",
    { class: "shows", role: "group", "aria-label": "What is shown" },
    Object.entries(isNarrow.value ? SLIM : WIDE).map(([name, label]) =>
      h("button", { key: name, type: "button", "aria-pressed": show === name, onClick: () => change({ show: /** @type {any} */ (name) }) }, label),
    ),
  );
}
