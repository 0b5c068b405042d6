// Something asked of the server, as a signal: what is there, what went wrong, whether an answer is awaited.
// @ts-check
import { effect, signal, untracked, useEffect, useMemo, useRef } from "../vendor/preact.js";
import { isAbort } from "../lib/api.js";

const LONGEST_FRAME_MS = 200;

/**
 * @template T
 * @typedef {{data: T | null, error: import("../lib/api.js").ApiError | null, loading: boolean}} Loaded `data` stays while it is asked anew
 */

/**
 * @template T
 * @typedef {{state: import("../vendor/preact.js").ReadonlySignal<Loaded<T>>, again: () => Promise<void>, end: () => void}} Resource `again`: its promise is kept when the answer is there, or the failure
 */

/**
 * Ask now, and again whenever a signal changes that `ask` reads before it first waits. An answer that another question
 * has overtaken is not taken.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {T | null} [data] what is there until the first answer
 * @returns {Resource<T>}
 */
export function resource(ask, data = null) {
  /** @type {import("../vendor/preact.js").Signal<Loaded<T>>} */
  const state = signal({ data, error: null, loading: true });
  const turn = signal(0);
  let answered = Promise.resolve();
  const end = effect(() => {
    turn.value; // read so that `again` asks again
    const stop = new AbortController();
    untracked(() => {
      state.value = { ...state.value, loading: true };
    });
    const answer = ask(stop.signal);
    answered = answer.then(
      (data) => {
        if (!stop.signal.aborted) state.value = { data, error: null, loading: false };
      },
      (error) => {
        if (!stop.signal.aborted && !isAbort(error)) state.value = { data: state.value.data, error, loading: false };
      },
    );
    return () => stop.abort();
  });
  const again = () => {
    turn.value += 1;
    return answered;
  };
  return { state, again, end };
}

/**
 * The same for as long as a component is on the page.
 *
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {readonly unknown[]} on what it depends on besides signals
 * @param {readonly unknown[]} [of] what the answer is about: as long as that is the same, what is there stays until the next
 *   answer, so that what is written and pointed at beside it stays as well
 * @returns {Resource<T>}
 */
export function useResource(ask, on, of = on) {
  const last = useRef(/** @type {{made: Resource<T>, of: readonly unknown[]} | null} */ (null));
  const made = useMemo(() => {
    const before = last.current;
    const isSame = before !== null && of.every((one, i) => one === before.of[i]);
    return resource(ask, isSame ? before.made.state.peek().data : null);
  }, on);
  last.current = { made, of };
  useEffect(() => made.end, [made]);
  return made;
}

/** Wait until what is drawn now has been seen, to ask then for what can wait. A hidden page draws no frames. @returns {Promise<void>} */
export function seen() {
  return new Promise((done) => {
    setTimeout(done, LONGEST_FRAME_MS);
    requestAnimationFrame(() => setTimeout(done));
  });
}
