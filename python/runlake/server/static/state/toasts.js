// Toasts: what has just happened, to be said once.
// @ts-check
import { signal } from "../vendor/preact.js";

/** @typedef {{id: number, text: string, tone: "plain" | "bad", action?: {label: string, run: () => void}}} Toast */

const SHOWN_MS = 6000;
const MOST = 4;

/** What is said now. @type {import("../vendor/preact.js").Signal<readonly Toast[]>} */
export const toasts = signal([]);
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
export function close(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
