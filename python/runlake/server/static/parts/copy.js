// Copy: text that is there to be taken along, and a button that does.
// @ts-check
import { h } from "../vendor/preact.js";
import { complain, say } from "../state/toasts.js";
import { IconButton } from "./icon.js";

/** Put text on the clipboard, and say so. @param {string} text @param {string} what it is, for a sentence: `the id` */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${what}.`);
  } catch {
    complain(new Error(`The browser did not let ${what} be copied: it lets pages do so that come by https or from this machine.`));
  }
}

/** @param {{text: string | (() => string), what: string}} props what: that is copied, for the label */
export function Copy({ text, what }) {
  return h(IconButton, { icon: "copy", label: `Copy ${what}`, onClick: () => void copy(typeof text === "string" ? text : text(), what) });
}

/** A block of code with a button that copies it. @param {{text: string, what: string, wraps?: boolean}} props wraps: long lines are broken */
export function Code({ text, what, wraps = false }) {
  return h("div", { class: "copied-code" }, h("pre", { class: wraps ? "code wrapped" : "code", tabIndex: 0, dir: "auto" }, text), h(Copy, { text, what }));
}
