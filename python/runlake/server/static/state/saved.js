// Saved views: states of the page of runs that are kept in the store under names, for everybody who uses it.
// @ts-check
import { get, send } from "../lib/api.js";
import { format, parse } from "../lib/url.js";
import { complain, say } from "./toasts.js";
import { change, current } from "./view.js";

/** @typedef {{name: string, page: string, user_id: string, creation_time: number, last_update_time: number}} SavedView */

const PAGE = "runs";

/** Those of the page of runs. @param {AbortSignal} [signal] @returns {Promise<SavedView[]>} */
export async function saved(signal) {
  const found = /** @type {SavedView[]} */ ((await get("views", {}, { signal })).views);
  return found.filter((one) => one.page === PAGE);
}

/** Show a saved view. @param {string} name */
export async function open(name) {
  try {
    const { view } = await get(pathOf(name));
    change(parse(view.state)); // an address may be too long for all of it
  } catch (error) {
    complain(error);
  }
}

/** Keep what is shown under a name; an earlier view of that name is replaced. @param {string} name */
export async function keep(name) {
  await send("PUT", pathOf(name), { page: PAGE, state: format(current()) });
  say(`Saved as “${name}”.`);
}

/** Delete a saved view. @param {string} name */
export async function remove(name) {
  await send("DELETE", pathOf(name));
  say(`“${name}” is deleted.`);
}

/** @param {string} name */
function pathOf(name) {
  return `views/${encodeURIComponent(name)}`;
}
