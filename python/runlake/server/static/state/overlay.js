// Overlays: what opens above any page. Each is fetched when it is first opened.
// @ts-check
import { signal } from "../vendor/preact.js";
import { place } from "../lib/router.js";
import { complain } from "./toasts.js";

/** @typedef {import("../vendor/preact.js").ComponentType<{onClose: () => void}>} Overlay */

/** @type {Record<string, () => Promise<{default: Overlay}>>} */
const OVERLAYS = {
  columns: () => import("../table/column_panel.js"),
  palette: () => import("../parts/palette.js"),
  keymap: () => import("../parts/keymap.js"),
  views: () => import("../parts/saved_views.js"),
};

/** What is open. @type {import("../vendor/preact.js").Signal<Overlay | null>} */
export const overlay = signal(null);

/** @param {"columns" | "palette" | "keymap" | "views"} name */
export async function open(name) {
  try {
    overlay.value = (await OVERLAYS[name]()).default;
  } catch (error) {
    complain(error);
  }
}

export function close() {
  overlay.value = null;
}

let path = place.peek().path;
place.subscribe((now) => {
  if (now.path !== path) close(); // what it was about is left
  path = now.path;
});
