// Kept: parts of a state that a page has in its address beside what else that says, as the page of runs has all of them.
// @ts-check
import { batch, signal } from "../vendor/preact.js";
import { go, place } from "../lib/router.js";
import { merged, parse } from "../lib/url.js";
import { write } from "./view.js";

/** @typedef {import("../lib/url.js").State} State */
/**
 * @template {keyof State} K
 * @typedef {{
 *   parts: {[P in K]: import("../vendor/preact.js").Signal<State[P]>},
 *   set: (changed: Partial<State>, how?: {replace?: boolean}) => void, end: () => void,
 * }} Kept `set` changes the signals and the address, `end` follows the address no longer
 */

/**
 * Have parts of a state in the address of the page that is shown.
 *
 * @template {keyof State} K
 * @param {readonly K[]} names
 * @returns {Kept<K>}
 */
export function keep(names) {
  const { path } = place.peek();
  const parts = /** @type {Kept<K>["parts"]} */ (Object.fromEntries(names.map((name) => [name, signal(read()[name])])));
  const current = () => /** @type {Partial<State>} */ (Object.fromEntries(names.map((name) => [name, parts[name].peek()])));
  return {
    parts,
    set(changed, how) {
      batch(() => {
        write(parts, changed);
        go(path + merged(place.peek().search, current()), how);
      });
    },
    end: place.subscribe((now) => {
      if (now.path === path && now.search !== merged(now.search, current())) batch(() => write(parts, read()));
    }),
  };
}

function read() {
  return parse(place.peek().search);
}
