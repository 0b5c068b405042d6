// Change: what the server has said of what is new, put together and held against what somebody shows.
// @ts-check

/**
 * @typedef {{
 *   tx: number, experiments: readonly string[] | null, runs: readonly string[] | null, live: readonly string[] | null,
 *   points: Readonly<Record<string, readonly string[] | null>> | null, registry: boolean,
 * }} Change as the server says it (docs/serve.md, "What has changed"); null is any or all
 */
/**
 * @typedef {{experiments?: readonly string[] | null, runs?: readonly string[], points?: boolean, registry?: boolean}} Interest
 *   `experiments`: ids or names, null (or nothing) is all; `runs`: only these; `points`: new points count as well; `registry`:
 *   registered models count, and nothing else unless `experiments` or `runs` are said
 */

const MOST = 1000; // runs that are kept by name

/** Everything may have changed. @param {number} tx @returns {Change} */
export function everything(tx) {
  return { tx, experiments: null, runs: null, live: null, points: null, registry: true };
}

/** Two changes as one. @param {Change | null} earlier @param {Change} later @returns {Change} */
export function together(earlier, later) {
  if (earlier === null) return later;
  return {
    tx: Math.max(earlier.tx, later.tx),
    experiments: union(earlier.experiments, later.experiments),
    runs: few(union(earlier.runs, later.runs)),
    live: union(earlier.live, later.live),
    points: points(earlier.points, later.points),
    registry: earlier.registry || later.registry,
  };
}

/** Whether somebody has to ask again. @param {Change} change @param {Interest} interest */
export function concerns(change, interest) {
  if (interest.registry && change.registry) return true;
  if (interest.registry && interest.experiments === undefined && !interest.runs) return false;
  if (interest.runs) return named(change, interest.runs, interest.points ?? true);
  const moved = interest.points ?? true ? union(change.experiments, change.live) : change.experiments;
  if (moved === null) return true;
  const wanted = interest.experiments;
  if (!wanted || wanted.some(isName)) return moved.length > 0; // the server has left out what was not asked for
  return moved.some((id) => wanted.includes(id));
}

/**
 * What one connection has to be told of so that all who show something hear of it; null where nobody shows anything.
 *
 * @param {readonly Interest[]} interests
 * @returns {{experiments: readonly string[] | null, points: boolean} | null}
 */
export function combined(interests) {
  if (interests.length === 0) return null;
  const of = interests.filter((one) => !one.registry || one.experiments !== undefined || one.runs);
  const experiments = of.map((one) => one.experiments ?? null).reduce(union, /** @type {readonly string[] | null} */ ([]));
  return { experiments: experiments && [...experiments].sort(), points: of.some((one) => one.points ?? true) };
}

/** @param {Change} change @param {readonly string[]} runs @param {boolean} withPoints */
function named(change, runs, withPoints) {
  if (change.runs === null || runs.some((id) => change.runs?.includes(id))) return true;
  return withPoints && (change.points === null || runs.some((id) => change.points !== null && id in change.points));
}

/** @param {string} text */
function isName(text) {
  return !/^\d+$/.test(text);
}

/** @param {readonly string[] | null} some @param {readonly string[] | null} others */
function union(some, others) {
  return some === null || others === null ? null : [...new Set([...some, ...others])];
}

/** @param {Change["points"]} earlier @param {Change["points"]} later */
function points(earlier, later) {
  if (earlier === null || later === null) return null;
  const found = { ...earlier };
  for (const [run, keys] of Object.entries(later)) found[run] = run in found ? union(found[run], keys) : keys;
  return Object.keys(found).length > MOST ? null : found;
}

/** @param {readonly string[] | null} runs */
function few(runs) {
  return runs && runs.length > MOST ? null : runs;
}
