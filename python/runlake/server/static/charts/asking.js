// Asking for curves: few requests are under way at a time, so that the table never waits for charts, and panels that wait
// with the same question about different metrics are answered together, for the server reads all of them as fast as one.
// @ts-check
import { view } from "../lib/api.js";
import { readChart, readCharts } from "./curves.js";

/** @typedef {import("./curves.js").Chart} Chart */
/** @typedef {{keys: readonly string[], x: string, since?: object | null, [name: string]: any}} Fields of a request for curves */
/** @typedef {{fields: Fields, question: string, signal: AbortSignal, take: (chart: Chart) => void, fail: (error: unknown) => void}} Wish */

const MOST_UNDER_WAY = 3;
const MOST_TOGETHER = 16;

/** @type {Wish[]} the latest last: what came into view last is what is looked at */
let waiting = [];
let underWay = 0;
let planned = false;

/**
 * Ask for the curves of a chart, as soon as it is its turn.
 *
 * @param {Fields} fields
 * @param {AbortSignal} signal
 * @returns {Promise<Chart>}
 */
export function fetchChart(fields, signal) {
  const { keys, since, ...question } = fields;
  return new Promise((take, fail) => {
    // several keys in one chart have one grid, and a key that is a pattern may mean another one than it says
    const isAlone = keys.length !== 1 || /^\^|[*?]/.test(keys[0]);
    waiting.push({ fields, question: isAlone ? "" : JSON.stringify(question), signal, take, fail });
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    if (planned) return;
    planned = true;
    queueMicrotask(() => {
      planned = false;
      go();
    });
  });
}

function go() {
  waiting = waiting.filter((wish) => !wish.signal.aborted);
  while (underWay < MOST_UNDER_WAY && waiting.length) {
    const latest = /** @type {Wish} */ (waiting.pop());
    const alike = latest.question ? waiting.filter((wish) => wish.question === latest.question).slice(1 - MOST_TOGETHER) : [];
    waiting = waiting.filter((wish) => !alike.includes(wish));
    void answer([latest, ...alike.reverse()]);
  }
}

/** @param {Wish[]} wishes */
async function answer(wishes) {
  underWay += 1;
  const stop = new AbortController();
  const look = () => wishes.every((wish) => wish.signal.aborted) && stop.abort();
  for (const wish of wishes) wish.signal.addEventListener("abort", look, { once: true });
  try {
    if (wishes.length === 1) wishes[0].take(await alone(wishes[0].fields, stop.signal));
    else await together(wishes, stop.signal);
  } catch (error) {
    for (const wish of wishes) wish.fail(error);
  } finally {
    underWay -= 1;
    go();
  }
}

/** @param {Fields} fields @param {AbortSignal} signal */
async function alone(fields, signal) {
  return readChart(await view("series", fields, { post: true, signal }), fields.x);
}

/** @param {Wish[]} wishes @param {AbortSignal} signal */
async function together(wishes, signal) {
  const { keys: _, since: __, ...question } = wishes[0].fields;
  const known = new Map(wishes.map(({ fields }) => [fields.keys[0], fields.since ?? null]));
  const since = [...known.values()];
  const fields = { ...question, keys: [...known.keys()], apart: true, since: since.some(Boolean) ? since : undefined };
  const charts = readCharts(await view("series", fields, { post: true, signal }), question.x);
  for (const { fields: { keys }, take } of wishes) take(/** @type {Chart} */ (charts.get(keys[0])));
}
