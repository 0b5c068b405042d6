// Panel: a place on the board with a title and a menu. Its chart exists while it is near the view.
// @ts-check
import { h, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Failure, Loading } from "../parts/state.js";
import { LineChart } from "./chart.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

const HEIGHT = 240;

/** @param {{board: Context, panel: Panel}} props */
export function Slot({ board, panel }) {
  const shown = useSignal(false);
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => board.mounts.observe(/** @type {HTMLElement} */ (place.current), shown), [board]);
  const { w = "1", h: height } = panel.options;
  return h(
    "article",
    { class: `panel wide-${w}`, ref: place, "data-panel": panel.id, "aria-label": titleOf(panel), style: { height: `${Number(height) || HEIGHT}px` } },
    shown.value && h(Inside, { board, panel }),
  );
}

/** @param {Panel} panel */
export function titleOf(panel) {
  return panel.keys.join(", ");
}

/** @param {{board: Context, panel: Panel}} props */
function Inside({ board, panel }) {
  return [h("header", { class: "panel-head" }, h("h4", { dir: "auto", title: titleOf(panel) }, titleOf(panel))), h(Lines, { board, panel })];
}

/** @param {{board: Context, panel: Panel, large?: boolean}} props */
export function Lines({ board, panel, large = false }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const chart = useSignal(/** @type {LineChart | null} */ (null));
  useEffect(() => {
    const made = new LineChart(board, panel, /** @type {HTMLElement} */ (host.current), large);
    chart.value = made;
    return () => made.end();
  }, [board]);
  useEffect(() => {
    if (chart.value) chart.value.panel.value = panel;
  }, [panel]);
  const feed = chart.value?.feed;
  const there = feed?.chart.value;
  const error = feed?.error.value;
  return h(
    "figure",
    { class: "chart", tabIndex: 0, role: "group", "aria-label": titleOf(panel) },
    h("div", { class: "plot", ref: host }),
    error && !there && h(Failure, { error, onRetry: () => feed?.retry() }),
    !there && !error && h(Loading, { what: "Loading" }),
  );
}
