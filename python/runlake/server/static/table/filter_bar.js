// Filter bar: the filter as it is written, judged and completed by the server with every key.
// @ts-check
import { h, useLayoutEffect, useRef, useSignal, useSignalEffect } from "../vendor/preact.js";
import { get, isAbort } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { joined } from "../lib/url.js";
import { Chip } from "../parts/chip.js";
import { Icon, IconButton } from "../parts/icon.js";
import { useCommands } from "../state/keys.js";
import { change, filter, question, view } from "../state/view.js";
import { charactersTo, completed, cutAt, firstLine } from "./written.js";

/** @typedef {import("./written.js").Judged} Judged */
/** @typedef {{text: string, at: number, isOpen: boolean, index: number}} Draft what is written: the caret, the choices below it and which of them is meant, -1 if none */

const PAUSE_MS = 80;
/** What is written within so long of what was written before is one change of the filter. */
const ONE_WRITING_MS = 3000;

let taken = -Infinity;

export function FilterBar() {
  const draft = useSignal(/** @type {Draft} */ ({ text: view.where.peek(), at: view.where.peek().length, isOpen: false, index: -1 }));
  const judged = useSignal(/** @type {Judged | null} */ (null));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const mirror = useRef(/** @type {HTMLDivElement | null} */ (null));
  const mine = useRef(view.where.peek());

  useSignalEffect(() => {
    const said = view.where.value; // the browser went back, or a range became a part of the filter
    if (said === mine.current) return;
    mine.current = said;
    draft.value = { text: said, at: said.length, isOpen: false, index: -1 };
  });
  useLayoutEffect(() => judge(draft.value, judged, mine), [draft.value.text, draft.value.at, draft.value.isOpen && !draft.value.text, view.experiments.value, view.lifecycle.value]);
  useLayoutEffect(() => grow(field.current), [draft.value.text]);
  useCommands(() => [{ keys: "/", label: "Write a filter", group: "Runs", run: () => field.current?.focus() }], []);

  const { text, isOpen, index } = draft.value;
  const choices = judged.value?.completions ?? [];
  const shows = isOpen && choices.length > 0;
  const error = text.trim() ? (judged.value?.error ?? null) : null;
  const [before, wrong, behind] = cutAt(text, error?.span ?? null);
  const act = actions(draft, judged, field);
  return h(
    "div",
    { class: "filter-bar", role: "search" },
    h(
      "div",
      { class: "filter-line" },
      h(Icon, { name: "filter" }),
      h(
        "div",
        { class: "filter-field" },
        h("div", { ref: mirror, class: "filter-mirror", "aria-hidden": "true" }, before, h("span", { class: wrong ? "misread" : "" }, wrong), behind, "\u200b"),
        h("textarea", {
          ref: field, rows: 1, spellcheck: false, autocapitalize: "off", autocomplete: "off", placeholder: "Filter, like metrics.loss < 0.1",
          "aria-label": "Filter", value: text, "aria-invalid": error ? "true" : undefined, "aria-describedby": error && !shows ? "filter-error" : undefined,
          "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-controls": "filter-choices", "aria-activedescendant": shows && index >= 0 ? `filter-choice-${index}` : undefined,
          onInput: act.write, onKeyDown: act.key, onClick: act.look, onBlur: act.leave,
        }),
      ),
      text && judged.value?.count !== null && judged.value?.count !== undefined && h("span", { class: "filter-count quiet" }, plural(judged.value.count, "run")),
      text && h(IconButton, { icon: "x", label: "Clear the filter", onClick: act.clear }),
    ),
    h(Choices, { choices: shows ? choices : [], index, mirror, text, start: judged.value?.start ?? 0, onChoose: act.choose }),
    error && !shows && h("p", { id: "filter-error", class: "filter-error", role: "status" }, h("span", { dir: "auto" }, firstLine(error.message)), error.hint && h("span", { class: "quiet", dir: "auto" }, error.hint)),
    h(Brushes, {}),
  );
}

/**
 * Ask the server of a draft, and take it as the filter if it can be read. What another key has overtaken is not taken.
 *
 * @param {Draft} draft
 * @param {import("../vendor/preact.js").Signal<Judged | null>} judged
 * @param {{current: string}} mine the filter that was taken last
 */
function judge({ text, at, isOpen }, judged, mine) {
  const stop = new AbortController();
  const begun = performance.now();
  const { experiments, view: lifecycle } = question.peek();
  const ask = async () => {
    try {
      const said = /** @type {Judged} */ (await get("filter", { experiments, view: lifecycle, text, at: charactersTo(text, at) }, { signal: stop.signal }));
      judged.value = said;
      if (said.error || text.trim() === mine.current.trim()) return;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, PAUSE_MS - (performance.now() - begun))));
      if (!stop.signal.aborted) take(text.trim(), mine);
    } catch (error) {
      if (!isAbort(error)) judged.value = null; // the table says that the server cannot be reached
    }
  };
  if (text.trim() || isOpen) ask();
  else {
    judged.value = null;
    if (mine.current) take("", mine);
  }
  return () => stop.abort();
}

/** @param {string} where @param {{current: string}} mine */
function take(where, mine) {
  const now = performance.now();
  const replace = mine.current !== "" && where !== "" && now - taken < ONE_WRITING_MS; // going back does not stop at each letter
  taken = now;
  mine.current = where;
  change({ where }, { replace });
}

/**
 * @param {import("../vendor/preact.js").Signal<Draft>} draft
 * @param {import("../vendor/preact.js").Signal<Judged | null>} judged
 * @param {{current: HTMLTextAreaElement | null}} field
 */
function actions(draft, judged, field) {
  const put = (/** @type {Partial<Draft>} */ parts) => { draft.value = { ...draft.value, ...parts }; };
  const caret = () => field.current?.selectionStart ?? 0;
  const choose = (/** @type {number} */ index) => {
    const { text, at } = draft.value;
    const choice = judged.value?.completions[index];
    if (!choice || !judged.value || !field.current) return;
    const next = completed(text, at, judged.value.start, choice);
    put({ ...next, isOpen: true, index: -1 });
    field.current.value = next.text;
    field.current.setSelectionRange(next.at, next.at);
    field.current.focus();
  };
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    const { isOpen, index } = draft.value;
    const size = isOpen ? (judged.value?.completions.length ?? 0) : 0;
    if (event.isComposing) return;
    if (event.key === "ArrowDown" && size) put({ index: (index + 1) % size });
    else if (event.key === "ArrowUp" && size) put({ index: (index <= 0 ? size : index) - 1 });
    else if ((event.key === "Enter" || event.key === "Tab") && size && index >= 0) choose(index);
    else if (event.key === "Enter" && !event.shiftKey) put({ isOpen: false });
    else if (event.key === "Escape" && size) put({ isOpen: false, index: -1 });
    else if (event.key === " " && event.ctrlKey) put({ isOpen: true, at: caret(), index: -1 });
    else if (event.key === "ArrowDown" && !isOpen && !draft.value.text.includes("\n")) put({ isOpen: true, at: caret(), index: -1 });
    else return;
    event.preventDefault();
  };
  return {
    choose, key,
    write: () => put({ text: field.current?.value ?? "", at: caret(), isOpen: true, index: -1 }),
    look: () => put({ at: caret() }),
    leave: () => put({ isOpen: false, index: -1 }),
    clear: () => { put({ text: "", at: 0, isOpen: false, index: -1 }); field.current?.focus(); },
  };
}

/** @param {{choices: readonly import("./written.js").Choice[], index: number, mirror: {current: HTMLDivElement | null}, text: string, start: number, onChoose: (index: number) => void}} props */
function Choices({ choices, index, mirror, text, start, onChoose }) {
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  useLayoutEffect(() => {
    if (!list.current || !mirror.current || !choices.length) return;
    const at = caretBox(mirror.current, [...text].slice(0, start).join("").length);
    list.current.style.left = `${Math.max(8, Math.min(at.left, innerWidth - list.current.offsetWidth - 8))}px`;
    list.current.style.top = `${at.bottom + 4}px`;
    list.current.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  });
  return h(
    "ul",
    { ref: list, id: "filter-choices", role: "listbox", class: "filter-choices", "aria-label": "What may be written", hidden: choices.length === 0 },
    choices.map((choice, i) =>
      h(
        "li",
        {
          key: choice.text, id: `filter-choice-${i}`, role: "option", "aria-selected": i === index,
          onMouseDown: (/** @type {MouseEvent} */ event) => { event.preventDefault(); onChoose(i); },
        },
        h("span", { class: "mono", dir: "auto" }, choice.text),
        h("span", { class: "quiet" }, choice.detail || choice.kind),
      ),
    ),
  );
}

/** Where a character of the mirror is. @param {HTMLElement} mirror @param {number} place @returns {{left: number, bottom: number}} */
function caretBox(mirror, place) {
  const range = document.createRange();
  const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
  let rest = place;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (rest <= length) {
      range.setStart(node, rest);
      range.collapse(true);
      const box = range.getClientRects()[0];
      if (box) return box;
      break;
    }
    rest -= length;
  }
  return mirror.getBoundingClientRect();
}

function Brushes() {
  const { brush, where } = view;
  if (brush.value.length === 0) return null;
  return h(
    "div",
    { class: "brushes", role: "group", "aria-label": "Ranges on axes" },
    brush.value.map((clause) => {
      const rest = brush.value.filter((one) => one !== clause);
      return h(
        Chip,
        { key: clause, text: clause, onRemove: () => change({ brush: rest }), removeLabel: `Remove ${clause}` },
        h(IconButton, { icon: "plus", label: `Write ${clause} into the filter`, class: "chip-write", onClick: () => change({ where: joined(where.value, [clause]), brush: rest }) }),
      );
    }),
    filter.value && brush.value.length > 1 && h("button", { type: "button", class: "link", onClick: () => change({ brush: [] }) }, "Remove all"),
  );
}

/** Make a field as high as its text, up to some lines. @param {HTMLTextAreaElement | null} field */
function grow(field) {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 160)}px`;
}
