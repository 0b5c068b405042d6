// Addresses of the pages of models: what of them is shown, as a query that can be sent to others.
// @ts-check
import { useEffect, useSignal } from "../vendor/preact.js";
import { go, pathOf, place } from "../lib/router.js";

/** @param {string} model */
export function modelPath(model) {
  return pathOf("model", { model });
}

/** @param {string} model @param {number | string} version */
export function versionPath(model, version) {
  return pathOf("version", { model, version: String(version) });
}

/** Where the server has a model, below the native API. @param {string} model @param {...(string | number)} rest */
export function apiPath(model, ...rest) {
  return ["models", model, ...rest].map((part) => encodeURIComponent(String(part))).join("/");
}

/**
 * The query of the page as a signal; it stays as it is when the reader goes elsewhere.
 *
 * @returns {import("../vendor/preact.js").Signal<URLSearchParams>}
 */
export function useQuery() {
  const query = useSignal(new URLSearchParams(place.peek().search));
  useEffect(() => {
    const { path } = place.peek();
    return place.subscribe((now) => {
      if (now.path === path && now.search !== asked(query.peek())) query.value = new URLSearchParams(now.search);
    });
  }, []);
  return query;
}

/**
 * Change parts of the query; empty ones are left out. Whatever changes what is listed leads back to its beginning.
 *
 * @param {import("../vendor/preact.js").Signal<URLSearchParams>} query
 * @param {Record<string, string | number>} parts
 * @param {{replace?: boolean}} [how]
 */
export function change(query, parts, how = {}) {
  const next = new URLSearchParams(query.peek());
  if (!("offset" in parts)) next.delete("offset");
  for (const [name, value] of Object.entries(parts)) {
    if (value === "" || value === 0) next.delete(name);
    else next.set(name, String(value));
  }
  query.value = next;
  go(place.peek().path + asked(next), how);
}

/** A place in a list, from the query; nonsense is its beginning. @param {URLSearchParams} query */
export function offsetOf(query) {
  const text = query.get("offset") ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** @param {URLSearchParams} query */
function asked(query) {
  const text = query.toString();
  return text && `?${text}`;
}
