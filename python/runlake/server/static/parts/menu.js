// Menu: a button with what can be done there, as the pattern "menu button" of the ARIA practices has it.
// @ts-check
import { h, useEffect, useId, useRef, useState } from "../vendor/preact.js";
import { Icon } from "./icon.js";

/** @typedef {{label: string, icon?: string, run?: () => void, href?: string, checked?: boolean, disabled?: boolean, danger?: boolean} | "-"} Item `-` is a line between items */

/**
 * @param {{label: string, items: readonly Item[], icon?: string, text?: string, class?: string}} props
 *   label: what the button is called; text: what it shows, if not an icon alone
 */
export function Menu({ label, items, icon = "ellipsis", text, class: named = "" }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  return h(
    "span",
    { class: `menu ${named}` },
    h(
      "button",
      {
        ref: button, type: "button", class: text ? "menu-button" : "icon-button", title: label, "aria-label": text ? undefined : label,
        "aria-haspopup": "menu", "aria-expanded": open, "aria-controls": open ? id : undefined, onClick: () => setOpen(!open),
      },
      text ?? h(Icon, { name: icon }),
      text && h(Icon, { name: "chevron-down", size: 14 }),
    ),
    open && button.current && h(MenuList, { id, label, items, anchor: button.current, onClose: () => setOpen(false) }),
  );
}

/**
 * What can be done, below something on the page, for as long as it is drawn. Focus goes back to where it was.
 *
 * @param {{label: string, items: readonly Item[], anchor: Element, onClose: () => void, id?: string}} props
 */
export function MenuList({ label, items, anchor, onClose, id }) {
  const list = useRef(/** @type {HTMLDivElement | null} */ (null));
  const before = useRef(document.activeElement);
  useEffect(() => {
    if (!list.current) return;
    list.current.showPopover();
    settle(list.current, anchor);
    focusables(list.current)[0]?.focus();
  }, [anchor]);

  const close = () => {
    onClose();
    if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "Escape" || event.key === "Tab") close();
    if (list.current) walk(event, focusables(list.current));
  };
  return h(
    "div",
    {
      ref: list, id, class: "menu-list", role: "menu", "aria-label": label, popover: "auto", onKeyDown,
      onToggle: (/** @type {any} */ event) => event.newState === "closed" && onClose(),
    },
    items.map((item, i) => (item === "-" ? h("hr", { key: i }) : h(Entry, { key: i, item, close }))),
  );
}

/** @param {{item: Exclude<Item, "-">, close: () => void}} props */
function Entry({ item, close }) {
  const checks = item.checked !== undefined;
  const common = {
    class: item.danger ? "menu-item danger" : "menu-item", role: checks ? "menuitemcheckbox" : "menuitem", tabIndex: -1,
    "aria-checked": checks ? item.checked : undefined,
    onClick: () => { close(); item.run?.(); },
  };
  const inner = [h(Icon, { name: checks ? (item.checked ? "check" : "blank") : (item.icon ?? "blank") }), h("span", { dir: "auto" }, item.label)];
  return item.href ? h("a", { ...common, href: item.href }, inner) : h("button", { ...common, type: "button", disabled: item.disabled }, inner);
}

/**
 * Put something that pops up below what it belongs to, or above it, and inside the window.
 *
 * @param {HTMLElement} popup
 * @param {Element} anchor
 */
export function settle(popup, anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popup;
  const below = at.bottom + 4 + height <= innerHeight || at.top < height;
  popup.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  popup.style.top = `${below ? at.bottom + 4 : at.top - height - 4}px`;
}

/** @param {HTMLElement} list */
function focusables(list) {
  return /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role^=menuitem]:not([disabled])")]);
}

/** @param {KeyboardEvent} event @param {HTMLElement[]} items */
function walk(event, items) {
  const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  items[(next + items.length) % items.length]?.focus();
}
