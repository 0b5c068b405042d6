// Columns of the table: those that the address names, or those that tell runs apart; their places and widths.
// @ts-check
import { computed, effect, signal } from "../vendor/preact.js";
import { isAbort, view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { count } from "../lib/format.js";
import { byJudgement } from "../lib/judging.js";
import { isPattern } from "../lib/rows.js";
import { NAME, NARROWEST, WIDEST, moved, place } from "./layout.js";
import { say } from "./toasts.js";
import { change, question, scope, view } from "./view.js";

/** @typedef {{name: string, kind: string, key: string, type: string, runs: number, min: number | null, max: number | null, distinct: number}} Column */

const BEFORE = [NAME, "status"];
const BEHIND = ["start_time", "duration"];
/** The name stays while columns are scrolled: it leaves room for two of them on a phone. @type {[string, number]} */
const SLIM = [NAME, 178];
const MOST_PARAMS = 5;
const MOST_METRICS = 4;
const LOOKED_AT = 40;
const MOST_NAMES = 50_000;
/** So many names at most are written into the address. */
const MOST_WRITTEN = 400;

/** Columns that tell runs apart, found by the server; null while they are looked for. @type {import("../vendor/preact.js").Signal<string[] | null>} */
const telling = signal(null);
/** Counts how often columns were looked for. */
const turn = signal(0);
/** Counts how often there may have been others. */
const changes = signal(0);
/** What the names with a `*` stand for. @type {import("../vendor/preact.js").Signal<ReadonlyMap<string, string[]>>} */
const expanded = signal(new Map());
/** Whether that could not be had, and is to be asked for again. */
let isLacking = false;
/** Columns that all runs have alike, while only what differs is shown; null when not known. @type {import("../vendor/preact.js").Signal<ReadonlySet<string> | null>} */
const alike = signal(null);

/** Names of the columns, before those are left out that do not differ. */
export const chosen = computed(() => {
  if (view.columns.value.length === 0) return [...BEFORE, ...(telling.value ?? []), ...BEHIND];
  return [...new Set([NAME, ...view.columns.value.flatMap((name) => (isPattern(name) ? (expanded.value.get(name) ?? []) : [name]))])];
});

/** The names as the address has them, or would have them: some may stand for all columns of a kind. */
export const written = computed(() => (view.columns.value.length ? view.columns.value : chosen.value));

/** Names of the columns that are shown, in their order. */
export const shown = computed(() => {
  const left = alike.value;
  return view.differs.value && left ? chosen.value.filter((name) => name === NAME || !left.has(name)) : chosen.value;
});

const narrow = matchMedia("(max-width: 700px)");
/** Whether the page is so narrow that one thing is shown at a time. */
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => { isNarrow.value = narrow.matches; });

export const widths = computed(() => new Map([...(isNarrow.value ? [SLIM] : []), ...view.widths.value.flatMap(readWidth)]));
export const layout = computed(() => place(shown.value, view.frozen.value, widths.value));

/** Whether all columns that were chosen are known by name. */
export const settled = computed(() => (view.columns.value.length ? view.columns.value.every((name) => !isPattern(name) || expanded.value.has(name)) : telling.value !== null));

/** Look for columns for as long as the page is there. @returns {() => void} */
export function begin() {
  const ends = [effect(findTelling), effect(expand), effect(findAlike)];
  return () => ends.forEach((end) => end());
}

/**
 * Search columns on the server: those of all runs of the experiments, whatever is filtered, so that columns stay.
 *
 * @param {import("../lib/api.js").Fields} fields as `GET columns` takes them
 * @param {AbortSignal} [stop]
 * @returns {Promise<{columns: Column[], total: number}>}
 */
export async function search(fields, stop) {
  const { parts, total } = await ask("columns", { ...scope.peek(), ...fields }, { signal: stop });
  const [table] = parts;
  const read = Object.fromEntries(table.names.map((name) => [String(name), values(table, String(name))]));
  return { columns: read.name.map((_, i) => /** @type {any} */ (Object.fromEntries(Object.keys(read).map((key) => [key, read[key][i]])))), total };
}

/** Show a column, or no longer. @param {string} name @param {boolean} on */
export function toggle(name, on) {
  const said = on || written.value.includes(name) ? written.value : chosen.value; // one of many that a pattern stands for
  if (!on && said.length > MOST_WRITTEN) return say(`${count(said.length)} columns are too many to leave one out; choose those that are to be shown.`);
  const frozen = on ? view.frozen.value : view.frozen.value.filter((one) => one !== name);
  return change({ columns: on ? [...said, name] : said.filter((one) => one !== name), frozen });
}

/** Put a column before another one, or at the end. @param {string} name @param {string | null} before */
export function move(name, before) {
  const fixed = new Set(view.frozen.value);
  if (fixed.has(name) && (before === null || fixed.has(before))) return change({ frozen: moved(view.frozen.value, name, before) });
  const said = written.value;
  const at = before === null || said.includes(before) ? before : (said.find((one) => isPattern(one) && before.startsWith(one.slice(0, -1))) ?? null);
  return change({ columns: moved(said, name, at) });
}

/** Keep a column at the left, or no longer. @param {string} name @param {boolean} on */
export function freeze(name, on) {
  const rest = view.frozen.value.filter((one) => one !== name);
  change({ frozen: on ? [...rest, name] : rest });
}

/** Give a column a width in pixels; null is the usual one. @param {string} name @param {number | null} width */
export function resize(name, width) {
  const rest = view.widths.value.filter((text) => readWidth(text)[0]?.[0] !== name);
  const next = width === null ? [] : [`${Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)))}:${name}`];
  change({ widths: [...rest, ...next] }, { replace: true });
}

/** @param {string} text @returns {[string, number][]} */
function readWidth(text) {
  const found = /^(\d{1,4}):(.+)$/s.exec(text);
  return found ? [[found[2], Math.min(WIDEST, Math.max(NARROWEST, Number(found[1])))]] : [];
}

/** Look again for columns that tell runs apart, where there is room for more; those that are shown stay. */
export function renew() {
  changes.value += 1; // what all runs had alike may differ now
  if (isLacking) turn.value += 1;
  const names = telling.peek();
  if (names && names.length < MOST_PARAMS + MOST_METRICS) turn.value += 1;
}

function findTelling() {
  scope.value;
  turn.value; // read: there may be others now
  if (view.columns.value.length) return undefined;
  const stop = new AbortController();
  Promise.all([
    search({ kind: ["params"], differs: true, limit: MOST_PARAMS }, stop.signal),
    search({ kind: ["metrics"], limit: LOOKED_AT }, stop.signal),
  ]).then(
    ([params, metrics]) => {
      const names = [...byJudgement(metrics.columns).slice(0, MOST_METRICS), ...params.columns].map((column) => column.name);
      if (names.join("\n") !== telling.peek()?.join("\n")) telling.value = names;
    },
    (error) => {
      if (!isAbort(error)) telling.value = []; // the rows say what is wrong
    },
  );
  return () => stop.abort();
}

function expand() {
  scope.value;
  turn.value;
  isLacking = false;
  const patterns = view.columns.value.filter(isPattern);
  if (patterns.length === 0) return undefined;
  const stop = new AbortController();
  Promise.all(
    patterns.map(async (pattern) => {
      const kind = [pattern.slice(0, -2)];
      const { columns } = await search({ kind, limit: MOST_NAMES, values: false }, stop.signal);
      return /** @type {[string, string[]]} */ ([pattern, columns.map((column) => column.name)]);
    }),
  ).then(
    (found) => {
      expanded.value = new Map(found);
    },
    (error) => { isLacking = !isAbort(error); },
  );
  return () => stop.abort();
}

function findAlike() {
  if (!view.differs.value) {
    alike.value = null;
    return undefined;
  }
  const names = chosen.value;
  changes.value;
  const stop = new AbortController();
  ask("runs", { ...question.value, sort: undefined, columns: names, differs: true, limit: 0 }, { signal: stop.signal }).then(
    ({ notes }) => {
      const kept = new Set(notes.columns ?? names);
      alike.value = new Set(names.filter((name) => !kept.has(name)));
    },
    () => undefined,
  );
  return () => stop.abort();
}
