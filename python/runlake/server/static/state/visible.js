// Which runs are drawn, which one is pointed at, which are selected. Only this module decides what is drawn.
// @ts-check
import { batch, computed, signal } from "../vendor/preact.js";
import { change, question, view } from "./view.js";

/** Id of the run, or of the group, that is pointed at anywhere on the page. @type {import("../vendor/preact.js").Signal<string | null>} */
export const hovered = signal(null);

/** Runs that are selected. @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
export const selected = signal(new Set());

/** What a request for curves says so that the server draws the same runs as the table marks. */
export const drawn = computed(() => ({
  ...question.value,
  top: view.top.value,
  pins: view.pins.value,
  hides: view.hides.value,
  ...(view.group.value.length ? { group: view.group.value } : {}),
}));

/**
 * Decide which runs are drawn: those pinned, then the first `top` of the order without those hidden.
 *
 * @param {readonly string[]} order ids of the first `top + pins + hides` runs, or more, in their order
 * @param {{top: number, pins: readonly string[], hides: readonly string[]}} rule
 * @returns {string[]}
 */
export function decide(order, { top, pins, hides }) {
  const hidden = new Set(hides);
  const pinned = pins.filter((id) => !hidden.has(id));
  const taken = new Set([...pinned, ...hidden]);
  return [...pinned, ...order.filter((id) => !taken.has(id)).slice(0, top)];
}

/** Draw a run whatever the order says, or leave that to the order again. @param {string} id */
export function togglePin(id) {
  const pins = view.pins.value;
  change({ pins: pins.includes(id) ? pins.filter((one) => one !== id) : [...pins, id], hides: without(view.hides.value, id) });
}

/** Draw a run that is not drawn, or the other way round. @param {string} id @param {boolean} isDrawn */
export function toggleDrawn(id, isDrawn) {
  if (isDrawn) change({ hides: [...without(view.hides.value, id), id], pins: without(view.pins.value, id) });
  else if (view.hides.value.includes(id)) change({ hides: without(view.hides.value, id) });
  else change({ pins: [...view.pins.value, id] });
}

/** Select runs, or no longer. @param {readonly string[]} ids @param {boolean} on */
export function select(ids, on) {
  const next = new Set(selected.value);
  for (const id of ids) next[on ? "add" : "delete"](id);
  selected.value = next;
}

/** Forget what was pointed at and selected: another page is shown. */
export function forget() {
  batch(() => {
    hovered.value = null;
    selected.value = new Set();
  });
}

/** @param {readonly string[]} ids @param {string} id */
function without(ids, id) {
  return ids.filter((one) => one !== id);
}
