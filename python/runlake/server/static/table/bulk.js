// Bulk: what is done with many runs at once.
// @ts-check
import { send, view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { plural } from "../lib/format.js";
import { renew } from "../state/runs.js";
import { complain, say } from "../state/toasts.js";
import { question } from "../state/view.js";
import { selected } from "../state/visible.js";
import { groupWhere } from "../lib/condition.js";
import { chooseAll, everyone, groups } from "./selection.js";

/** @typedef {{state?: "active" | "deleted", tags?: Record<string, string | null>}} Change */

const AT_ONCE = 10_000;
const A_WINDOW = 50_000;

/** Ids of all runs that are selected; those of filters are asked for now. @returns {Promise<string[]>} */
export async function idsSelected() {
  if (everyone.peek()) return idsOf(question.peek().where);
  const found = await Promise.all([...groups.peek().values()].map((group) => idsOf(groupWhere(group.part))));
  return [...new Set([...selected.peek(), ...found.flat()])];
}

/**
 * Change runs, and say what came of it.
 *
 * @param {readonly string[]} ids
 * @param {Change} change
 * @param {string} done what was done, as in "3 runs are deleted"
 * @param {(() => void) | null} [undo]
 */
export async function changeRuns(ids, change, done, undo = null) {
  let changed = 0;
  /** @type {{run_id: string, message: string}[]} */
  const refused = [];
  try {
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const answer = await send("POST", "runs/change", { runs: ids.slice(at, at + AT_ONCE), ...change });
      changed += answer.changed;
      refused.push(...answer.refused);
    }
  } catch (error) {
    complain(error);
  }
  if (refused.length) say(`${plural(refused.length, "run")} could not be changed: ${refused[0].message}.`, { tone: "bad" });
  if (changed) say(`${plural(changed, "run")} ${changed === 1 ? "is" : "are"} ${done}.`, undo ? { action: { label: "Undo", run: undo } } : {});
  renew();
}

/** Delete runs; it can be taken back at once. @param {readonly string[]} ids */
export async function deleteRuns(ids) {
  chooseAll(false);
  await changeRuns(ids, { state: "deleted" }, "deleted", () => void changeRuns(ids, { state: "active" }, "restored"));
}

/** @param {string | undefined} where @returns {Promise<string[]>} */
async function idsOf(where) {
  const { experiments, view } = question.peek();
  const ids = [];
  for (let offset = 0, total = 1, tx; offset < total; offset += A_WINDOW) {
    const answer = await ask("runs", { experiments, view, where, columns: ["run_id"], offset, limit: A_WINDOW, tx });
    [total, tx] = [answer.total, answer.tx];
    ids.push(...values(answer.parts[0], "run_id"));
  }
  return ids;
}
