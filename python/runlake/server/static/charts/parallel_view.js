// Parallel coordinates as they are shown: what is asked for, what is said of it, and the plot.
// @ts-check
import { h, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { count, plural } from "../lib/format.js";
import { Combobox } from "../parts/combobox.js";
import { IconButton } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useLive } from "../state/live.js";
import { scope, view } from "../state/view.js";
import { askColumns, chosenAxes, fittingAxis, shortName, specOf } from "./parallel_axes.js";
import { Bounds } from "./parallel_bounds.js";
import { follow } from "./parallel_data.js";
import { Plot } from "./parallel_plot.js";
import { addAxis, brushes, chooseNothing, chosen, setAxes, specs, wanted } from "./parallel_state.js";
import { ParallelTable } from "./parallel_table.js";

/** @typedef {import("./parallel_data.js").Found} Found */

const LIVE_MS = 2000; // counts of all runs move little between
const QUIET_MS = 500; // counts are read aloud when they have rested so long

export function ParallelView() {
  const choosing = useChosenAxes();
  const data = useMemo(() => follow(wanted), []);
  const whole = useRef(/** @type {Found | null} */ (null));
  useEffect(() => data.end, [data]);
  useLive({ experiments: view.experiments.value.length ? view.experiments.value : null }, data.again, { every: LIVE_MS });
  const [open, setOpen] = useState(/** @type {string | null} */ (null));
  const [asTable, setAsTable] = useState(false);
  const [said, setSaid] = useState("");
  const { found, error, loading } = data.state.value;
  if (found && !found.isMoving) whole.current = found;
  useEffect(() => {
    if (!found) return undefined;
    const timer = setTimeout(() => setSaid(`${count(found.left)} of ${plural(found.total, "run")}`), QUIET_MS);
    return () => clearTimeout(timer);
  }, [found?.left, found?.total]);

  if (error && !found) {
    return h("div", {}, h(Failure, { error, onRetry: data.again }), view.axes.value.length > 0 && h("p", { class: "parallel-anew" }, h("button", { type: "button", onClick: () => setAxes([]) }, "Let the page choose axes")));
  }
  if (choosing.error && specs.value.length === 0) return h(Failure, { error: choosing.error, onRetry: choosing.again });
  const opened = open === null ? undefined : found?.axes.find((axis) => axis.said.key === open);
  return h(
    "div",
    { class: "parallel-view", "aria-busy": loading },
    h(Tools, { found, asTable, onTable: () => setAsTable(!asTable) }),
    error && h("p", { class: "bad", role: "alert" }, error.message),
    h(Body, { found, whole: whole.current, asTable, isChoosing: choosing.loading, onOpen: setOpen, onMoved: setSaid }),
    h("p", { class: "visually-hidden", role: "status" }, said),
    opened && h(Bounds, { key: open ?? "", said: opened.said, under: opened.under, brush: brushes.value.get(opened.said.key), onClose: () => setOpen(null) }),
  );
}

/** @param {{found: Found | null, whole: Found | null, asTable: boolean, isChoosing: boolean, onOpen: (name: string) => void, onMoved: (text: string) => void}} props */
function Body({ found, whole, asTable, isChoosing, onOpen, onMoved }) {
  if (specs.value.length < 2) {
    return isChoosing
      ? h(Loading, { what: "Choosing axes" })
      : h(Empty, { title: specs.value.length ? "A second axis is needed to draw lines." : "There is nothing yet that runs differ in." }, h("p", { class: "quiet" }, "Add parameters or metrics as axes above."));
  }
  if (!found) return h(Loading, { what: "Counting runs" });
  if (found.total === 0) return h(Empty, { title: "No run is left by the filter." });
  if (asTable) return h(ParallelTable, { found, brushes: brushes.value, onOpen });
  return h(Plot, { found, whole, onOpen, onMoved });
}

/** @param {{found: Found | null, asTable: boolean, onTable: () => void}} props */
function Tools({ found, asTable, onTable }) {
  return h(
    "div",
    { class: "parallel-tools" },
    found && h("span", { class: "parallel-count" }, h("strong", {}, count(found.left)), ` of ${plural(found.total, "run")}`),
    found && found.left < found.total && h("button", { type: "button", onClick: chooseNothing }, "Choose all"),
    h("span", { class: "spacer" }),
    h(Combobox, { label: "Add an axis", find, onChoose: add }),
    h(IconButton, { icon: "table", label: "Show as a table", pressed: asTable, onClick: onTable }),
  );
}

/** Columns that may be an axis. @param {string} text @param {AbortSignal} signal */
async function find(text, signal) {
  const found = await askColumns(scope.peek(), { q: text, limit: 30 }, signal);
  const taken = new Set([...NEVER, ...specs.peek().map((spec) => spec.name)]);
  const known = found.filter((column) => specOf(column.name) && !taken.has(column.name));
  for (const column of known) seen.set(column.name, fittingAxis(column));
  return known.map((column) => ({ value: column.name, label: shortName(column.name), detail: `${column.kind}, ${plural(column.runs, "run")}` }));
}

/** Attributes that each run has for itself. */
const NEVER = new Set(["run_id", "artifact_uri", "run_name"]);
/** How columns that were found are best shown. @type {Map<string, import("./parallel_axes.js").Spec>} */
const seen = new Map();

/** @param {string} name */
function add(name) {
  addAxis(seen.get(name) ?? { name, scale: "auto", flip: false });
}

/** Choose axes where the address says none: those of all runs of the experiments, so that a filter does not change them. */
function useChosenAxes() {
  const [state, setState] = useState({ loading: true, error: /** @type {Error | null} */ (null) });
  const asked = JSON.stringify(scope.value);
  const isSaid = view.axes.value.length > 0;
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (isSaid) return undefined;
    const stop = new AbortController();
    setState({ loading: true, error: null });
    Promise.all([
      askColumns(scope.peek(), { kind: "params", differs: 1 }, stop.signal),
      askColumns(scope.peek(), { kind: "metrics", limit: 20 }, stop.signal),
    ]).then(
      ([params, metrics]) => {
        if (stop.signal.aborted) return;
        chosen.value = chosenAxes(params, metrics, view.sort.peek());
        setState({ loading: false, error: null });
      },
      (error) => !stop.signal.aborted && setState({ loading: false, error }),
    );
    return () => stop.abort();
  }, [asked, isSaid, turn]);
  return { ...state, again: () => setTurn(turn + 1) };
}
