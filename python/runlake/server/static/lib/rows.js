// Rows: what is asked of the server for a window of runs. The first window of a page is said by its address alone.
// @ts-check
import { lifecycleOf } from "./url.js";

/** @typedef {Record<string, any>} Fields */

/** So many rows are asked for at once. */
export const ROWS = 200;
/** Texts are cut behind so many characters: a cell shows fewer. */
export const CHARACTERS = 300;
/** So many columns are asked for at once; of more only those in view are. */
export const MOST_AT_ONCE = 40;
/** What is asked of every run, for its name, its colour and its links. */
const BASE = Object.freeze(["run_id", "experiment_id", "run_name", "status", "lifecycle_stage", "start_time", "duration"]);

/**
 * The fields of the first request of a page of runs.
 *
 * @param {import("./url.js").State} state
 * @param {string} where the filter with the ranges on axes
 * @returns {Fields}
 */
export function firstRequest(state, where) {
  const { experiments, sort, group, color, columns } = state;
  const said = { experiments, where: where || undefined, sort, view: lifecycleOf(state.lifecycle) };
  const few = columns.length <= MOST_AT_ONCE ? columns.filter((name) => !isPattern(name)) : [];
  const names = group.length ? numbersOf(columns.length ? few : BASE) : namesWith(few, color);
  return windowOf(rowsOf(said, group, state.flat), names, 0);
}

/**
 * What is asked for one window.
 *
 * @param {Fields} question
 * @param {readonly string[]} names
 * @param {number} offset
 * @param {number} [tx] NaN or nothing: as of now
 * @returns {Fields}
 */
export function windowOf(question, names, offset, tx) {
  return { ...question, columns: names, offset, limit: ROWS, characters: CHARACTERS, tx: tx === undefined || Number.isNaN(tx) ? undefined : tx };
}

/**
 * What says which rows there are: groups; or, where no order says otherwise, runs with those that were started in them
 * below; or runs.
 *
 * @param {Fields} said
 * @param {readonly string[]} group
 * @param {boolean} flat
 * @returns {Fields}
 */
export function rowsOf(said, group, flat) {
  const isNested = group.length === 0 && !flat && said.sort.length === 0;
  return { ...said, group: group.length ? [group[0]] : undefined, nested: isNested || undefined };
}

/** What is asked of runs: what every row needs, the columns, and that which colours are of. @param {readonly string[]} names @param {string} color */
export function namesWith(names, color) {
  return [...new Set([...BASE, ...names, ...(color ? [color] : [])])];
}

/** Columns of which a group may have a mean. @param {readonly string[]} names */
export function numbersOf(names) {
  return names.filter((name) => name === "duration" || /^(params|metrics)\.|\(/.test(name));
}

/** Whether a name stands for all columns of a kind. @param {string} name */
export function isPattern(name) {
  return /^(params|metrics|tags)\.\*$/.test(name);
}
