// Live: who shows what, and who has to ask again because it has changed: not more often than they like, one after the other,
// and only while the page can be seen.
// @ts-check
import { useEffect, useRef } from "../vendor/preact.js";
import { begun, connection, reachable } from "../lib/api.js";
import { concerns, everything, together } from "../lib/change.js";

/** @typedef {import("../lib/change.js").Change} Change */
/** @typedef {import("../lib/change.js").Interest} Interest */
/**
 * @typedef {{every?: number | ((change: Change) => number)}} Options `every`: least milliseconds between an answer and the next
 *   question
 */

const EVERY_MS = 500;
const SETTLE_MS = 50; // pages that follow each other change what is wanted at once
const FIRST_MS = 300; // what is shown comes first

/** @type {Set<Follower>} */
const followers = new Set();
/** @type {import("../lib/live.js").Line | null} */
let line = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

class Follower {
  /** @param {() => Interest} interest @param {(change: Change) => unknown} ask @param {Options} options */
  constructor(interest, ask, { every = EVERY_MS }) {
    this.interest = interest;
    this._ask = ask;
    this._every = every;
    /** @type {Change | null} */
    this._waiting = null;
    this._asking = false;
    this._answered = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this._timer = undefined;
    this._due = Infinity;
  }

  /** @param {Change} change */
  hear(change) {
    if (!concerns(change, this.interest())) return;
    this._waiting = together(this._waiting, change);
    this.plan();
  }

  /** Ask when it is time, if there is anything to ask. */
  plan() {
    if (!this._waiting || this._asking || document.hidden) return;
    const due = this._answered + (typeof this._every === "number" ? this._every : this._every(this._waiting));
    if (due >= this._due) return;
    clearTimeout(this._timer);
    this._due = due;
    this._timer = setTimeout(() => void this._go(), Math.max(0, due - performance.now()));
  }

  end() {
    clearTimeout(this._timer);
    this._waiting = null;
  }

  async _go() {
    this._due = Infinity;
    const change = this._waiting;
    if (!change || document.hidden) return;
    this._waiting = null;
    this._asking = true;
    try {
      await this._ask(change);
    } finally {
      this._asking = false;
      this._answered = performance.now();
      this.plan();
    }
  }
}

/**
 * Be told when something has changed.
 *
 * @param {() => Interest} interest asked each time
 * @param {(change: Change) => unknown} ask asks again; a promise that it returns is waited for
 * @param {Options} [options]
 * @returns {{again: () => void, end: () => void}} `again`: the interest is another one
 */
export function onChange(interest, ask, options = {}) {
  const follower = new Follower(interest, ask, options);
  followers.add(follower);
  settle();
  return {
    again: settle,
    end() {
      follower.end();
      followers.delete(follower);
      settle();
    },
  };
}

/**
 * The same for as long as a component is on the page.
 *
 * @param {Interest} interest
 * @param {(change: Change) => unknown} ask
 * @param {Options} [options]
 */
export function useLive(interest, ask, options) {
  const now = useRef({ interest, ask });
  now.current = { interest, ask };
  const said = JSON.stringify(interest);
  useEffect(() => {
    return onChange(() => now.current.interest, (change) => now.current.ask(change), options).end;
  }, [said]);
}

/** Say, soon, what is shown. */
function settle() {
  clearTimeout(settling);
  settling = setTimeout(() => void listen(), line ? SETTLE_MS : FIRST_MS);
}

async function listen() {
  if (!line && !document.hidden && followers.size) {
    const { open } = await import("../lib/live.js");
    line ??= open(hear, say, begun.tx);
  }
  line?.want(document.hidden ? null : [...followers].map(({ interest }) => interest()));
}

/** @param {Change} change */
function hear(change) {
  for (const follower of [...followers]) follower.hear(change);
}

/** @param {import("../lib/link.js").State} state @param {number} tx */
function say(state, tx) {
  connection.value = state;
  if ((state !== "live" && state !== "refused") || reachable.peek()) return;
  reachable.value = true;
  hear(everything(tx)); // what failed is asked again
}

globalThis.document?.addEventListener("visibilitychange", () => {
  void listen();
  for (const follower of followers) follower.plan();
});
