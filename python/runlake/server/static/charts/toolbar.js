// Toolbar: what holds for all panels of a board: which metrics, axes, smoothing, the range that is looked at.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { count, duration, number, plural, time } from "../lib/format.js";
import { AMOUNTS, parseSmoothing } from "../lib/smooth.js";
import { Chip } from "../parts/chip.js";
import { Combobox } from "../parts/combobox.js";
import { isWhole, kindName } from "./grid.js";
import { matching } from "./layout.js";

/** @typedef {import("./context.js").Context} Context */

const MOST_OFFERED = 50;
const SCALES = /** @type {const} */ ([["linear", "Linear"], ["log", "Log"], ["symlog", "Symlog"]]);

/** @param {{board: Context, keys: readonly string[], children?: import("../vendor/preact.js").ComponentChildren}} props */
export function Toolbar({ board, keys, children }) {
  const { parts } = board;
  return h(
    "div",
    { class: "chart-toolbar", role: "group", "aria-label": "Settings of the charts" },
    h(Find, { board, keys }),
    h(XAxis, { kind: parts.axis.value, isLog: parts.axisLog.value, keys, onKind: (axis) => board.set({ axis }), onLog: (axisLog) => board.set({ axisLog }) }),
    h(Choice, { label: "Y", value: parts.scale.value, choices: SCALES, onChoose: (scale) => board.set({ scale: /** @type {any} */ (scale) }) }),
    h(Smoothing, { text: parts.smooth.value, onChange: (smooth) => board.set({ smooth }, { replace: true }) }),
    board.grouped.value
      ? h(Choice, { label: "Band", value: parts.spread.value, choices: SPREADS, onChoose: (spread) => board.set({ spread }) })
      : h(Choice, { label: "Line", value: parts.value.value, choices: [["mean", "Mean"], ["last", "Last value"]], onChoose: (value) => board.set({ value: /** @type {any} */ (value) }) }),
    [...board.zoom.value].map(([kind, [low, high]]) =>
      h(Chip, { key: kind, text: `${kindName(kind)} ${shown(kind, low)} to ${shown(kind, high)}`, onRemove: () => board.lookAt(kind, null), removeLabel: `Show the whole ${kindName(kind).toLowerCase()} axis` }),
    ),
    children,
  );
}

const SPREADS = /** @type {const} */ ([["std", "± standard deviation"], ["0.1..0.9", "10 % to 90 %"], ["0.25..0.75", "Quartiles"], ["0..1", "Lowest to highest run"]]);

/** @param {string} kind @param {string} place */
function shown(kind, place) {
  if (kind === "step") return count(BigInt(place));
  if (kind === "time") return time(Number(place));
  return isWhole(kind) ? duration(Number(place)) : number(Number(place));
}

/** @param {{board: Context, keys: readonly string[]}} props */
function Find({ board, keys }) {
  const text = board.parts.find.value;
  const { keys: left, error } = matching(keys, text);
  return h(
    "span",
    { class: "chart-find" },
    h("input", {
      type: "search", value: text, placeholder: "Find charts, or /regex/", "aria-label": "Find charts by words or a regular expression between slashes",
      "aria-invalid": error ? "true" : undefined, title: error ?? undefined,
      onInput: (/** @type {any} */ event) => board.set({ find: event.target.value }, { replace: true }),
    }),
    text && h("span", { class: error ? "bad-text" : "quiet", role: "status" }, error ?? plural(left.length, "metric")),
  );
}

/**
 * @param {{kind: string, isLog: boolean, keys: readonly string[], onKind: (kind: string) => void, onLog: (isLog: boolean) => void}} props
 */
export function XAxis({ kind, isLog, keys, onKind, onLog }) {
  const asks = useSignal(false);
  const metric = asks.value || !isWhole(kind);
  const find = async (/** @type {string} */ text) => matching(keys, text).keys.slice(0, MOST_OFFERED).map((key) => ({ value: key }));
  const choices = /** @type {[string, string][]} */ ([["step", "Step"], ["time", "Time"], ["relative", "Relative time"], ["metric", "A metric"]]);
  return [
    h(Choice, { label: "X", value: metric ? "metric" : kind, choices, onChoose: (chosen) => { asks.value = chosen === "metric"; if (chosen !== "metric") onKind(chosen); } }),
    metric && h(Combobox, { label: "Metric on the x axis", autofocus: asks.value, find, keepsText: true, value: isWhole(kind) ? "" : bare(kind), onChoose: (key) => onKind(named(key)) }),
    kind !== "time" && h("label", { class: "check" }, h("input", { type: "checkbox", checked: isLog, onChange: (/** @type {any} */ event) => onLog(event.target.checked) }), "log x"),
  ];
}

/** A key as filters name its metric. @param {string} key */
export function named(key) {
  return `metrics.${/^[\w./-]+$/.test(key) ? key : `\`${key}\``}`;
}

/** @param {string} kind */
function bare(kind) {
  return kind.replace(/^metrics\./, "").replace(/^`(.*)`$/, "$1");
}

/** @param {{label: string, value: string, choices: readonly (readonly [string, string])[], onChoose: (value: string) => void}} props */
export function Choice({ label, value, choices, onChoose }) {
  const known = choices.some(([one]) => one === value);
  return h(
    "label",
    { class: "field" },
    label,
    h(
      "select",
      { value, onChange: (/** @type {any} */ event) => onChoose(event.target.value) },
      choices.map(([one, text]) => h("option", { key: one, value: one }, text)),
      !known && h("option", { value }, value),
    ),
  );
}

/** @param {{text: string, onChange: (text: string) => void}} props */
export function Smoothing({ text, onChange }) {
  const how = parseSmoothing(text);
  const kind = how?.kind ?? "none";
  return [
    h(Choice, {
      label: "Smooth", value: kind, choices: [["none", "Off"], ["ema", "Moving average"], ["gauss", "Gaussian"]],
      onChoose: (chosen) => onChange(chosen === "ema" || chosen === "gauss" ? `${chosen}:${AMOUNTS[chosen].usual}` : ""),
    }),
    how && h("input", {
      type: "range", min: how.kind === "ema" ? 0.01 : 0.5, max: how.kind === "ema" ? 0.99 : AMOUNTS.gauss.high, step: how.kind === "ema" ? 0.01 : 0.5, value: how.amount,
      "aria-label": how.kind === "ema" ? "Weight of what came before" : "Width in buckets", title: String(how.amount),
      onInput: (/** @type {any} */ event) => onChange(`${how.kind}:${event.target.value}`),
    }),
  ];
}
