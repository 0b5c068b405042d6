// Points of one metric of a run, as they were logged: every step with all its digits.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { view } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { pathOfRun } from "../lib/files.js";
import { count, isDate } from "../lib/format.js";
import { go, place } from "../lib/router.js";
import { saveFile } from "../lib/saving.js";
import { Combobox } from "../parts/combobox.js";
import { copy } from "../parts/copy.js";
import { Pager } from "../parts/pager.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { complain, say } from "../state/toasts.js";
import { useHere, useOfRun } from "./run.js";

const PAGE = 100;
const AT_ONCE = 10_000;
const MOST_SAVED = 1_000_000;
const MOST_CHOICES = 50;
const WHOLE = /^-?\d{1,19}$/;

/** @typedef {{steps: (number | bigint)[], times: number[], values: number[], total: number}} Points */

/** @param {{to: (tab: string) => string}} props */
export default function PointsOfRun({ to }) {
  const { run } = useHere();
  const keys = run.metrics.map((metric) => metric.key);
  const asked = new URLSearchParams(place.value.search).get("key");
  const key = asked !== null && keys.includes(asked) ? asked : keys[0];
  if (key === undefined) return h(Empty, { title: "No metrics have been logged." });
  /** @param {string} text */
  const find = async (text) => keys.filter((one) => one.toLowerCase().includes(text.toLowerCase())).slice(0, MOST_CHOICES).map((value) => ({ value }));
  return h(
    "section",
    { "aria-label": "Points" },
    h("div", { class: "part-bar" }, h(Combobox, { label: "Metric", find, value: key, keepsText: true, onChoose: (chosen) => go(`${to("points")}&key=${encodeURIComponent(chosen)}`) })),
    h(PointsOfKey, { key, name: key }),
  );
}

/** @param {{name: string}} props */
function PointsOfKey({ name }) {
  const { run } = useHere();
  const id = run.run.run_id;
  const [offset, setOffset] = useState(0);
  const [text, setText] = useState("");
  const step = WHOLE.test(text) ? text : undefined;
  const { state, again } = useOfRun((signal) => ask(id, { key: name, step, offset, limit: PAGE }, signal), [id, name, step, offset], [id, name]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for points" });
  return [
    error && h(Failure, { error, onRetry: again }),
    h(
      "div",
      { class: "part-bar" },
      h("label", {}, "From step ", h("input", {
        type: "text", inputMode: "numeric", size: 12, value: text, placeholder: "the first", "aria-invalid": text && !step ? true : undefined,
        onInput: (/** @type {any} */ event) => {
          setText(event.target.value.trim());
          setOffset(0);
        },
      })),
      h(Pager, { offset, limit: PAGE, total: data.total, what: "points", onMove: setOffset }),
      h("button", { type: "button", onClick: () => void copy(csv([data]), "these points as CSV") }, "Copy as CSV"),
      h("button", { type: "button", onClick: () => void save(id, name, data.total, step) }, "Save all as CSV"),
    ),
    h(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Points as a table" },
      h(
        "table",
        { class: "list points" },
        h("thead", {}, h("tr", {}, ["Step", "Time", "Value"].map((one) => h("th", { key: one, scope: "col", class: one === "Time" ? "" : "number" }, one)))),
        h("tbody", {}, data.steps.map((one, i) =>
          h("tr", { key: i }, h("td", { class: "number mono" }, String(one)), h("td", { class: "mono" }, moment(data.times[i])), h("td", { class: Number.isFinite(data.values[i]) ? "number mono" : "number mono mistake" }, String(data.values[i]))))),
      ),
    ),
  ];
}

/** @param {string} id @param {Record<string, unknown>} fields @param {AbortSignal} [signal] @returns {Promise<Points>} */
async function ask(id, fields, signal) {
  const { parts: [table], total } = await view(`${pathOfRun(id)}/points`, fields, { signal });
  return { steps: values(table, "step"), times: values(table, "timestamp"), values: values(table, "value"), total };
}

/** @param {readonly Points[]} pages */
function csv(pages) {
  const rows = pages.flatMap(({ steps, times, values: read }) => steps.map((step, i) => `${step},${moment(times[i])},${read[i]}\n`));
  return `step,time,value\n${rows.join("")}`;
}

/** @param {number} ms since 1970 */
function moment(ms) {
  return isDate(ms) ? new Date(ms).toISOString() : String(ms);
}

/** @param {string} id @param {string} key @param {number} total @param {string} [step] */
async function save(id, key, total, step) {
  try {
    const pages = [];
    for (let offset = 0; offset < Math.min(total, MOST_SAVED); offset += AT_ONCE) pages.push(await ask(id, { key, step, offset, limit: AT_ONCE }));
    saveFile(new Blob([csv(pages)], { type: "text/csv" }), `${key.replaceAll("/", "_")}.csv`);
    if (total > MOST_SAVED) say(`Saved the first ${count(MOST_SAVED)} points; runlake export saves all of them.`);
  } catch (error) {
    complain(error);
  }
}
