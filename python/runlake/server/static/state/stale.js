// Stale curves: who draws points says so here, and is told when there may be new ones. Whoever hears of new points (the
// events of the server) calls `tell`; nobody else has to know which charts there are.
// @ts-check

/** @typedef {{keys: readonly string[], runs: () => ReadonlySet<string> | null, again: () => unknown}} Watcher again: asks again; a promise that it returns is waited for */

/** @type {Set<Watcher>} */
const watchers = new Set();
/** @type {Set<(keys: ReadonlySet<string> | null) => void>} */
const keepers = new Set();

/**
 * Ask to be told.
 *
 * @param {Watcher} watcher keys: of metrics that are drawn; runs: those that are drawn now, null is any
 * @returns {() => void} ends it
 */
export function watch(watcher) {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/** How many want to be told. */
export function watched() {
  return watchers.size;
}

/** Ask to be told of every key, to forget what is kept of it; null is all keys. @param {(keys: ReadonlySet<string> | null) => void} forget */
export function keep(forget) {
  keepers.add(forget);
}

/**
 * Say that there may be new points.
 *
 * @param {Readonly<Record<string, readonly string[] | null>> | null} points keys by run; null is any key of the run, or any run
 * @returns {Promise<unknown>} settles when all who draw them have asked again
 */
export function tell(points) {
  const all = points === null || Object.values(points).some((keys) => keys === null);
  const touched = all ? null : new Set(Object.values(points).flatMap((keys) => keys ?? []));
  for (const forget of keepers) forget(touched);
  return Promise.all([...watchers].filter((watcher) => concerns(watcher, points)).map((watcher) => watcher.again()));
}

/** @param {Watcher} watcher @param {Readonly<Record<string, readonly string[] | null>> | null} points */
function concerns({ keys, runs }, points) {
  if (points === null) return true;
  const drawn = runs();
  return Object.entries(points).some(([run, changed]) => (drawn === null || drawn.has(run)) && (changed === null || changed.some((key) => keys.includes(key))));
}
