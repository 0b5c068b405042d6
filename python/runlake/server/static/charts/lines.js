// Lines: the body of a panel that draws metrics: a figure that can be walked with the keyboard, and what its marks mean.
// @ts-check
import { h, useEffect, useMemo, useRef, useSignal } from "../vendor/preact.js";
import { plural } from "../lib/format.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { BucketTable, KeyCursor } from "./a11y.js";
import { LineChart } from "./chart.js";
import { kindName } from "./grid.js";
import { MarkLegend } from "./legend.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

/** @param {{board: Context, panel: Panel, title: string, drawn: import("../vendor/preact.js").Signal<LineChart | null>, large?: boolean}} props drawn: takes the chart that is made */
export function Lines({ board, panel, title, drawn, large = false }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const table = useSignal(false);
  const cursor = useMemo(() => new KeyCursor(() => drawn.peek(), () => { table.value = true; }), []);
  useEffect(() => {
    const made = new LineChart(board, panel, /** @type {HTMLElement} */ (host.current), large);
    drawn.value = made;
    return () => {
      drawn.value = null;
      made.end();
    };
  }, [board]);
  useEffect(() => {
    if (drawn.value) drawn.value.panel.value = panel;
  }, [panel]);
  const chart = drawn.value;
  const there = chart?.feed.chart.value;
  const error = chart?.feed.error.value;
  const picture = chart?.picture.value;
  const settings = board.settings(panel);
  const label = there ? `${title} by ${kindName(there.grid.kind).toLowerCase()}, ${plural(there.curves.length, "line")}` : title;
  return [
    h(
      "figure",
      {
        class: "chart", tabIndex: 0, role: "group", "aria-roledescription": "chart", "aria-label": label, "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown T",
        title: undefined, onKeyDown: (/** @type {KeyboardEvent} */ event) => cursor.press(event), onBlur: () => cursor.leave(),
      },
      h("div", { class: "plot", ref: host }),
      error && !there && h(Failure, { error, onRetry: () => chart?.feed.retry() }),
      there && there.curves.length === 0 && h(Empty, { title: board.zoom.value.has(there.grid.kind) ? "No points in this range." : "None of these runs has it." }),
      !there && !error && h(Loading, { what: "Loading" }),
      error && there && h("p", { class: "chart-note bad-text", role: "status" }, error.message),
      picture && h(MarkLegend, { curves: picture.chart.curves, left: picture.left, scale: settings.scale }),
      picture && settings.scale !== picture.scale && h("p", { class: "chart-note quiet", role: "status" }, "No value is above 0, so the axis is linear."),
    ),
    table.value && picture && h(BucketTable, { drawn: picture, title, first: board.lines.value[0]?.id ?? null, onClose: () => { table.value = false; } }),
  ];
}
