// Order: the first runs of it, and which of them are drawn, whichever rows the table shows.
// @ts-check
import { computed, effect, signal } from "../vendor/preact.js";
import { isAbort, view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { arrived, root, runs, tx } from "./runs.js";
import { question, view } from "./view.js";
import { decide } from "./visible.js";

/** @type {readonly string[]} */
const NONE = [];
let firstIds = NONE;

/** How many runs have to be known. */
const wanted = computed(() => view.top.value + view.pins.value.length + view.hides.value.length);
/** The first runs where they are not the first rows, for some are below others. @type {import("../vendor/preact.js").Signal<readonly string[]>} */
const apart = signal(NONE);
const isApart = computed(() => runs.value.nested > 0);

/** Ids of the first runs in their order; of groups there are none. @type {import("../vendor/preact.js").ReadonlySignal<readonly string[]>} */
export const order = computed(() => {
  arrived.value;
  const windows = root.value?.windows;
  if (!windows || windows.question.group) return NONE;
  if (isApart.value) return apart.value;
  if (!windows.has(0)) return firstIds; // somebody is far below while it is asked anew
  const ids = [];
  for (let row = 0; row < wanted.value; row += 1) {
    const id = windows.value(row, "run_id");
    if (id === undefined) break;
    ids.push(id);
  }
  // The same list while it says the same: rows are marked, and whatever else follows from it is done, for another one alone.
  if (ids.length !== firstIds.length || ids.some((id, i) => id !== firstIds[i])) firstIds = ids;
  return firstIds;
});

/** Runs that are drawn in charts. */
export const drawnIds = computed(() => new Set(decide(order.value, { top: view.top.value, pins: view.pins.value, hides: view.hides.value })));

/** Ask for the first runs where the table does not have them, as long as the page is there. @returns {() => void} */
export function begin() {
  return effect(() => {
    tx.value; // others may be the first ones now
    if (!isApart.value) return undefined;
    const stop = new AbortController();
    ask("runs", { ...question.value, columns: ["run_id"], limit: wanted.value }, { signal: stop.signal }).then(
      ({ parts }) => { apart.value = values(parts[0], "run_id"); },
      (error) => { if (!isAbort(error)) apart.value = NONE; },
    );
    return () => stop.abort();
  });
}
