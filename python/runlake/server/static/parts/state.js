// What stands where nothing can be shown: nothing there, not there yet, gone wrong.
// @ts-check
import { h } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/** @typedef {import("../vendor/preact.js").ComponentChildren} Children */

/** Nothing is there, and what to do about it. @param {{title: string, children?: Children}} props */
export function Empty({ title, children }) {
  return h("div", { class: "state" }, h("p", { class: "state-title" }, title), children);
}

/** An answer is awaited; `what` is being done. @param {{what: string}} props */
export function Loading({ what }) {
  return h("div", { class: "state loading", role: "status" }, h("span", { class: "spinner" }), `${what} …`);
}

/**
 * It went wrong, why, and what helps.
 *
 * @param {{error: Error & {hint?: string | null}, onRetry?: () => void}} props
 */
export function Failure({ error, onRetry }) {
  return h(
    "div",
    { class: "state failure", role: "alert" },
    h("p", { class: "state-title" }, h(Icon, { name: "circle-alert" }), " ", h("span", { dir: "auto" }, error.message)),
    error.hint && h("p", { class: "quiet", dir: "auto" }, error.hint),
    onRetry && h("button", { type: "button", onClick: onRetry }, "Try again"),
  );
}

/** All of a page went wrong; `title` is what the page would have shown. @param {{title: string, error: Error & {hint?: string | null}, onRetry?: () => void}} props */
export function PageFailure({ title, error, onRetry }) {
  return h("section", {}, h("h1", { class: "visually-hidden" }, title), h(Failure, { error, onRetry }));
}

/**
 * What is shown is not what there is now, and why. While the server is away the banner says so.
 *
 * @param {{error: import("../lib/api.js").ApiError | null, onRetry: () => void}} props
 */
export function Outdated({ error, onRetry }) {
  if (!error || error.status === 0) return null;
  return h(
    "p",
    { class: "banner", role: "alert" },
    "What is shown is from before: ", h("span", { dir: "auto" }, error.message), " ",
    h("button", { type: "button", class: "link", onClick: onRetry }, "Try again"),
  );
}
