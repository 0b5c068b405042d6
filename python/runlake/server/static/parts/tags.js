// Tags: as chips, added, changed and removed where they stand.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";
import { count } from "../lib/format.js";
import { complain } from "../state/toasts.js";
import { Icon } from "./icon.js";

const FEW = 60; // chips
const LONGEST = 300; // characters of a chip
const BY_ITSELF = /^(mlflow|runlake)\./; // what programs write for themselves

/**
 * @param {{tags: Record<string, string>, may: boolean, onPut: (changes: Record<string, string | null>) => Promise<void>}} props
 *   may: be changed; onPut: changes some, of which null removes one
 */
export function Tags({ tags, may, onPut }) {
  const [editing, setEditing] = useState(/** @type {string | null} */ (null)); // "" is a new one
  const [all, setAll] = useState(false);
  const [most, setMost] = useState(FEW);
  const group = useRef(/** @type {HTMLDivElement | null} */ (null));
  const was = useRef(editing);
  useEffect(() => {
    if (editing === null && was.current !== null && document.activeElement === document.body) {
      const places = /** @type {HTMLElement[]} */ ([...(group.current?.querySelectorAll("button[data-tag]") ?? [])]);
      (places.find((one) => one.dataset.tag === was.current) ?? places.at(-1))?.focus(); // where writing was begun
    }
    was.current = editing;
  }, [editing]);
  const keys = Object.keys(tags);
  const wanted = keys.filter((key) => all || !BY_ITSELF.test(key));
  const shown = wanted.slice(0, most);
  const hidden = keys.length - keys.filter((key) => !BY_ITSELF.test(key)).length;
  /** @param {string} key @param {string | null} value */
  const put = (key, value) => onPut({ [key]: value });
  return h(
    "div",
    { ref: group, class: "tags", role: "group", "aria-label": "Tags" },
    shown.map((key) =>
      key === editing
        ? h(TagForm, { key, tagKey: key, value: tags[key], onPut: put, onEnd: () => setEditing(null) })
        : h(TagChip, { key, tagKey: key, value: tags[key], may, onEdit: () => setEditing(key), onRemove: () => put(key, null).catch(complain) }),
    ),
    wanted.length > most && h("button", { type: "button", class: "link", onClick: () => setMost(most * 10) }, `${count(wanted.length - most)} more`),
    editing === "" && h(TagForm, { tagKey: "", value: "", onPut: put, onEnd: () => setEditing(null) }),
    may && editing !== "" && h("button", { type: "button", class: "link", "data-tag": "", onClick: () => setEditing("") }, h(Icon, { name: "plus", size: 14 }), "Tag"),
    hidden > 0 && h("button", { type: "button", class: "link", "aria-expanded": all, onClick: () => setAll(!all) }, all ? "Hide what programs wrote" : `${hidden} written by programs`),
  );
}

/** @param {{tagKey: string, value: string, may: boolean, onEdit: () => void, onRemove: () => void}} props */
function TagChip({ tagKey, value, may, onEdit, onRemove }) {
  const text = [h("span", { class: "quiet", dir: "auto" }, tagKey), " ", h("bdi", { class: "chip-text" }, value.slice(0, LONGEST))];
  return h(
    "span",
    { class: "chip tag", title: `${tagKey}: ${value.slice(0, LONGEST)}` },
    may ? h("button", { type: "button", class: "chip-open", "data-tag": tagKey, onClick: onEdit }, h("span", { class: "visually-hidden" }, "Change the tag "), text) : text,
    may && h("button", { type: "button", class: "chip-remove", "aria-label": `Remove the tag ${tagKey}`, title: "Remove", onClick: onRemove }, h(Icon, { name: "x", size: 12 })),
  );
}

/** @param {{tagKey: string, value: string, onPut: (key: string, value: string) => Promise<void>, onEnd: () => void}} props */
function TagForm({ tagKey, value, onPut, onEnd }) {
  const [key, setKey] = useState(tagKey);
  const [text, setText] = useState(value);
  /** @param {Event} event */
  const save = async (event) => {
    event.preventDefault();
    if (!key.trim()) return;
    try {
      await onPut(key.trim(), text);
      onEnd();
    } catch (error) {
      complain(error);
    }
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onEnd();
  };
  /** @param {string} label @param {string} shown @param {(text: string) => void} set @param {boolean} first */
  const field = (label, shown, set, first) =>
    h("input", {
      type: "text", "aria-label": label, placeholder: label, value: shown, dir: "auto",
      ref: first ? (/** @type {HTMLInputElement | null} */ input) => { if (input && !input.form?.contains(document.activeElement)) input.focus(); } : undefined,
      onInput: (/** @type {any} */ event) => set(event.target.value),
    });
  return h(
    "form",
    { class: "edit-form tag-edit", onSubmit: save, onKeyDown },
    tagKey ? h("span", { class: "quiet", dir: "auto" }, tagKey) : field("Key", key, setKey, true),
    field("Value", text, setText, Boolean(tagKey)),
    h("button", { class: "primary" }, "Save"),
    h("button", { type: "button", onClick: onEnd }, "Cancel"),
  );
}
