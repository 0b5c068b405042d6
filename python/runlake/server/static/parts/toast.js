// Toasts: what has just happened, in a corner and read aloud.
// @ts-check
import { h } from "../vendor/preact.js";
import { close, toasts } from "../state/toasts.js";
import { Icon } from "./icon.js";

/** Where toasts appear; once on the page. */
export function Toasts() {
  return h(
    "div",
    { class: "toasts", role: "status", "aria-live": "polite" },
    toasts.value.map((toast) => h(Shown, { key: toast.id, toast })),
  );
}

/** @param {{toast: import("../state/toasts.js").Toast}} props */
function Shown({ toast }) {
  const act = () => {
    toast.action?.run();
    close(toast.id);
  };
  return h(
    "div",
    { class: `toast ${toast.tone}` },
    h("span", { dir: "auto" }, toast.text),
    toast.action && h("button", { type: "button", onClick: act }, toast.action.label),
    h("button", { type: "button", class: "icon-button", "aria-label": "Close", onClick: () => close(toast.id) }, h(Icon, { name: "x" })),
  );
}
