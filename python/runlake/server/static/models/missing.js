// Missing: a model or a version that was asked for and is not there, or whatever else went wrong instead.
// @ts-check
import { h } from "../vendor/preact.js";
import { Empty, Failure } from "../parts/state.js";

/** @param {{error: import("../lib/api.js").ApiError, what: string, href: string, onRetry: () => void}} props what: was asked for; href: where to look instead */
export function Missing({ error, what, href, onRetry }) {
  if (error.status !== 404) return h(Failure, { error, onRetry });
  return h(Empty, { title: `There is no ${what}, or it may not be seen by you.` }, h("p", {}, h("a", { href }, href === "/models" ? "All models" : "All versions")));
}
