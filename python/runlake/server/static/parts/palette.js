// Command palette: any command, experiment, run, model or saved view, by a few letters of its name.
// @ts-check
import { h, useEffect, useId, useRef, useState } from "../vendor/preact.js";
import { finder } from "../lib/words.js";
import { commands, written } from "../state/keys.js";
import { find } from "../state/finder.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** @typedef {import("../state/finder.js").Found} Found */

const PAUSE_MS = 80;

/** @param {{onClose: () => void}} props */
export default function Palette({ onClose }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [far, setFar] = useState({ of: "", found: /** @type {readonly Found[]} */ ([]) });
  const wanted = useRef(false); // the first of what is on its way: Enter was faster
  const list = useRef(/** @type {HTMLUListElement | null} */ (null));
  const id = useId();
  const found = [...near(text), ...(far.of === text ? far.found : far.found.filter((one) => isNamed(one, text)))];

  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const known = await find(text, stop.signal);
      if (stop.signal.aborted) return;
      setFar({ of: text, found: known });
      if (wanted.current) choose(known[0]);
      wanted.current = false;
    }, text ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);

  /** @param {Found | undefined} one */
  const choose = (one) => {
    if (!one) return;
    onClose();
    one.run();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((at + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") {
      if (found[at]) choose(found[at]);
      else wanted.current = far.of !== text;
    }
    else if (event.key === "Escape") onClose(); // a search field would take the first one to empty itself
    else return;
    event.preventDefault();
  };
  return h(
    Dialog,
    { title: "Go to, or do", onClose, wide: true },
    h("input", {
      type: "search", class: "palette-text", role: "combobox", "aria-label": "Find a command, experiment, run, model or view", "aria-expanded": true,
      "aria-controls": id, "aria-activedescendant": at < found.length ? `${id}-${at}` : undefined, autocomplete: "off", spellcheck: false, autofocus: true,
      value: text, onKeyDown, placeholder: "Experiment, run, model, view or command",
      onInput: (/** @type {any} */ event) => { setText(event.target.value); setAt(0); wanted.current = false; },
    }),
    h(
      "ul",
      { ref: list, id, class: "palette-list", role: "listbox", "aria-label": "Found" },
      found.map((one, i) =>
        h(
          "li",
          { key: `${one.kind} ${one.id}`, id: `${id}-${i}`, role: "option", "aria-selected": i === at, onClick: () => choose(one) },
          h(Icon, { name: one.icon }),
          h("span", { class: "palette-name", dir: "auto" }, one.label),
          h("span", { class: "quiet" }, one.detail),
        ),
      ),
    ),
    found.length === 0 && h("p", { class: "quiet", role: "status" }, "Nothing has this in its name."),
  );
}

/** Whether something that was found by another text may be chosen by this one before its own answer is here. @param {Found} one @param {string} text */
function isNamed({ id, label }, text) {
  const wanted = text.trim().toLowerCase();
  return label.toLowerCase().includes(wanted) || id.startsWith(wanted);
}

/** Commands that have every word in their names. @param {string} text @returns {Found[]} */
function near(text) {
  const isWanted = finder(text);
  return commands.value
    .filter((one) => one.keys !== "mod+k" && isWanted(one.group, one.label))
    .map((one) => ({ kind: "command", id: one.label, label: one.label, detail: one.keys ? written(one.keys).join(" then ") : one.group, icon: "command", run: one.run }));
}
