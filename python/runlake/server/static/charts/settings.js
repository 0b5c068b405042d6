// Settings of one panel, where it differs from the board: axes, smoothing, what of a bucket is drawn.
// @ts-check
import { h } from "../vendor/preact.js";
import { Dialog } from "../parts/dialog.js";
import { withPanel } from "./layout.js";
import { Choice, Smoothing, XAxis } from "./toolbar.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

/** @param {{board: Context, panel: Panel, keys: readonly string[], onClose: () => void}} props panel: as it is on the board now */
export function PanelSettings({ board, panel, keys, onClose }) {
  const { options } = panel;
  const used = board.settings(panel);
  const set = (/** @type {import("./layout.js").Options} */ changed) => board.set({ panels: withPanel(board.changed.peek(), { ...panel, options: { ...options, ...changed } }) });
  const scales = /** @type {[string, string][]} */ ([["", `As the board (${board.parts.scale.value})`], ["linear", "Linear"], ["log", "Log"], ["symlog", "Symlog"]]);
  const lines = /** @type {[string, string][]} */ ([["", `As the board (${board.parts.value.value})`], ["mean", "Mean"], ["last", "Last value"]]);
  return h(
    Dialog,
    { title: `Settings of ${panel.keys.join(", ")}`, onClose },
    h(
      "div",
      { class: "panel-settings" },
      h("div", {}, h(XAxis, { kind: used.x, isLog: used.xLog, keys, onKind: (x) => set({ x: x === board.parts.axis.value ? "" : x }), onLog: (isLog) => set({ xlog: isLog === board.parts.axisLog.value ? "" : isLog ? "1" : "0" }) })),
      h("div", {}, h(Choice, { label: "Y", value: options.y ?? "", choices: scales, onChoose: (y) => set({ y }) })),
      h("div", {}, h(Smoothing, { text: used.smooth, onChange: (s) => set({ s: s === board.parts.smooth.value ? "" : s || "none" }) })),
      h("div", {}, h(Choice, { label: "Line", value: options.v ?? "", choices: lines, onChoose: (v) => set({ v }) })),
    ),
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: () => set({ x: "", xlog: "", y: "", s: "", v: "" }) }, "As the board"),
      h("button", { type: "button", class: "primary", onClick: onClose }, "Done"),
    ),
  );
}
