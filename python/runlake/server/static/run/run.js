// A run as the server tells of it, and how it is changed.
// @ts-check
import { createContext, useContext, useEffect, useRef } from "../vendor/preact.js";
import { get, send } from "../lib/api.js";
import { pathOfRun } from "../lib/files.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";

/** @typedef {number | "NaN" | "Infinity" | "-Infinity"} Value as JSON can hold it */
/** @typedef {{key: string, last: Value, last_step: string, last_time: number, min: Value | null, min_step: string | null, max: Value | null, max_step: string | null, mean: Value | null, count: number, nan: number}} Metric */
/** @typedef {{run_id: string, run_name: string, experiment_id: string, experiment_name: string, status: string, lifecycle_stage: string, start_time: number | null, end_time: number | null, user_id: string, artifact_uri: string}} Attributes */
/** @typedef {{reason: string, points: number, first_step: string, last_step: string}} Stretch */
/** @typedef {{key: string, accepted: number, stored: number, merged: number, in_flight: number, dropped: Record<string, number>, stretches: Stretch[]}} KeyLedger */
/** @typedef {{accepted: number, stored: number, merged: number, dropped: number, in_flight: number, keys: KeyLedger[]}} Ledger */
/** @typedef {{points: number, exact: boolean, reason: string, file: string, last_verified_ms: number | null, found_ms: number}} Gap */
/** @typedef {{model_id: string | null, name: string, status: string, registered: {name: string, version: number, stage: string, aliases: string[]}[]}} Model */
/** @typedef {{command: string | null, source_name: string | null, source_type: string | null, user: string | null, host: string | null, python: string | null, git_commit: string | null, git_branch: string | null, git_repository: string | null, git_dirty: boolean | null, patch: string | null, packages: Record<string, string>}} Provenance */

/**
 * @typedef {{
 *   run: Attributes, params: Record<string, string>, tags: Record<string, string>, note: string, metrics: Metric[],
 *   parent: string | null, parent_name: string | null, children: {run_id: string, run_name: string, status: string}[], children_total: number,
 *   inputs: Record<string, any>[], models: Model[], ledger: Ledger, gaps: Gap[], provenance: Provenance, console: string | null,
 *   may_edit: boolean, may_manage: boolean, tx: number,
 * }} Run
 */
/** @typedef {{name?: string, note?: string, tags?: Record<string, string | null>}} Edit a tag that is null is removed */

/** The run of the page and how to change it, for whatever is on the page. @typedef {{run: Run, edit: (fields: Edit) => Promise<void>, again: () => void}} Here */

export const RunContext = createContext(/** @type {Here | null} */ (null));

/** @returns {Here} */
export function useHere() {
  const here = useContext(RunContext);
  if (!here) throw new Error("there is no run around this component");
  return here;
}

const EVERY_MS = 2000; // a run may have thousands of metrics

/** Ask for a run, for as long as a component is on the page, and again when it changes. @param {string} id */
export function useRun(id) {
  const { state, again } = useResource((signal) => /** @type {Promise<Run>} */ (get(pathOfRun(id), {}, { signal })), [id]);
  useLive({ runs: [id], points: true }, again, { every: EVERY_MS });
  /** @param {Edit} fields */
  const edit = async (fields) => {
    await send("PATCH", pathOfRun(id), fields);
    again();
  };
  return { state, again, edit };
}

/**
 * Ask for something of the run of the page, and again when the run has changed; what is there stays until the answer comes.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {readonly unknown[]} on what it depends on besides
 * @param {readonly unknown[]} [of] as of `useResource`
 */
export function useOfRun(ask, on, of = on) {
  const { tx } = useHere().run;
  const made = useResource(ask, on, of);
  const asOf = useRef(tx);
  useEffect(() => {
    if (asOf.current !== tx) made.again();
    asOf.current = tx;
  }, [tx]);
  return made;
}

/** @param {Value | null} value */
export function toNumber(value) {
  return value === null ? null : Number(value);
}
