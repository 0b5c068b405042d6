// Follow: the table of runs and its charts ask again when something has changed that they show.
// @ts-check
import { effect } from "../vendor/preact.js";
import { onChange } from "./live.js";
import { renew, tx } from "./runs.js";
import { view } from "./view.js";

/** @typedef {import("../lib/change.js").Change} Change */

const RUNS_MS = 500;
const POINTS_MS = 2000; // metrics of live runs change all the time

/** Follow what happens to the runs that are shown. @returns {() => void} */
export function follow() {
  const table = onChange(interest, renew, { every: (change) => (isOfRuns(change) ? RUNS_MS : POINTS_MS), asOf: () => tx.peek() });
  const end = effect(() => {
    view.experiments.value; // read: others are of interest now
    table.again();
  });
  return () => {
    end();
    table.end();
  };
}

function interest() {
  const experiments = view.experiments.peek();
  return { experiments: experiments.length ? experiments : null };
}

/** @param {Change} change */
function isOfRuns({ runs, experiments }) {
  return runs === null || runs.length > 0 || experiments === null || experiments.length > 0;
}
