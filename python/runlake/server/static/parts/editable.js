// Editable: text that becomes a field where it stands, and what was written stays there until it is taken.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";

/** @typedef {import("../vendor/preact.js").ComponentChildren} Children */

/**
 * @param {{value: string, label: string, onSave: (text: string) => Promise<void>, may: boolean, lines?: number, action?: string, most?: number, children?: Children}} props
 *   children: how the text is shown; lines: of the field, 1 is a field that Enter leaves; action: on the button that begins;
 *   most: characters
 */
export function Editable({ value, label, onSave, may, lines = 1, action = "Edit", most, children }) {
  const [editing, setEditing] = useState(false);
  const begin = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const was = useRef(false);
  useEffect(() => {
    if (was.current && !editing) begin.current?.focus();
    was.current = editing;
  }, [editing]);
  if (editing) return h(Field, { value, label, lines, most, onSave, onEnd: () => setEditing(false) });
  return h(
    "div",
    { class: "editable" },
    children,
    may && h("button", { ref: begin, type: "button", class: "link edit", "aria-label": `${action}: ${label}`, onClick: () => setEditing(true) }, action),
  );
}

/** @param {{value: string, label: string, lines: number, most?: number, onSave: (text: string) => Promise<void>, onEnd: () => void}} props */
function Field({ value, label, lines, most, onSave, onEnd }) {
  const [text, setText] = useState(value);
  const [mistake, setMistake] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {any} */ (null));
  useEffect(() => field.current?.focus(), []);

  /** @param {Event} [event] */
  const save = async (event) => {
    event?.preventDefault();
    if (text === value) return onEnd();
    setBusy(true);
    try {
      await onSave(text);
      onEnd();
    } catch (error) {
      setMistake(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onEnd();
    } else if (event.key === "Enter" && lines > 1 && (event.ctrlKey || event.metaKey)) {
      save(event);
    }
  };
  const common = {
    ref: field, value: text, "aria-label": label, "aria-invalid": mistake ? true : undefined, maxLength: most, onKeyDown, dir: "auto",
    onInput: (/** @type {any} */ event) => setText(event.target.value),
  };
  return h(
    "form",
    { class: lines > 1 ? "edit-form tall" : "edit-form", onSubmit: save },
    lines > 1 ? h("textarea", { ...common, rows: lines }) : h("input", { ...common, type: "text" }),
    h("span", { class: "edit-actions" }, h("button", { class: "primary", disabled: busy }, "Save"), h("button", { type: "button", onClick: onEnd }, "Cancel")),
    mistake && h("p", { class: "mistake", role: "alert" }, mistake),
  );
}
