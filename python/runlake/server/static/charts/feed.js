// Feed: the curves of one panel as the server has them: asked for when the question changes, and from the last bucket on
// when there may be new points.
// @ts-check
import { batch, signal } from "../vendor/preact.js";
import { isAbort } from "../lib/api.js";
import { keep, watch } from "../state/stale.js";
import { fetchChart } from "./asking.js";
import { merged } from "./curves.js";

/** @typedef {import("./curves.js").Chart} Chart */
/** @typedef {import("./asking.js").Fields} Fields */

const MOST_KEPT = 48;

/** @type {Map<string, Chart>} what was drawn a while ago, by its question; the latest is last */
const kept = new Map();
keep((keys) => {
  for (const [question, chart] of kept) if (keys === null || chart.keys.some((key) => keys.has(key))) kept.delete(question);
});

export class Feed {
  constructor() {
    /** @type {import("../vendor/preact.js").Signal<Chart | null>} what is drawn; it stays while other curves are asked for */
    this.chart = signal(null);
    /** @type {import("../vendor/preact.js").Signal<Error | null>} */
    this.error = signal(null);
    this.loading = signal(false);
    /** @type {Fields | null} */
    this._fields = null;
    this._question = "";
    this._stop = new AbortController();
    this._unwatch = () => {};
    this._again = false;
  }

  /** Draw what a question asks for; nothing is done when it is the same as before. @param {Fields} fields */
  ask(fields) {
    const question = JSON.stringify(fields);
    if (question === this._question && !this.error.peek()) return;
    this._fields = fields;
    this._question = question;
    this._unwatch();
    this._unwatch = watch({ keys: fields.keys, runs: () => this._runs(), again: () => this.refresh() });
    this._stop.abort(); // an answer to the question before would be taken for one to this
    const known = kept.get(question);
    if (known) this._take(known);
    else this._fetch(null);
  }

  /** Ask for what has come since. @returns {Promise<void> | undefined} settles when it is there */
  refresh() {
    if (!this._fields) return undefined;
    if (!this.loading.peek()) return this._fetch(this.chart.peek());
    this._again = true;
    return undefined;
  }

  /** Ask anew after a failure. */
  retry() {
    this._fetch(null);
  }

  end() {
    this._unwatch();
    this._stop.abort();
  }

  _runs() {
    const chart = this.chart.peek();
    return !chart || chart.grouped || chart.leftOut > 0 ? null : new Set(chart.lines.map((line) => line.id));
  }

  /** @param {Chart | null} before what is there of this question */
  async _fetch(before) {
    this._stop.abort();
    const stop = (this._stop = new AbortController());
    const fields = /** @type {Fields} */ (this._fields);
    this.loading.value = true;
    try {
      const since = before && sinceOf(before);
      const news = await fetchChart({ ...fields, ...(since ? { since, ledger: false } : {}) }, stop.signal);
      const chart = before && since ? merged(before, news) : news;
      if (stop.signal.aborted) return;
      if (chart === null) await this._fetch(null);
      else this._take(chart);
    } catch (error) {
      if (stop.signal.aborted || isAbort(error)) return;
      batch(() => {
        this.error.value = /** @type {Error} */ (error);
        this.loading.value = false;
      });
    }
  }

  /** @param {Chart} chart */
  _take(chart) {
    remember(this._question, chart);
    batch(() => {
      this.chart.value = chart;
      this.error.value = null;
      this.loading.value = false;
    });
    if (this._again) {
      this._again = false;
      this.refresh();
    }
  }
}

/**
 * The place from which on a chart may have new points: the last bucket of the curve that is least far. What is behind that
 * is asked for again, for a bucket that is not over may still change.
 *
 * @param {Chart} chart
 */
function sinceOf({ grid, curves, grouped }) {
  if (curves.length === 0 || grouped) return null;
  const bucket = Math.min(...curves.map(({ at }) => at[at.length - 1]));
  return { start: grid.said.start, width: grid.said.width, bucket };
}

/** @param {string} question @param {Chart} chart */
function remember(question, chart) {
  kept.delete(question);
  kept.set(question, chart);
  if (kept.size > MOST_KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
}
