// Combobox: a field of text with what may be meant below it, as the pattern of the ARIA practices has it.
// @ts-check
import { h, useEffect, useId, useRef, useState } from "../vendor/preact.js";
import { settle } from "./menu.js";

/** @typedef {{value: string, label?: string, detail?: string}} Choice */

const PAUSE_MS = 60;

/**
 * @param {{
 *   label: string, find: (text: string, signal: AbortSignal) => Promise<readonly Choice[]>, onChoose: (value: string) => void,
 *   placeholder?: string, keepsText?: boolean, value?: string, free?: boolean, optional?: boolean, autofocus?: boolean,
 * }} props find: choices for what is written so far; free: what is no choice is taken as well; keepsText: the chosen value
 *   stays in the field; optional: an empty field chooses nothing, ""; autofocus: whoever is shown it has asked for it
 */
export function Combobox({ label, find, onChoose, placeholder, keepsText = false, value = "", free = false, optional = false, autofocus = false }) {
  const [text, setText] = useState(value);
  const [found, setFound] = useState({ of: "", choices: /** @type {readonly Choice[]} */ ([]) });
  const [at, setAt] = useState(-1);
  const [open, setOpen] = useState(false);
  const wanted = useRef(false); // the first of the choices that are on their way: Enter was faster
  const id = useId();
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));

  useEffect(() => { if (autofocus) field.current?.focus(); }, []);
  useEffect(() => { if (!open || !keepsText) setText(value); }, [value]); // what is being written stays when the value changes
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);
  useEffect(() => {
    if (!open) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const choices = await find(text, stop.signal).catch(() => []);
      if (stop.signal.aborted) return;
      setFound({ of: text, choices });
      setAt(choices.length && !free ? 0 : -1);
      if (wanted.current && choices.length) choose(choices[0].value);
      wanted.current = false;
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, open]);
  useEffect(() => {
    if (open && choices.length && list.current && field.current) {
      list.current.showPopover();
      settle(list.current, field.current);
      list.current.style.minWidth = `${field.current.offsetWidth}px`;
    }
  }, [open, found]);

  const { choices } = found;
  const shown = open && choices.length > 0;
  /** @param {string} chosen */
  const choose = (chosen) => {
    setOpen(false);
    setText(keepsText ? chosen : "");
    onChoose(chosen);
  };
  /** What was written and is no choice is nothing that was chosen. */
  const leave = () => {
    setOpen(false);
    wanted.current = false;
    if (!keepsText || free || text === value) return;
    if (optional && text.trim() === "") choose("");
    else setText(value);
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "Escape" && shown) {
      event.preventDefault(); // a dialog around it stays
      event.stopPropagation();
      setOpen(false);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (choices.length) setAt((at + step + choices.length) % choices.length);
    } else if (event.key === "Enter") {
      const isCurrent = open && found.of === text;
      const chosen = isCurrent && choices[at] ? choices[at].value : free ? text.trim() : "";
      if (!chosen && !open) return;
      event.preventDefault();
      if (chosen) choose(chosen);
      else wanted.current = !isCurrent;
    }
  };
  return h(
    "span",
    { class: "combobox" },
    h("input", {
      ref: field, type: "text", role: "combobox", "aria-label": label, placeholder: placeholder ?? label, autocomplete: "off", spellcheck: false,
      "aria-autocomplete": "list", "aria-expanded": shown, "aria-controls": id, "aria-activedescendant": shown && at >= 0 ? `${id}-${at}` : undefined,
      value: text, onKeyDown, onFocus: () => setOpen(true), onBlur: leave,
      onInput: (/** @type {any} */ event) => { setText(event.target.value); setOpen(true); wanted.current = false; },
    }),
    h(
      "ul",
      { ref: list, id, role: "listbox", class: "combobox-list", "aria-label": label, popover: "manual", hidden: !shown },
      choices.map((choice, i) =>
        h(
          "li",
          {
            key: choice.value, id: `${id}-${i}`, role: "option", "aria-selected": i === at,
            onMouseDown: (/** @type {MouseEvent} */ event) => { event.preventDefault(); choose(choice.value); },
          },
          h("span", { dir: "auto" }, choice.label ?? choice.value),
          choice.detail && h("span", { class: "quiet" }, choice.detail),
        ),
      ),
    ),
  );
}
