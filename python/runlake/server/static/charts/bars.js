// Bars: a summary of one metric for each run that is drawn, as a list that reads as well as it looks. Fetched when a board
// has such a panel.
// @ts-check
import { h, useEffect } from "../vendor/preact.js";
import { number } from "../lib/format.js";
import { pathOf } from "../lib/router.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { hovered } from "../state/visible.js";
import { drawnValues } from "./drawn.js";
import { titleOf } from "./layout.js";
import { barsCsv, barsSvg } from "./svg_points.js";
import { named } from "./toolbar.js";

/** @typedef {import("./drawn.js").Valued} Bar */

const LIVE_MS = 5000;

/** @param {import("./panel.js").BodyProps} props */
export default function Bars({ board, panel, written }) {
  const { state, again } = useResource((signal) => find(board, panel, signal), [board, panel]);
  const { data, error } = state.value;
  useLive(board.interest(), again, { every: LIVE_MS });
  useEffect(() => {
    const bars = (data ?? []).filter((bar) => bar.value !== null);
    written.value = data && { csv: () => barsCsv(bars, titleOf(panel)), svg: (how) => barsSvg(bars, how, (id) => board.inks([])({ id }).color) };
  }, [data]);
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Loading" });
  const bars = data.filter((bar) => bar.value !== null);
  if (bars.length === 0) return h(Empty, { title: "None of these runs has it." });
  const inks = board.inks([]);
  const finite = bars.map((bar) => Number(bar.value)).filter(Number.isFinite);
  const [low, high] = [Math.min(0, ...finite), Math.max(0, ...finite)];
  return h("ol", { class: "bars", tabIndex: 0, "aria-label": panel.keys[0] }, bars.map((bar) => h(Entry, { key: bar.id, bar, low, high, color: inks(bar).color })));
}

/** @param {{bar: Bar, low: number, high: number, color: string}} props */
function Entry({ bar, low, high, color }) {
  const value = Number(bar.value);
  const part = (/** @type {number} */ at) => (high > low ? (100 * (at - low)) / (high - low) : 0);
  const [from, to] = Number.isFinite(value) ? [part(Math.min(0, value)), part(Math.max(0, value))] : [0, 0];
  const point = (/** @type {string | null} */ id) => () => { hovered.value = id; };
  return h(
    "li",
    { class: hovered.value === bar.id ? "hovered" : "", onMouseEnter: point(bar.id), onMouseLeave: point(null), onFocusIn: point(bar.id), onFocusOut: point(null) },
    h("a", { href: pathOf("run", { run: bar.id }), dir: "auto" }, bar.name),
    h("span", { class: "bar-place" }, h("span", { class: "bar", style: { left: `${from}%`, width: `${to - from}%`, background: color } })),
    h("span", { class: "number" }, number(value)),
  );
}

/**
 * @param {import("./context.js").Context} board
 * @param {import("./layout.js").Panel} panel
 * @param {AbortSignal} signal
 */
function find(board, { keys: [key], options }, signal) {
  const metric = named(key);
  const column = options.reduce && options.reduce !== "last" ? `${options.reduce}(${metric})` : metric;
  return drawnValues(board.question.value, board.ask.value, column, signal);
}
