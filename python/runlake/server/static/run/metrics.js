// Metrics of a run: a line each, with its curve and what it comes down to.
// @ts-check
import { h, useCallback, useMemo, useState } from "../vendor/preact.js";
import { count, number, plural } from "../lib/format.js";
import { Empty } from "../parts/state.js";
import { Windowed } from "../parts/windowed.js";
import { toNumber, useHere } from "./run.js";
import { Spark, useSparks } from "./sparks.js";

/** @typedef {import("./run.js").Metric} Metric */

const HEAD = ["Name", "Curve", "Last", "at step", "Least", "Greatest", "Mean", "Points", "NaN"];

/** @param {{to: (tab: string) => string}} props */
export default function Metrics({ to }) {
  const { metrics } = useHere().run;
  return h(MetricTable, { to, metrics, none: "No metrics have been logged." });
}

/** @param {{to: (tab: string) => string, metrics: readonly Metric[], none: string}} props none: is said when there are none */
export function MetricTable({ to, metrics, none }) {
  const { run } = useHere();
  const [text, setText] = useState("");
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return metrics.filter(({ key }) => words.every((word) => key.toLowerCase().includes(word)));
  }, [metrics, text]);
  const sparks = useSparks(run.run.run_id, run.tx);
  const onSeen = useCallback((/** @type {number} */ from, /** @type {number} */ end) => sparks.want(found.slice(from, end)), [sparks, found]);
  if (metrics.length === 0) return h(Empty, { title: none });
  const curves = sparks.curves.value;
  return h(
    "section",
    { class: "filling", "aria-label": "Metrics" },
    h(
      "div",
      { class: "part-bar" },
      h("input", { type: "search", "aria-label": "Find metrics by name", placeholder: "Find by name", value: text, onInput: (/** @type {any} */ event) => setText(event.target.value) }),
      h("span", { class: "quiet", role: "status" }, plural(found.length, "metric")),
    ),
    found.length === 0 ? h(Empty, { title: `No metric has “${text}” in its name.` }) : h(Windowed, {
      label: "Metrics", count: found.length, class: "metrics", onSeen, height: 34,
      head: HEAD.map((name, i) => h("span", { key: name, role: "columnheader", class: i > 1 ? "number" : "" }, name)),
      line: (at) => h(Line, { metric: found[at], curve: curves.get(found[at].key), to }),
    }),
  );
}

/** @param {{metric: Metric, curve: readonly import("./sparks.js").Bucket[] | null | undefined, to: (tab: string) => string}} props */
function Line({ metric, curve, to }) {
  const { key, last, last_step: step, min, min_step: minStep, max, max_step: maxStep, mean, count: points, nan } = metric;
  /** @param {import("./run.js").Value | null} value @param {string} [title] */
  const cell = (value, title) => h("span", { role: "cell", class: "number", title }, number(toNumber(value)));
  return [
    h("span", { role: "cell", class: "cell-name", title: key }, h("a", { href: `${to("points")}&key=${encodeURIComponent(key)}`, dir: "auto" }, key)),
    h("span", { role: "cell" }, h(Spark, { curve, name: key })),
    cell(last, String(last)),
    h("span", { role: "cell", class: "number mono" }, step),
    cell(min, minStep === null ? undefined : `at step ${minStep}`),
    cell(max, maxStep === null ? undefined : `at step ${maxStep}`),
    cell(mean),
    h("span", { role: "cell", class: "number" }, count(points)),
    h("span", { role: "cell", class: nan ? "number mistake" : "number" }, nan ? count(nan) : ""),
  ];
}
