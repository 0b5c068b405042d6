// Toasts: what has just happened, said once and read aloud.
// @ts-check
import { h, signal } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/** @typedef {{id: number, text: string, tone: "plain" | "bad", action?: {label: string, run: () => void}}} Toast */

const SHOWN_MS = 6000;
const MOST = 4;

/** @type {import("../vendor/preact.js").Signal<readonly Toast[]>} */
const toasts = signal([]);
let last = 0;

/**
 * Say something that does not ask for an answer.
 *
 * @param {string} text
 * @param {{tone?: "plain" | "bad", action?: Toast["action"]}} [how] `bad` stays until it is closed
 */
export function say(text, { tone = "plain", action } = {}) {
  const id = (last += 1);
  toasts.value = [...toasts.value, { id, text, tone, action }].slice(-MOST);
  if (tone === "plain") setTimeout(() => close(id), SHOWN_MS);
}

/** Say what went wrong, and what helps. @param {unknown} error */
export function complain(error) {
  const hint = /** @type {{hint?: string | null}} */ (error).hint;
  say([error instanceof Error ? error.message : String(error), hint].filter(Boolean).join(" "), { tone: "bad" });
}

/** @param {number} id */
function close(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Where toasts appear; once on the page. */
export function Toasts() {
  return h(
    "div",
    { class: "toasts", role: "status", "aria-live": "polite" },
    toasts.value.map((toast) =>
      h(
        "div",
        { key: toast.id, class: `toast ${toast.tone}` },
        h("span", { dir: "auto" }, toast.text),
        toast.action && h("button", { type: "button", onClick: () => { toast.action?.run(); close(toast.id); } }, toast.action.label),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close", onClick: () => close(toast.id) }, h(Icon, { name: "x" })),
      ),
    ),
  );
}
