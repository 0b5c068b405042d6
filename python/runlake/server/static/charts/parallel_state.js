// State of parallel coordinates: which axes there are, what is chosen on each, and the brush that is being dragged.
// @ts-check
import { computed, signal } from "../vendor/preact.js";
import { NOTHING, brushOf, clauseOf } from "../lib/clauses.js";
import { joined } from "../lib/url.js";
import * as rows from "../state/runs.js";
import { say } from "../state/toasts.js";
import { change, question, view } from "../state/view.js";
import { specsOf, textOf } from "./parallel_axes.js";

/** @typedef {import("../lib/clauses.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Said} Said */
/** @typedef {import("./parallel_axes.js").Spec} Spec */

const SETTLED_MS = 100; // after the last move the table and the charts follow
const PACES = 3; // what moves slowly rests after so many times as long as it took from move to move
const LATE_MS = 40; // a timer that is so late was kept up, and moves of the pointer with it
const APART_MS = 400; // table and charts are not given another filter sooner while a brush moves

/** Axes that the page has chosen, where the address says none. @type {import("../vendor/preact.js").Signal<readonly Spec[]>} */
export const chosen = signal([]);

/** Axes from left to right. */
export const specs = computed(() => (view.axes.value.length ? specsOf(view.axes.value) : chosen.value));

/** A brush that is being moved and that the address does not say yet. @type {import("../vendor/preact.js").Signal<{name: string, clause: string | null, brush: Brush} | null>} */
export const moving = signal(null);

/** Clauses of the address, each with what it says of a field, if a brush can be that. */
const clauses = computed(() => view.brush.value.map((text) => ({ text, read: brushOf(text) })));

/** What is chosen on axes, by the name of the field. @type {import("../vendor/preact.js").ReadonlySignal<ReadonlyMap<string, Brush>>} */
export const brushes = computed(() => {
  const found = new Map(clauses.value.flatMap(({ read }) => (read ? [[read.name, read.brush]] : [])));
  if (moving.value) found.set(moving.value.name, moving.value.brush);
  return found;
});

/** The clause of each axis, or null. */
export const clausesOfAxes = computed(() =>
  specs.value.map(({ name }) => {
    if (moving.value?.name === name) return moving.value.clause;
    const said = clauses.value.filter(({ read }) => read?.name === name).map(({ text }) => text);
    return said.length ? said.join(" AND ") : null;
  }),
);

/** The filter without what is chosen on axes. */
export const whereOfAll = computed(() => {
  const names = new Set(specs.value.map(({ name }) => name));
  return joined(view.where.value, clauses.value.filter(({ read }) => !read || !names.has(read.name)).map(({ text }) => text));
});

/** What is to be drawn; nothing while there are no two axes. @returns {import("./parallel_data.js").Wanted | null} */
export function wanted() {
  if (specs.value.length < 2) return null;
  return {
    base: { ...question.value, where: whereOfAll.value || undefined },
    axes: specs.value.map(({ name, scale }) => ({ name, scale })),
    clauses: clausesOfAxes.value,
    isMoving: moving.value !== null,
    best: { top: view.top.value, pins: view.pins.value, hides: view.hides.value },
    color: view.color.value,
  };
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** When the address was last changed. */
let committed = -Infinity;
/** When the brush was last moved, and how long it takes from one move to the next. */
let moved = 0;
let pace = 0;

/**
 * Choose something on an axis while it is being moved: counts follow at once, everything else when it rests.
 *
 * @param {Said} said the axis
 * @param {Brush | null} brush null chooses nothing there
 */
export function brushWhileMoving(said, brush) {
  const clause = textOfBrush(said, brush);
  const now = performance.now();
  pace = moving.value ? 0.7 * pace + 0.3 * (now - moved) : 0;
  moved = now;
  moving.value = { name: said.key, clause, brush: brush ?? NOTHING };
  settle();
}

/** Let everything else follow when the brush rests, and what was asked before is answered. */
function settle() {
  clearTimeout(timer);
  const wait = Math.max(SETTLED_MS, PACES * pace);
  const due = performance.now() + wait;
  timer = setTimeout(() => {
    const now = performance.now();
    if (!moving.value) return;
    if (now > due + LATE_MS || rows.loading.value || now < committed + APART_MS) settle();
    else commit(moving.value.name, moving.value.clause);
  }, wait);
}

/** The brush is let go. */
export function rest() {
  clearTimeout(timer);
  const last = moving.value;
  if (!last) return;
  commit(last.name, last.clause);
  moving.value = null;
}

/** Choose something on an axis. @param {Said} said @param {Brush | null} brush */
export function choose(said, brush) {
  moving.value = null;
  clearTimeout(timer);
  commit(said.key, textOfBrush(said, brush));
}

/** Choose nothing on any axis, what has no axis here included. */
export function chooseNothing() {
  moving.value = null;
  clearTimeout(timer);
  change({ brush: [] });
}

/** Show other axes. @param {readonly Spec[]} next */
export function setAxes(next) {
  change({ axes: next.map(textOf) }, { replace: true });
}

/** Change one axis. @param {string} name @param {Partial<Spec>} parts */
export function setAxis(name, parts) {
  setAxes(specs.value.map((spec) => (spec.name === name ? { ...spec, ...parts } : spec)));
}

/** Add an axis at the right. @param {Spec} spec */
export function addAxis(spec) {
  if (!specs.value.some((one) => one.name === spec.name)) setAxes([...specs.value, spec]);
}

/** Take an axis away, and with it what is chosen there. @param {string} name */
export function removeAxis(name) {
  change({ axes: specs.value.filter((spec) => spec.name !== name).map(textOf), brush: without(name) }, { replace: true });
}

/** Move an axis to a place. @param {string} name @param {number} to counted without it */
export function moveAxis(name, to) {
  const moved = specs.value.find((spec) => spec.name === name);
  const others = specs.value.filter((spec) => spec.name !== name);
  if (moved) setAxes([...others.slice(0, Math.max(0, to)), moved, ...others.slice(Math.max(0, to))]);
}

/** @param {Said} said @param {Brush | null} brush */
function textOfBrush(said, brush) {
  if (!brush) return null;
  const isNothing = !brush.range && !brush.missing && (!brush.values || (brush.values.length === 0 && !brush.except));
  const text = clauseOf({ name: said.key, scale: said.scale, unplaced: said.unplaced ?? 0 }, brush);
  if (text === null && !isNothing) say("These values are too long to be written as a filter.", { tone: "bad" });
  return text;
}

/** @param {string} name @param {string | null} clause */
function commit(name, clause) {
  committed = performance.now();
  const at = clauses.value.findIndex(({ read }) => read?.name === name);
  const others = without(name);
  if (clause === null) change({ brush: others }, { replace: true });
  else change({ brush: at < 0 ? [...others, clause] : [...others.slice(0, at), clause, ...others.slice(at)] }, { replace: true });
}

/** @param {string} name */
function without(name) {
  return clauses.value.filter(({ read }) => read?.name !== name).map(({ text }) => text);
}
