// Charts of the runs that are compared.
// @ts-check
import { h } from "../vendor/preact.js";
import { RunCharts } from "../charts/board.js";

/** @param {{runs: readonly string[]}} props */
export default function Charts({ runs }) {
  return h(RunCharts, { runs });
}
