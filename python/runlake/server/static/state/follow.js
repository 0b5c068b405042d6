// Follow: the table of runs asks again when something has changed that it shows.
// @ts-check
import { effect } from "../vendor/preact.js";
import * as columns from "./columns.js";
import { onChange } from "./live.js";
import { renew } from "./runs.js";
import { view } from "./view.js";

/** @typedef {import("../lib/change.js").Change} Change */

const RUNS_MS = 500;
const POINTS_MS = 2000; // metrics of live runs change all the time
const COLUMNS_MS = 5000;

/** Follow what happens to the runs that are shown. @returns {() => void} */
export function follow() {
  /** Metrics that runs have logged while they were followed. @type {Set<string>} */
  const known = new Set();
  const followers = [
    onChange(interest, renew, { every: (change) => (isOfRuns(change) ? RUNS_MS : POINTS_MS) }),
    onChange(interest, (change) => { if (hasNew(change, known)) columns.renew(); }, { every: COLUMNS_MS }),
  ];
  const end = effect(() => {
    view.experiments.value; // read: others are of interest now
    for (const follower of followers) follower.again();
  });
  return () => {
    end();
    for (const follower of followers) follower.end();
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

/** Whether there may be other columns than before. @param {Change} change @param {Set<string>} known */
function hasNew(change, known) {
  const before = known.size;
  for (const keys of Object.values(change.points ?? {})) for (const key of keys ?? []) known.add(key);
  return isOfRuns(change) || change.points === null || known.size > before;
}
