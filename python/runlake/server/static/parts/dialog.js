// Dialog: something that has to be answered before the page goes on.
// @ts-check
import { h, useEffect, useId, useRef } from "../vendor/preact.js";
import { IconButton } from "./icon.js";

/**
 * A modal dialog for as long as it is drawn. Escape, its button and a click beside it close it; focus goes back to where
 * it was.
 *
 * @param {{title: string, onClose: () => void, wide?: boolean, children?: import("../vendor/preact.js").ComponentChildren}} props
 */
export function Dialog({ title, onClose, wide = false, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const begun = useRef(/** @type {EventTarget | null} */ (null)); // where the pointer was pressed: marking text may end beside the dialog
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return h(
    "dialog",
    {
      ref,
      class: wide ? "dialog wide" : "dialog",
      "aria-labelledby": id,
      onClose,
      onPointerDown: (/** @type {PointerEvent} */ event) => { begun.current = event.target; },
      onClick: (/** @type {MouseEvent} */ event) => event.target === ref.current && begun.current === ref.current && onClose(),
    },
    h(
      "div",
      { class: "dialog-body" },
      h("header", {}, h("h2", { id }, title), h(IconButton, { icon: "x", label: "Close", onClick: onClose })),
      children,
    ),
  );
}

/**
 * Ask before something is done that cannot be taken back easily.
 *
 * @param {{title: string, action: string, danger?: boolean, onDo: () => void, onClose: () => void, children?: import("../vendor/preact.js").ComponentChildren}} props
 */
export function Confirm({ title, action, danger = false, onDo, onClose, children }) {
  return h(
    Dialog,
    { title, onClose },
    children,
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: onClose }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", onClick: onDo }, action),
    ),
  );
}
