// Charts of a run: a panel for each of its metrics.
// @ts-check
import { h } from "../vendor/preact.js";
import { RunCharts } from "../charts/board.js";
import { Empty } from "../parts/state.js";
import { useHere } from "./run.js";

export default function Charts() {
  const { run, metrics } = useHere().run;
  if (metrics.length === 0) return h(Empty, { title: "No metrics have been logged." });
  return [h("h2", { class: "visually-hidden" }, "Charts"), h(RunCharts, { runs: [run.run_id], keys: metrics.map(({ key }) => key) })];
}
