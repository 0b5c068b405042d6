// Adding: a dialog in which a chart of the reader's own is made or changed. Fetched when it is first opened.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { Chip } from "../parts/chip.js";
import { Combobox } from "../parts/combobox.js";
import { Dialog } from "../parts/dialog.js";
import { OWN, formatPanel, matching, newPanel, withPanel } from "./layout.js";
import { Choice } from "./toolbar.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

const MOST_OFFERED = 50;
const KINDS = /** @type {[string, string][]} */ ([["line", "Lines of metrics"], ["scatter", "Scatter of two columns"], ["bars", "Bars of a metric's summary"]]);
export const REDUCES = /** @type {[string, string][]} */ ([["last", "Last"], ["min", "Lowest"], ["max", "Highest"], ["mean", "Mean"]]);

/** @param {{board: Context, panel?: Panel, keys: readonly string[], onClose: () => void}} props panel: one that is changed */
export function PanelDialog({ board, panel, keys, onClose }) {
  const kind = useSignal(panel?.kind ?? "line");
  const chosen = useSignal(/** @type {readonly string[]} */ (panel?.keys ?? []));
  const options = useSignal(panel?.options ?? {});
  const isWhole = kind.value === "scatter" ? Boolean(chosen.value[0] && chosen.value[1]) : chosen.value.length > 0;
  const done = () => {
    const changed = board.changed.peek();
    const { n, ...rest } = options.value;
    const made = panel ? { ...panel, keys: chosen.value, options: options.value } : newPanel(changed, kind.value, chosen.value, rest);
    const panels = panel ? withPanel(changed, made) : [formatPanel(made), ...changed.map(formatPanel)];
    board.set({ panels, folds: board.parts.folds.peek().filter((name) => name !== OWN) });
    onClose();
  };
  return h(
    Dialog,
    { title: panel ? "Change the chart" : "Add a chart", onClose },
    h(
      "div",
      { class: "panel-settings" },
      !panel && h("div", {}, h(Choice, { label: "Kind", value: kind.value, choices: KINDS, onChoose: (value) => { kind.value = /** @type {Panel["kind"]} */ (value); chosen.value = []; } })),
      kind.value === "scatter" ? h(Columns, { board, chosen, options }) : h(Metrics, { keys, chosen, most: kind.value === "bars" ? 1 : 20 }),
      kind.value === "bars" && h("div", {}, h(Choice, { label: "Value", value: options.value.reduce || "last", choices: REDUCES, onChoose: (reduce) => { options.value = { ...options.value, reduce }; } })),
    ),
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: onClose }, "Cancel"),
      h("button", { type: "button", class: "primary", disabled: !isWhole, onClick: done }, panel ? "Change" : "Add"),
    ),
  );
}

/** @param {{keys: readonly string[], chosen: import("../vendor/preact.js").Signal<readonly string[]>, most: number}} props */
function Metrics({ keys, chosen, most }) {
  const find = async (/** @type {string} */ text) => matching(keys, text).keys.filter((key) => !chosen.value.includes(key)).slice(0, MOST_OFFERED).map((key) => ({ value: key }));
  return h(
    "div",
    {},
    chosen.value.map((key) => h(Chip, { key, text: key, onRemove: () => { chosen.value = chosen.value.filter((one) => one !== key); } })),
    chosen.value.length < most && h(Combobox, { label: chosen.value.length ? "Another metric" : "Metric", find, onChoose: (key) => { chosen.value = [...chosen.value, key]; } }),
  );
}

/** @param {{board: Context, chosen: import("../vendor/preact.js").Signal<readonly string[]>, options: import("../vendor/preact.js").Signal<import("./layout.js").Options>}} props */
function Columns({ board, chosen, options }) {
  const find = async (/** @type {string} */ q, /** @type {AbortSignal} */ signal) => {
    const { experiments, view } = board.ask.peek();
    const { parts } = await ask("columns", { experiments, view, q, values: false, limit: MOST_OFFERED }, { signal });
    return values(parts[0], "name").map((name) => ({ value: name }));
  };
  const put = (/** @type {number} */ at) => (/** @type {string} */ name) => {
    const next = [chosen.value[0] ?? "", chosen.value[1] ?? ""];
    next[at] = name;
    chosen.value = next;
  };
  const set = (/** @type {import("./layout.js").Options} */ changed) => { options.value = { ...options.value, ...changed }; };
  return h(
    "div",
    { class: "column-fields" },
    h("label", { class: "field" }, "X", h(Combobox, { label: "Column on the x axis", find, keepsText: true, value: chosen.value[0] ?? "", onChoose: put(0) })),
    h(Log, { name: "log x", on: options.value.xlog === "1", onChange: (on) => set({ xlog: on ? "1" : "" }) }),
    h("label", { class: "field" }, "Y", h(Combobox, { label: "Column on the y axis", find, keepsText: true, value: chosen.value[1] ?? "", onChoose: put(1) })),
    h(Log, { name: "log y", on: options.value.y === "log", onChange: (on) => set({ y: on ? "log" : "" }) }),
    h("label", { class: "field" }, "Colour", h(Combobox, { label: "Column of the colour, if any", find, keepsText: true, optional: true, value: options.value.color ?? "", onChoose: (color) => { options.value = { ...options.value, color }; } })),
  );
}

/** @param {{name: string, on: boolean, onChange: (on: boolean) => void}} props */
function Log({ name, on, onChange }) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", checked: on, onChange: (/** @type {any} */ event) => onChange(event.target.checked) }), name);
}
