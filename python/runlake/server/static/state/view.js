// What the page of runs shows: a signal for each part of its address. Whoever changes one changes the address.
// @ts-check
import { batch, computed, signal } from "../vendor/preact.js";
import { go, place } from "../lib/router.js";
import { PARTS, fitting, format, joined, lifecycleOf, parse } from "../lib/url.js";

/** @typedef {import("../lib/url.js").State} State */
/** @typedef {{[K in keyof State]: import("../vendor/preact.js").Signal<State[K]>}} View */

const PATH = "/runs";

/** @type {View} */
export const view = /** @type {any} */ (
  Object.fromEntries(Object.entries(parse(location.pathname === PATH ? location.search : "")).map(([key, value]) => [key, signal(value)]))
);

/** The whole filter: what was written, and the ranges on axes. */
export const filter = computed(() => joined(view.where.value, view.brush.value));

/** All runs of the experiments, for what a filter and an order do not change: it is the same object until others are meant. */
export const scope = computed(() => ({
  experiments: view.experiments.value.length ? view.experiments.value : undefined, // an empty list would be of no experiment
  view: lifecycleOf(view.lifecycle.value),
}));

/** What every request for runs of this page says: the same runs in the same order. */
export const question = computed(() => ({ experiments: scope.value.experiments, where: filter.value || undefined, sort: view.sort.value, view: scope.value.view }));

/**
 * Change parts of what is shown, and the address with them. What is open is of groups; of others nothing is.
 *
 * @param {Partial<State>} parts
 * @param {{replace?: boolean}} [how] `replace`: a step that going back should not stop at, such as a letter typed
 */
export function change(parts, { replace = false } = {}) {
  batch(() => {
    write(view, parts.group && !same(parts.group, view.group.peek()) ? { open: [], ...parts } : parts);
    go(PATH + written(), { replace });
  });
}

/**
 * The address of the page of runs with some parts different, for a link.
 *
 * @param {Partial<State>} parts
 * @param {Partial<State>} [base] what the other parts are; by default as by default
 */
export function linkTo(parts, base = {}) {
  return PATH + format({ ...base, ...parts });
}

/** All parts as they are. @returns {State} */
export function current() {
  return /** @type {State} */ (Object.fromEntries(keys().map((key) => [key, view[key].value])));
}

/** The query of the address: not always all that is open. */
function written() {
  const state = current();
  return format({ ...state, open: fitting(state) });
}

/** Take over what the address says, where it is that of this page and says something else: the browser went back. */
export function follow() {
  if (place.value.path !== PATH || written() === place.value.search) return;
  const said = parse(place.value.search);
  batch(() => write(view, said));
}

/** Give signals the values of parts, where they are others. @param {Partial<View>} signals @param {Partial<State>} parts */
export function write(signals, parts) {
  for (const [key, one] of Object.entries(signals)) {
    const value = parts[/** @type {keyof State} */ (key)];
    if (value !== undefined && !same(one.peek(), value)) /** @type {any} */ (one).value = value;
  }
}

function keys() {
  return /** @type {(keyof State)[]} */ (Object.keys(PARTS));
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  return a === b || (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, i) => one === b[i]));
}
