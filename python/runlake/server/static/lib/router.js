// Where the reader is: the path and query of the page's address, what the page is called in the history, and how links lead
// elsewhere without loading anew.
// @ts-check
import { signal, useEffect } from "../vendor/preact.js";

/** @typedef {{name: string, params: Record<string, string>}} Route */

/** Pages by the pattern of their path; a `:name` is one part of it, the last of a model's version may have more. */
const ROUTES = Object.freeze({
  experiments: "/",
  runs: "/runs",
  run: "/runs/:run",
  compare: "/compare",
  models: "/models",
  model: "/models/:model",
  version: "/models/:model/:version",
});

/** Path and query of the page, as the reader sees them, and whether the browser's buttons led there. */
export const place = signal({ path: location.pathname, search: location.search, isBack: false });

/**
 * Find the page of a path.
 *
 * @param {string} path
 * @returns {Route | null}
 */
export function match(path) {
  const given = path.replace(/\/+$/, "").split("/");
  for (const [name, pattern] of Object.entries(ROUTES)) {
    const wanted = pattern.replace(/\/+$/, "").split("/");
    if (wanted.length !== given.length) continue;
    if (!wanted.every((part, i) => part.startsWith(":") || part === given[i])) continue;
    const named = wanted.flatMap((part, i) => (part.startsWith(":") ? [[part.slice(1), decode(given[i])]] : []));
    return { name, params: Object.fromEntries(named) };
  }
  return null;
}

/**
 * A path with its names in it, each written so that it is one part.
 *
 * @param {keyof typeof ROUTES} name
 * @param {Record<string, string>} [params]
 */
export function pathOf(name, params = {}) {
  return ROUTES[name].replace(/:(\w+)/g, (_, key) => encodeURIComponent(params[key] ?? ""));
}

/**
 * Go to an address of this server.
 *
 * @param {string} url path and query
 * @param {{replace?: boolean}} [how] `replace`: going back does not lead here
 */
export function go(url, { replace = false } = {}) {
  const next = new URL(url, location.href);
  if (next.pathname === place.value.path && next.search === place.value.search) return;
  if (replace) history.replaceState(history.state, "", next); // of which may be noted how far it is scrolled
  else history.pushState(null, "", next);
  place.value = { path: next.pathname, search: next.search, isBack: false };
}

/**
 * The address that a link of MLflow's pages means: `#/experiments/1/runs/abc`.
 *
 * @param {string} hash
 * @returns {string | null}
 */
export function translated(hash) {
  const parts = hash.replace(/^#\/?/, "").split("?")[0].split("/").map(decode);
  const [kind, first, second, third] = parts;
  if (kind === "experiments" && second === "runs" && third) return pathOf("run", { run: third });
  if (kind === "experiments" && first) return `/runs?${new URLSearchParams({ experiment: first })}`;
  if (kind === "models" && second === "versions" && third) return pathOf("version", { model: first, version: third });
  if (kind === "models" && first) return pathOf("model", { model: first });
  return kind === "models" ? "/models" : null;
}

/** Call the page by a name for as long as a component is on it. @param {string} name nothing is the application's own */
export function useTitle(name) {
  useEffect(() => {
    if (name) document.title = `${name} · runlake`;
    return () => { document.title = "runlake"; };
  }, [name]);
}

/** Follow links and the browser's buttons from now on. */
export function begin() {
  addEventListener("popstate", arrive); // a part behind # that is written into the address as well
  document.addEventListener("click", follow);
  arrive();
}

/** Take over what the browser's address says. */
function arrive() {
  const meant = translated(location.hash);
  if (meant) go(meant, { replace: true });
  else place.value = { path: location.pathname, search: location.search, isBack: true };
}

/** @param {MouseEvent} event */
function follow(event) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || match(link.pathname) === null) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return; // to a part of this page
  event.preventDefault();
  go(link.pathname + link.search);
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone % is no escape, and stands for itself
  }
}
