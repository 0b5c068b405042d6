// Counts for parallel coordinates: asks only for what is not known, one request at a time, the latest question first.
// @ts-check
import { effect, signal } from "../vendor/preact.js";
import { isAbort, view as ask } from "../lib/api.js";
import { counts, numbers, values } from "../lib/arrow.js";

/** @typedef {import("../lib/scales.js").Said} Said */
/** @typedef {import("./parallel_raster.js").Cells} Cells */

/**
 * What is to be drawn. `base`: experiments, filter without brushes, order; `clauses`: one an axis, or null; `isMoving`: a
 * brush is being dragged, so that what it does not change is not asked for.
 *
 * @typedef {{base: Record<string, any>, axes: readonly {name: string, scale: string}[], clauses: readonly (string | null)[], isMoving: boolean,
 *   best: {top: number, pins: readonly string[], hides: readonly string[]}, color: string}} Wanted
 */

/** @typedef {{said: Said, all: Float64Array | null, under: Float64Array}} Axis runs in each bin: all, and those that the other brushes leave */
/** @typedef {{id: string, all: Cells | null, some: Cells}} Gap */
/** @typedef {{ids: readonly string[], names: readonly (string | null)[], columns: readonly any[][], colors: readonly any[]}} Best `colors`: numbers, or texts */
/** @typedef {{names: string[], axes: Axis[], gaps: Gap[], best: Best, total: number, left: number, ends: [number, number] | null, tx: number, isMoving: boolean}} Found */
/** @typedef {{found: Found | null, error: import("../lib/api.js").ApiError | null, loading: boolean}} State */

const BINS = 128;
const BINS_MOVING = 64;
const KIND = Object.freeze({ all: 0, under: 1, allPairs: 2, leftPairs: 3 });

/** @typedef {{key: string, tx: number, said: Map<string, Said>, ones: Map<string, Float64Array>, pairs: Map<string, Cells>, left: Left}} Known */
/** @typedef {{key: string, ones: Map<string, Float64Array>, pairs: Map<string, Cells>, best: Map<string, any[]>, ids: string[], names: (string | null)[], colors: any[], total: number, left: number, ends: [number, number] | null}} Left */

/**
 * Follow what is wanted for as long as `end` is not called.
 *
 * @param {() => Wanted | null} wanted reads signals; null wants nothing
 */
export function follow(wanted) {
  /** @type {import("../vendor/preact.js").Signal<State>} */
  const state = signal({ found: null, error: null, loading: true });
  const known = new Map(/** @type {[string, Known][]} */ ([]));
  /** @type {Wanted | null} */
  let next = null;
  /** @type {{stop: AbortController, key: string} | null} */
  let flight = null;

  const run = async () => {
    while (next) {
      const now = next;
      next = null;
      flight = { stop: new AbortController(), key: baseKey(now) };
      if (!now.isMoving) state.value = { ...state.peek(), loading: true };
      try {
        const found = await answer(known, now, flight.stop.signal);
        if (!flight.stop.signal.aborted) state.value = { found, error: null, loading: next !== null };
      } catch (error) {
        if (!isAbort(error)) state.value = { ...state.peek(), error: /** @type {any} */ (error), loading: false };
      }
    }
    flight = null;
  };
  const again = async () => {
    known.clear();
    next = wanted();
    if (!flight) await run();
  };
  const end = effect(() => {
    next = wanted();
    if (!next) return;
    if (!flight) run();
    else if (flight.key !== baseKey(next)) flight.stop.abort();
  });
  return { state, again, end: () => { end(); next = null; flight?.stop.abort(); } };
}

/** What a request depends on that cannot be answered by another one. @param {Wanted} wanted */
function baseKey({ base, axes, color }) {
  return JSON.stringify([base, axes.map((axis) => [axis.name, axis.scale]), color]);
}

/** @param {Map<string, Known>} kept @param {Wanted} wanted @param {AbortSignal} stop @returns {Promise<Found>} */
async function answer(kept, wanted, stop) {
  const bins = wanted.isMoving ? BINS_MOVING : BINS;
  const known = knownOf(kept, JSON.stringify([wanted.base, bins]), leftKey(wanted));
  const ids = wanted.axes.map((axis) => `${axis.name}~${axis.scale}`);
  const pairs = ids.slice(1).map((_, i) => /** @type {[number, number]} */ ([i, i + 1]));
  const missing = pairs.filter(([i, j]) => !pairOf(known.left.pairs, ids[i], ids[j]) || (!wanted.isMoving && !pairOf(known.pairs, ids[i], ids[j])));
  const lacks = !wanted.isMoving && (ids.some((id) => !known.ones.has(id)) || missing.some(([i, j]) => !pairOf(known.pairs, ids[i], ids[j])));
  const isWhole = lacks && wanted.clauses.every((clause) => !clause); // what brushes leave is all there is: it is counted and sent once
  const all = lacks && !isWhole;
  if (lacks || missing.length || ids.some((id) => !known.left.ones.has(id))) {
    const said = await ask("crossfilter", fieldsOf(wanted, bins, missing, all), { signal: stop, post: true });
    if (known.tx !== said.tx && known.tx !== 0) {
      kept.clear(); // bins may lie elsewhere now
      return answer(kept, wanted, stop);
    }
    take(known, said, ids, missing, wanted.axes);
    if (isWhole) [known.ones, known.pairs] = [new Map([...known.ones, ...known.left.ones]), new Map([...known.pairs, ...known.left.pairs])];
  }
  return { names: wanted.axes.map((axis) => axis.name), ...assembled(known, ids, wanted.isMoving) };
}

/** @param {Map<string, Known>} kept @param {string} key @param {string} left @returns {Known} */
function knownOf(kept, key, left) {
  const found = kept.get(key) ?? { key, tx: 0, said: new Map(), ones: new Map(), pairs: new Map(), left: nothingLeft("") };
  if (found.left.key !== left) found.left = nothingLeft(left);
  kept.delete(key);
  kept.set(key, found);
  for (const oldest of [...kept.keys()].slice(0, -2)) kept.delete(oldest);
  return found;
}

/** @param {string} key @returns {Left} */
function nothingLeft(key) {
  return { key, ones: new Map(), pairs: new Map(), best: new Map(), ids: [], names: [], colors: [], total: 0, left: 0, ends: null };
}

/** @param {Wanted} wanted */
function leftKey({ axes, clauses, best, color }) {
  const said = clauses.flatMap((clause, i) => (clause ? [`${axes[i].name}\n${clause}`] : [])).sort();
  return JSON.stringify([said, best, color]);
}

/** @param {Wanted} wanted @param {number} bins @param {[number, number][]} pairs @param {boolean} all */
function fieldsOf({ base, axes, clauses, best, color }, bins, pairs, all) {
  return {
    ...base, ...best, all, pairs, brush: clauses, color: color || undefined,
    axes: axes.map((axis) => ({ key: axis.name, scale: axis.scale, bins })),
  };
}

/**
 * @param {Known} known
 * @param {import("../lib/api.js").Answer} said
 * @param {string[]} ids
 * @param {[number, number][]} pairs
 * @param {Wanted["axes"]} axes
 */
function take(known, said, ids, pairs, axes) {
  const [counted, best] = said.parts;
  const { left } = known;
  known.tx = said.tx;
  const [kind, axis, a, b, count] = ["kind", "axis", "a", "b", "count"].map((name) => counts(counted, name));
  const mean = numbers(counted, "mean");
  ids.forEach((id, i) => {
    known.said.set(id, { ...said.notes.axes[i], key: axes[i].name }); // as it was asked for: it has several names
    left.ones.set(id, new Float64Array(said.notes.axes[i].bins + 1));
    left.best.set(id, values(best, String(i)));
  });
  for (const [from, to] of stretches(kind, axis)) {
    const place = axis[from];
    const part = (/** @type {import("../lib/arrow.js").Counts} */ column) => column.subarray(from, to);
    if (kind[from] === KIND.all || kind[from] === KIND.under) {
      const ones = new Float64Array(said.notes.axes[place].bins + 1);
      for (let i = from; i < to; i += 1) ones[a[i]] = count[i];
      (kind[from] === KIND.all ? known.ones : left.ones).set(ids[place], ones);
    } else {
      const [one, other] = pairs[place];
      const cells = { a: part(a), b: part(b), count: part(count), ...(mean.length ? { mean: part(mean) } : {}) };
      (kind[from] === KIND.allPairs ? known.pairs : left.pairs).set(`${ids[one]}\n${ids[other]}`, cells);
    }
  }
  for (const [i, j] of pairs) if (!pairOf(left.pairs, ids[i], ids[j])) left.pairs.set(`${ids[i]}\n${ids[j]}`, NO_CELLS); // no run is left
  const ends = said.notes.color;
  Object.assign(left, {
    ids: values(best, "run_id"), names: values(best, "run_name"), colors: values(best, "color"), total: said.notes.total, left: said.notes.left,
    ends: ends && ends.low !== null ? [ends.low, ends.high] : null,
  });
}

/**
 * Ask where one run crosses axes, whether it is among the best or not.
 *
 * @param {Wanted} wanted
 * @param {string} id
 * @param {AbortSignal} stop
 * @returns {Promise<Best>}
 */
export async function askRun(wanted, id, stop) {
  const alone = { ...wanted, clauses: [], best: { top: 0, pins: [id], hides: [] } };
  const { parts: [, best] } = await ask("crossfilter", fieldsOf(alone, BINS, [], false), { signal: stop, post: true });
  return {
    ids: values(best, "run_id"), names: values(best, "run_name"), columns: wanted.axes.map((_, i) => values(best, String(i))), colors: values(best, "color"),
  };
}

/** @type {Cells} */
const NO_CELLS = { a: [], b: [], count: [] };

/** Rows of one kind and one axis follow each other. @param {ArrayLike<number>} kind @param {ArrayLike<number>} axis */
function* stretches(kind, axis) {
  for (let from = 0, to = 0; from < kind.length; from = to) {
    while (to < kind.length && kind[to] === kind[from] && axis[to] === axis[from]) to += 1;
    yield [from, to];
  }
}

/** The cells of two axes, as they were asked for or the other way round. @param {Map<string, Cells>} kept @param {string} one @param {string} other @returns {Cells | undefined} */
function pairOf(kept, one, other) {
  const found = kept.get(`${one}\n${other}`);
  if (found) return found;
  const turned = kept.get(`${other}\n${one}`);
  return turned && { ...turned, a: turned.b, b: turned.a };
}

/** @param {Known} known @param {string[]} ids @param {boolean} isMoving @returns {Omit<Found, "names">} */
function assembled(known, ids, isMoving) {
  const { left } = known;
  const axes = ids.map((id) => ({
    said: /** @type {Said} */ (known.said.get(id)), all: known.ones.get(id) ?? null, under: left.ones.get(id) ?? new Float64Array(1),
  }));
  const gaps = ids.slice(1).map((id, i) => ({
    id: `${known.tx}\n${ids[i]}\n${id}`, all: pairOf(known.pairs, ids[i], id) ?? null, some: pairOf(left.pairs, ids[i], id) ?? NO_CELLS,
  }));
  const best = { ids: left.ids, names: left.names, columns: ids.map((id) => left.best.get(id) ?? []), colors: left.colors };
  return { axes, gaps, best, total: left.total, left: left.left, ends: left.ends, tx: known.tx, isMoving };
}
