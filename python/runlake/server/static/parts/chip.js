// Chip: a small thing with a name, which can be taken away.
// @ts-check
import { h } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/**
 * @param {{text: string, title?: string, tone?: string, onRemove?: () => void, removeLabel?: string, children?: import("../vendor/preact.js").ComponentChildren}} props
 *   tone: `good`, `bad`, `busy` or nothing
 */
export function Chip({ text, title, tone = "", onRemove, removeLabel, children }) {
  const label = removeLabel ?? `Remove ${text}`;
  return h(
    "span",
    { class: `chip ${tone}`, title },
    children,
    h("span", { class: "chip-text", dir: "auto" }, text),
    onRemove && h("button", { type: "button", class: "chip-remove", title: label, "aria-label": label, onClick: onRemove }, h(Icon, { name: "x", size: 12 })),
  );
}

const TONES = /** @type {Record<string, string>} */ ({ FINISHED: "good", READY: "good", FAILED: "bad", KILLED: "bad", RUNNING: "busy", SCHEDULED: "busy" });

/** The state of a run, as a word and a colour. @param {{status: string}} props */
export function Status({ status }) {
  return h(Chip, { text: status.toLowerCase(), tone: TONES[status] ?? "" });
}
