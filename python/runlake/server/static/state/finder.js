// Finder: experiments, runs, models and saved views by a part of their names.
// @ts-check
import { get, isAbort, view } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { plural } from "../lib/format.js";
import { go, pathOf } from "../lib/router.js";
import { quoted } from "../lib/quoting.js";
import { open } from "./saved.js";
import { linkTo } from "./view.js";

/** @typedef {{kind: string, id: string, label: string, detail: string, icon: string, run: () => void}} Found */

const MOST = 8;

/**
 * Find what has a text in its name, or begins with it as an id. What a server refuses is left out.
 *
 * @param {string} text
 * @param {AbortSignal} signal
 * @returns {Promise<Found[]>}
 */
export async function find(text, signal) {
  const wanted = text.trim();
  const asked = [experiments(wanted, signal), views(wanted, signal), ...(wanted ? [runs(wanted, signal), models(wanted, signal)] : [])];
  return (await Promise.all(asked.map((one) => one.catch(nothing)))).flat();
}

/** @param {string} text @param {AbortSignal} signal @returns {Promise<Found[]>} */
async function experiments(text, signal) {
  const all = (await get("experiments", {}, { signal })).experiments;
  return all
    .filter((/** @type {any} */ one) => one.name.toLowerCase().includes(text.toLowerCase()))
    .slice(0, MOST)
    .map((/** @type {any} */ one) => ({
      kind: "experiment", id: one.experiment_id, label: one.name, detail: `experiment, ${plural(one.runs, "run")}`, icon: "folder",
      run: () => go(linkTo({ experiments: [one.experiment_id] })),
    }));
}

/** @param {string} text @param {AbortSignal} signal @returns {Promise<Found[]>} */
async function runs(text, signal) {
  const part = quoted(`%${text}%`);
  const start = /^[0-9a-f]{4,32}$/.test(text) ? ` OR run_id LIKE '${text}%'` : "";
  if (part === null) return [];
  const fields = { where: `run_name ILIKE ${part}${start}`, columns: ["run_id", "run_name"], sort: ["start_time DESC"], limit: MOST, view: 3 };
  const { parts } = await view("runs", fields, { signal });
  const names = values(parts[0], "run_name");
  return values(parts[0], "run_id").map((id, i) => ({
    kind: "run", id, label: names[i] ?? id, detail: `run ${id.slice(0, 8)}`, icon: "chart-line", run: () => go(pathOf("run", { run: id })),
  }));
}

/** @param {string} text @param {AbortSignal} signal @returns {Promise<Found[]>} */
async function models(text, signal) {
  const found = (await get("models", { q: text, limit: MOST }, { signal })).models;
  return found.map((/** @type {any} */ one) => ({
    kind: "model", id: one.name, label: one.name, detail: `model, ${plural(one.versions, "version")}`, icon: "box", run: () => go(pathOf("model", { model: one.name })),
  }));
}

/** @param {string} text @param {AbortSignal} signal @returns {Promise<Found[]>} */
async function views(text, signal) {
  const found = (await get("views", {}, { signal })).views;
  return found
    .filter((/** @type {any} */ one) => one.name.toLowerCase().includes(text.toLowerCase()))
    .slice(0, MOST)
    .map((/** @type {any} */ one) => ({ kind: "view", id: one.name, label: one.name, detail: "saved view", icon: "bookmark", run: () => open(one.name) }));
}

/** @param {unknown} error @returns {Found[]} */
function nothing(error) {
  if (!isAbort(error)) console.debug("nothing is found there", error);
  return [];
}
