// Theme: light or dark, chosen or as the system says.
// @ts-check
import { computed, effect, signal } from "../vendor/preact.js";

/** @typedef {"light" | "dark" | "system"} Theme */

const KEY = "runlake.theme"; // theme.js reads it, too
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);

/** What was chosen. @type {import("../vendor/preact.js").Signal<Theme>} */
export const theme = signal(stored());

/** Whether the page is dark, for what is painted and not styled. */
export const dark = computed(() => (theme.value === "system" ? systemDark.value : theme.value === "dark"));

/** Whether nothing should move by itself. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");

system.addEventListener("change", () => {
  systemDark.value = system.matches;
});

effect(() => {
  const root = document.documentElement;
  if (theme.value === "system") delete root.dataset.theme;
  else root.dataset.theme = theme.value;
});

/** Choose a theme, in this browser. @param {Theme} next */
export function choose(next) {
  theme.value = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage is refused: the choice holds as long as the page.
  }
}

/** @returns {Theme} */
function stored() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}
