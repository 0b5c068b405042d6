// Icons, from the one sprite.
// @ts-check
import { h } from "../vendor/preact.js";

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;

/**
 * An icon that says nothing by itself: whatever it stands in has the words.
 *
 * @param {{name: string, size?: number}} props name as in the sprite; size in pixels
 */
export function Icon({ name, size = 16 }) {
  return h("svg", { class: "icon", width: size, height: size, "aria-hidden": "true" }, h("use", { href: `${SPRITE}#${name}` }));
}

/**
 * A button that is an icon. Its label is what a pointer sees when it rests, and what is read aloud.
 *
 * @param {{icon: string, label: string, onClick?: (event: MouseEvent) => void, pressed?: boolean, disabled?: boolean, class?: string, [rest: string]: unknown}} props
 */
export function IconButton({ icon, label, onClick, pressed, disabled, class: named = "", ...rest }) {
  return h(
    "button",
    { type: "button", class: `icon-button ${named}`, title: label, "aria-label": label, "aria-pressed": pressed, disabled, onClick, ...rest },
    h(Icon, { name: icon }),
  );
}
