// Drawn runs: the runs whose curves a board draws, with the value of one column of each.
// @ts-check
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { decide } from "../state/visible.js";

/** @typedef {import("../lib/api.js").Fields} Fields */
/** @typedef {{id: string, name: string, value: any}} Valued */

/**
 * @param {Fields} question which runs there are
 * @param {Fields} drawn which of them are drawn: `top`, `pins`, `hides`
 * @param {string} column
 * @param {AbortSignal} signal
 * @returns {Promise<Valued[]>} in the order in which they are drawn
 */
export async function drawnValues(question, { top = 500, pins = [], hides = [] }, column, signal) {
  const columns = ["run_id", "run_name", column];
  const few = { ...question, columns, limit: top + pins.length + hides.length, characters: 200 };
  const answers = [ask("runs", few, { signal, post: true })];
  if (pins.length) answers.push(ask("runs", { ...few, where: whereOf(pins), view: 3 }, { signal, post: true })); // whatever the filter says
  /** @type {Map<string, Valued>} */
  const found = new Map();
  for (const { parts } of await Promise.all(answers)) {
    const [ids, names, said] = columns.map((name) => values(parts[0], name));
    ids.forEach((id, i) => found.set(id, { id, name: names[i] ?? id, value: said[i] ?? null }));
  }
  return decide([...found.keys()], { top, pins, hides }).flatMap((id) => found.get(id) ?? []);
}

/** The filter that leaves some runs. @param {readonly string[]} ids */
export function whereOf(ids) {
  return ids.length ? `run_id IN (${ids.map((id) => `'${id}'`).join(", ")})` : "run_id = ''";
}
