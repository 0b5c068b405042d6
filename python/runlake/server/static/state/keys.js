// Keys and commands: what can be done on the page as it is, and by which keys.
// @ts-check
import { signal, useEffect } from "../vendor/preact.js";

/**
 * Something that can be done.
 *
 * @typedef {{keys?: string, label: string, group: string, run: () => void}} Command
 *   keys: `?`, `mod+k` (Control, or Command on a Mac), or two behind each other: `g r`
 */

const SEQUENCE_MS = 1200;

/** @type {import("../vendor/preact.js").Signal<readonly Command[]>} in the order in which they came */
export const commands = signal([]);

let before = { key: "", at: 0 };

/**
 * Offer commands.
 *
 * @param {readonly Command[]} offered
 * @returns {() => void} takes them back
 */
export function offer(offered) {
  commands.value = [...commands.peek(), ...offered];
  return () => {
    commands.value = commands.peek().filter((one) => !offered.includes(one));
  };
}

/** Offer commands as long as a component is on the page. @param {() => readonly Command[]} make @param {readonly unknown[]} on */
export function useCommands(make, on) {
  useEffect(() => offer(make()), [...on]);
}

/** Obey keys from now on. */
export function begin() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const key = said(event);
    if (isField(event.target) && !key.startsWith("mod+")) return;
    const pair = event.timeStamp - before.at < SEQUENCE_MS ? `${before.key} ${key}` : "";
    before = { key, at: event.timeStamp };
    const all = [...commands.peek()].reverse(); // the newest first: a page may give a key another meaning
    const found = all.find((one) => one.keys === pair) ?? all.find((one) => one.keys === key);
    if (!found || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    before = { key: "", at: 0 };
    found.run();
  });
}

/** @param {KeyboardEvent} event */
function said(event) {
  return event.ctrlKey || event.metaKey ? `mod+${event.key.toLowerCase()}` : event.key;
}

/** @param {EventTarget | null} target */
function isField(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select"));
}

/** How keys are written on this machine, each apart. @param {string} keys */
export function written(keys) {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  return keys.split(" ").map((key) => key.replace("mod+", mac ? "⌘ " : "Ctrl ").replace(/(?<= )[a-z]$/, (letter) => letter.toUpperCase()));
}
