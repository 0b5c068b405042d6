// Charts without sight or mouse: a cursor that arrows move through buckets and runs, what is said of its place, and a table
// of what is drawn.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { count, number } from "../lib/format.js";
import { Dialog } from "../parts/dialog.js";
import { lowerBound, nearestRow } from "./curves.js";
import { kindName } from "./grid.js";
import { nonFinite, remarks } from "./marks.js";

/** @typedef {import("./chart.js").LineChart} LineChart */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./traces.js").Picture} Picture */

const STRIDE = 10;

/** Where the keyboard is on one chart. */
export class KeyCursor {
  /** @param {() => LineChart | null} chart @param {() => void} onTable the table is wanted */
  constructor(chart, onTable) {
    this._chart = chart;
    this._onTable = onTable;
    this._bucket = -1;
    this._line = "";
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const chart = this._chart();
    const drawn = chart?.picture.peek();
    if (!chart || !drawn || event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const done = this._obey(event.key, chart, drawn);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Forget the place, and take its marks away. */
  leave() {
    this._bucket = -1;
    this._chart()?.point(null, 0);
  }

  /** @param {string} key @param {LineChart} chart @param {Picture} drawn */
  _obey(key, chart, drawn) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -STRIDE, PageDown: STRIDE, Home: -Infinity, End: Infinity }[key];
    if (steps !== undefined) return this._along(steps, chart, drawn);
    if (key === "ArrowUp" || key === "ArrowDown") return this._across(key === "ArrowUp" ? -1 : 1, chart, drawn);
    if (key === "+" || key === "-") return this._zoom(key === "+" ? 0.5 : 2, chart, drawn);
    if (key === "Enter" || key === "t" || key === "T") this._onTable();
    else if (key === "Escape" && this._bucket >= 0) this.leave();
    else if (key === "Escape" && chart.board.zoom.peek().has(drawn.chart.grid.kind)) {
      chart.reset();
      chart.board.said.value = `The whole ${kindName(drawn.chart.grid.kind).toLowerCase()} axis is shown.`;
    } else return false;
    return true;
  }

  /** @param {number} steps @param {LineChart} chart @param {Picture} drawn */
  _along(steps, chart, drawn) {
    const curve = this._curve(drawn);
    if (!curve) return false;
    const seen = within(curve, drawn);
    const here = lowerBound(seen, this._bucket);
    const next = this._bucket < 0 && Number.isFinite(steps) ? 0 : Math.min(seen.length - 1, Math.max(0, here + steps));
    if (seen.length === 0) return false;
    return this._show(seen[next], curve, chart);
  }

  /** Go to the curve above or below at this bucket. @param {number} step @param {LineChart} chart @param {Picture} drawn */
  _across(step, chart, drawn) {
    const curve = this._curve(drawn);
    if (!curve) return false;
    const bucket = this._bucket < 0 ? (within(curve, drawn)[0] ?? 0) : this._bucket;
    const column = chart.column();
    const value = (/** @type {Curve} */ one) => {
      const row = nearestRow(one, bucket, Infinity);
      return Number.isNaN(one[column][row]) ? -Infinity : one[column][row];
    };
    const order = drawn.traces.map((trace) => trace.curve).filter((one) => one.at.length).sort((a, b) => value(b) - value(a));
    const next = this._bucket < 0 ? curve : order[Math.min(order.length - 1, Math.max(0, order.indexOf(curve) + step))];
    return this._show(next.at[nearestRow(next, bucket, Infinity)], next, chart);
  }

  /** Look at less around the cursor, or at more. @param {number} factor @param {LineChart} chart @param {Picture} drawn */
  _zoom(factor, chart, drawn) {
    const { grid } = drawn.chart;
    const [low, high] = drawn.x;
    const middle = this._bucket < 0 ? (low + high) / 2 : grid.middle(this._bucket);
    const half = ((high - low) / 2) * factor;
    if (factor > 1 && !chart.board.zoom.peek().has(grid.kind)) return true;
    const range = grid.range(middle - half, middle + half);
    chart.board.lookAt(grid.kind, range);
    chart.board.said.value = `${kindName(grid.kind)} ${range[0]} to ${range[1]} is shown.`;
    this._bucket = -1; // buckets are others now
    return true;
  }

  /** @param {number} bucket @param {Curve} curve @param {LineChart} chart */
  _show(bucket, curve, chart) {
    this._bucket = bucket;
    this._line = `${curve.id} ${curve.key}`;
    chart.pointAt(bucket, curve);
    const drawn = chart.picture.peek();
    if (drawn) chart.board.said.value = sentence(drawn, curve, bucket, chart.column());
    return true;
  }

  /** @param {Picture} drawn */
  _curve(drawn) {
    const curves = drawn.traces.map((trace) => trace.curve).filter((curve) => curve.at.length);
    return curves.find((curve) => `${curve.id} ${curve.key}` === this._line) ?? curves[0];
  }
}

/** Buckets of a curve that are in view. @param {Curve} curve @param {Picture} drawn */
function within(curve, { chart: { grid }, x }) {
  return curve.at.filter((bucket) => grid.middle(bucket) >= x[0] && grid.middle(bucket) <= x[1]);
}

/**
 * What is said of a bucket of a curve.
 *
 * @param {Picture} drawn
 * @param {Curve} curve
 * @param {number} bucket
 * @param {"mean" | "last"} column
 */
export function sentence(drawn, curve, bucket, column) {
  const { grid, keys } = drawn.chart;
  const row = lowerBound(curve.at, bucket);
  const place = drawn.traces.findIndex((trace) => trace.curve === curve) + 1;
  const odd = nonFinite(curve.flags[row]);
  const spread = curve.min[row] < curve.max[row] ? ` (minimum ${number(curve.min[row])}, maximum ${number(curve.max[row])})` : "";
  const value = Number.isNaN(curve[column][row]) ? odd : `${number(curve[column][row])}${spread}${odd ? `, and ${odd}` : ""}`;
  const name = keys.length > 1 ? `${curve.name}, ${curve.key}` : curve.name;
  const isLast = row === curve.at.length - 1;
  const ending = isLast ? ["last point", ...remarks(curve)].join(", ") : "";
  return `${kindName(grid.kind)} ${grid.label(bucket)}: ${name} ${value}${ending ? `, ${ending}` : ""}; line ${place} of ${drawn.traces.length}`;
}

/** The buckets of one curve as a table. @param {{drawn: Picture, title: string, first: string | null, onClose: () => void}} props */
export function BucketTable({ drawn, title, first, onClose }) {
  const { grid } = drawn.chart;
  const curves = drawn.traces.map((trace) => trace.curve);
  const nameOf = (/** @type {Curve} */ one) => `${one.id} ${one.key}`; // which place a curve has changes as runs come
  const chosen = useSignal(curves.find((curve) => curve.id === first) ?? null);
  const curve = curves.find((one) => chosen.value !== null && nameOf(one) === nameOf(chosen.value)) ?? curves[0];
  return h(
    Dialog,
    { title, onClose, wide: true },
    h(
      "label",
      { class: "field" },
      drawn.chart.grouped ? "Group" : "Run",
      h(
        "select",
        { value: curve && nameOf(curve), onChange: (/** @type {any} */ event) => { chosen.value = curves.find((one) => nameOf(one) === event.target.value) ?? null; } },
        curves.map((one) => h("option", { key: nameOf(one), value: nameOf(one) }, drawn.chart.keys.length > 1 ? `${one.name} · ${one.key}` : one.name)),
      ),
    ),
    curve && h(
      "div",
      { class: "bucket-table", tabIndex: 0, role: "region", "aria-label": `Values of ${curve.name}` },
      h(
        "table",
        { class: "list" },
        h("thead", {}, h("tr", {}, [kindName(grid.kind), "Mean", "Minimum", "Maximum", "Last", drawn.chart.grouped ? "Runs" : "Points", "Not finite"].map((text, i) => h("th", { key: text, scope: "col", class: i ? "number" : "" }, text)))),
        h("tbody", {}, Array.from(within(curve, drawn), (bucket) => h(Row, { key: bucket, curve, label: grid.label(bucket), row: lowerBound(curve.at, bucket) }))),
      ),
    ),
  );
}

/** @param {{curve: Curve, label: string, row: number}} props */
function Row({ curve, label, row }) {
  const cell = (/** @type {number} */ value) => (Number.isNaN(value) ? "" : number(value));
  const values = [cell(curve.mean[row]), cell(curve.min[row]), cell(curve.max[row]), number(curve.last[row]), count(curve.count[row]), nonFinite(curve.flags[row])];
  return h("tr", {}, h("th", { scope: "row" }, label), values.map((text, i) => h("td", { key: i, class: "number" }, text)));
}
