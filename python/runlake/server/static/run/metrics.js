// Metrics of a run: a line each, with its curve and what it comes down to.
// @ts-check
import { h, useCallback, useMemo, useState } from "../vendor/preact.js";
import { count, number, plural } from "../lib/format.js";
import { finder } from "../lib/words.js";
import { Icon } from "../parts/icon.js";
import { Empty } from "../parts/state.js";
import { Windowed } from "../parts/windowed.js";
import { toNumber, useHere } from "./run.js";
import { Spark, useSparks } from "./sparks.js";

/** @typedef {import("./run.js").Metric} Metric */

/** @typedef {"key" | "last" | "min" | "max" | "mean" | "count" | "nan"} Column */

/** @type {readonly (readonly [string, Column | null])[]} columns in their order, and what they are sorted by */
const HEAD = [["Name", "key"], ["Curve", null], ["Last", "last"], ["at step", null], ["Least", "min"], ["Greatest", "max"], ["Mean", "mean"], ["Points", "count"], ["NaN", "nan"]];

/** @param {{to: (tab: string) => string}} props */
export default function Metrics({ to }) {
  const { metrics } = useHere().run;
  return h(MetricTable, { to, metrics, none: "No metrics have been logged." });
}

/** @param {{to: (tab: string) => string, metrics: readonly Metric[], none: string}} props none: is said when there are none */
export function MetricTable({ to, metrics, none }) {
  const { run } = useHere();
  const [text, setText] = useState("");
  const [by, setBy] = useState(/** @type {Column} */ ("key"));
  const [down, setDown] = useState(false);
  const found = useMemo(() => {
    const isWanted = finder(text);
    return sorted(metrics.filter(({ key }) => isWanted(key)), by, down);
  }, [metrics, text, by, down]);
  /** @param {Column} column */
  const sort = (column) => {
    setDown(column === by ? !down : column !== "key"); // the largest first
    setBy(column);
  };
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
      head: HEAD.map(([name, column], i) =>
        h(
          "span",
          { key: name, role: "columnheader", class: i > 1 ? "number" : "", "aria-sort": column === by ? (down ? "descending" : "ascending") : undefined },
          column === null ? name : h("button", { type: "button", class: "link", onClick: () => sort(column) }, name, column === by && h(Icon, { name: down ? "chevron-down" : "chevron-up", size: 12 })),
        )),
      line: (at) => h(Line, { metric: found[at], curve: curves.get(found[at].key), to }),
    }),
  );
}

/**
 * Metrics by a column; what has no number there is behind the rest, and equal ones are by name.
 *
 * @param {readonly Metric[]} metrics
 * @param {Column} by
 * @param {boolean} down
 */
function sorted(metrics, by, down) {
  if (by === "key") return down ? [...metrics].reverse() : metrics;
  const place = (/** @type {Metric} */ metric) => {
    const value = toNumber(metric[by]) ?? NaN;
    return Number.isNaN(value) ? Infinity : down ? -value : value;
  };
  const places = new Map(metrics.map((metric) => [metric, place(metric)]));
  return [...metrics].sort((a, b) => compared(places.get(a) ?? 0, places.get(b) ?? 0));
}

/** @param {number} a @param {number} b */
function compared(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
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
