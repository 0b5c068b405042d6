// Mounts: which charts exist. A chart is made when it comes near the view and taken away when it has left; there are never
// more than 16, and one is made a frame and none while the page flies by, so that scrolling stays smooth however many there
// could be.
// @ts-check
import { isFast } from "./pace.js";

/** @typedef {{value: boolean}} Shown */

export const MOST = 16;
const MARGIN = "240px 0px";
const BUDGET_MS = 4; // of scripts; what they have drawn is painted after them

export class Mounts {
  constructor() {
    /** @type {Map<Element, Shown>} */
    this._places = new Map();
    /** @type {Set<Element>} */
    this._near = new Set();
    /** @type {Set<Element>} */
    this._mounted = new Set();
    this._frame = 0;
    this._reserved = 0;
    // scrollMargin widens the parts of the page that scroll on their own, rootMargin the window
    const options = /** @type {IntersectionObserverInit} */ ({ rootMargin: MARGIN, scrollMargin: MARGIN });
    this._observer = new IntersectionObserver((entries) => this._seen(entries), options);
  }

  /** Let a place have its chart while it is near the view. @param {Element} place @param {Shown} shown @returns {() => void} ends it */
  observe(place, shown) {
    this._places.set(place, shown);
    this._observer.observe(place);
    return () => {
      this._observer.unobserve(place);
      for (const set of [this._places, this._near, this._mounted]) set.delete(place);
      this._plan();
    };
  }

  /** Leave room for a chart elsewhere, such as in a dialog. @returns {() => void} ends it */
  reserve() {
    this._reserved += 1;
    this._plan();
    return () => {
      this._reserved -= 1;
      this._plan();
    };
  }

  end() {
    this._observer.disconnect();
    cancelAnimationFrame(this._frame);
  }

  /** @param {readonly IntersectionObserverEntry[]} entries */
  _seen(entries) {
    for (const { target, isIntersecting } of entries) this._near[isIntersecting ? "add" : "delete"](target);
    this._plan();
  }

  _plan() {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      if (isFast() || this._step()) this._plan();
    });
  }

  /** Take away what has left, and make the chart that is nearest to the middle of the view; true when there is more to do. */
  _step() {
    const wanted = this._wanted();
    for (const place of this._mounted) {
      if (wanted.includes(place)) continue;
      this._mounted.delete(place);
      const shown = this._places.get(place);
      if (shown) shown.value = false;
    }
    const next = wanted.find((place) => !this._mounted.has(place));
    if (!next) return false;
    this._mounted.add(next);
    const shown = this._places.get(next);
    if (shown) shown.value = true;
    return true;
  }

  _wanted() {
    const distance = new Map([...this._near].map((place) => {
      const { top, bottom } = place.getBoundingClientRect();
      return [place, Math.abs((top + bottom) / 2 - innerHeight / 2)];
    }));
    return [...this._near].sort((a, b) => (distance.get(a) ?? 0) - (distance.get(b) ?? 0)).slice(0, MOST - this._reserved);
  }
}

/** @type {Map<object, () => void>} */
const jobs = new Map();
let frame = 0;

/**
 * Do something in one of the next frames, a few milliseconds of such work in each. A newer job of an owner takes the place of
 * its older one.
 *
 * @param {object} owner
 * @param {() => void} job
 */
export function soon(owner, job) {
  jobs.set(owner, job);
  frame ||= requestAnimationFrame(work);
}

/** Forget what an owner wanted done. @param {object} owner */
export function never(owner) {
  jobs.delete(owner);
}

function work() {
  frame = 0;
  if (isFast()) {
    frame = requestAnimationFrame(work);
    return;
  }
  const end = performance.now() + BUDGET_MS;
  for (const [owner, job] of jobs) {
    jobs.delete(owner);
    job();
    if (performance.now() > end) break;
  }
  if (jobs.size) frame = requestAnimationFrame(work);
}
