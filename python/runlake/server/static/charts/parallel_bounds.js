// What is chosen on an axis, typed or ticked instead of drawn.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { NOTHING, chooses } from "../lib/clauses.js";
import { count, plural } from "../lib/format.js";
import { numberText } from "../lib/quoting.js";
import { extremesOf, valueText } from "../lib/scales.js";
import { Dialog } from "../parts/dialog.js";
import { shortName } from "./parallel_axes.js";
import { withCategories } from "./parallel_choice.js";
import { choose } from "./parallel_state.js";

/** @typedef {import("../lib/clauses.js").Brush} Brush */
/** @typedef {import("../lib/scales.js").Said} Said */

/**
 * @param {{said: Said, under: Float64Array, brush: Brush | undefined, onClose: () => void}} props
 *   under: runs in each bin that the other brushes leave
 */
export function Bounds({ said, under, brush, onClose }) {
  return h(
    Dialog,
    { title: shortName(said.key), onClose },
    said.values ? h(Categories, { said, under, brush, onClose }) : h(Numbers, { said, under, brush, onClose }),
  );
}

/** @param {{said: Said, under: Float64Array, brush: Brush | undefined, onClose: () => void}} props */
function Numbers({ said, under, brush, onClose }) {
  const [low, setLow] = useState(textOf(brush?.range?.[0]));
  const [high, setHigh] = useState(textOf(brush?.range?.[1]));
  const [missing, setMissing] = useState(brush?.missing ?? false);
  const [from, to] = [read(low), read(high)];
  const wrong = from === undefined || to === undefined ? "A bound is a number, such as 0.001 or 1e-3." : from !== null && to !== null && from > to ? "The lowest is above the highest." : "";
  /** @param {Event} event */
  const onSubmit = (event) => {
    event.preventDefault();
    if (wrong || from === undefined || to === undefined) return;
    const range = /** @type {[number | null, number | null] | null} */ (from === null && to === null ? null : [from, to]);
    choose(said, range || missing ? { ...NOTHING, range, missing } : null);
    onClose();
  };
  const ends = said.low === null || said.low === undefined ? "no run has a value" : `values are from ${extremesOf(said).map((value) => valueText(said, value)).join(" to ")}`;
  return h(
    "form",
    { class: "parallel-bounds", onSubmit, noValidate: true },
    h("p", { class: "quiet" }, `Both bounds belong to the range; ${ends}.`),
    h(Field, { label: "Lowest", value: low, placeholder: "no bound", isWrong: from === undefined, onInput: setLow }),
    h(Field, { label: "Highest", value: high, placeholder: "no bound", isWrong: to === undefined, onInput: setHigh }),
    h(Tick, { label: `Without a value (${plural(under[under.length - 1], "run")})`, checked: missing, onChange: setMissing }),
    wrong && h("p", { class: "bad", role: "alert" }, wrong),
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: () => { choose(said, null); onClose(); } }, "Choose all"),
      h("button", { type: "submit", class: "primary", disabled: wrong !== "" }, "Choose these"),
    ),
  );
}

/** @param {{label: string, value: string, placeholder: string, isWrong: boolean, onInput: (text: string) => void}} props */
function Field({ label, value, placeholder, isWrong, onInput }) {
  return h(
    "label",
    {},
    h("span", {}, label),
    h("input", {
      type: "text", inputMode: "decimal", value, placeholder, autocomplete: "off", spellcheck: false, "aria-invalid": isWrong,
      onInput: (/** @type {any} */ event) => onInput(event.target.value),
    }),
  );
}

/** @param {{said: Said, under: Float64Array, brush: Brush | undefined, onClose: () => void}} props */
function Categories({ said, under, brush, onClose }) {
  const [now, setNow] = useState(/** @type {Brush | null} */ (brush ?? null));
  const [text, setText] = useState("");
  const values = said.values ?? [];
  const wanted = text.toLowerCase();
  const shown = values.flatMap((value, bin) => ((value ?? "other").toLowerCase().includes(wanted) ? [{ value, bin }] : []));
  const set = (/** @type {readonly number[]} */ bins, /** @type {boolean} */ on) => setNow(withCategories(said, now ?? undefined, bins, on));
  return h(
    "form",
    { class: "parallel-bounds", onSubmit: (/** @type {Event} */ event) => { event.preventDefault(); choose(said, now); onClose(); } },
    values.length > 10 && h("input", { type: "search", value: text, placeholder: "Find a value", "aria-label": "Find a value", onInput: (/** @type {any} */ event) => setText(event.target.value) }),
    h(
      "div",
      { class: "parallel-values", role: "group", "aria-label": "Values", tabIndex: -1 },
      shown.map(({ value, bin }) =>
        h(Tick, { key: bin, label: `${value === null ? "All others" : value === "" ? "(empty)" : value}`, detail: count(under[bin] ?? 0), checked: now !== null && chooses(now, said.key, value), onChange: (on) => set([bin], on) }),
      ),
      h(Tick, { label: "Without a value", detail: count(under[under.length - 1]), checked: now?.missing ?? false, onChange: (on) => setNow({ ...(now ?? NOTHING), missing: on }) }),
    ),
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: () => set(shown.map(({ bin }) => bin), true) }, "Tick these"),
      h("button", { type: "button", onClick: () => set(shown.map(({ bin }) => bin), false) }, "Untick these"),
      h("span", { class: "spacer" }),
      h("button", { type: "button", onClick: () => { choose(said, null); onClose(); } }, "Choose all"),
      h("button", { type: "submit", class: "primary" }, "Choose these"),
    ),
  );
}

/** @param {{label: string, detail?: string, checked: boolean, onChange: (on: boolean) => void}} props */
function Tick({ label, detail, checked, onChange }) {
  return h(
    "label",
    { class: "parallel-tickbox" },
    h("input", { type: "checkbox", checked, onChange: (/** @type {any} */ event) => onChange(event.target.checked) }),
    h("span", { dir: "auto" }, label),
    detail && h("span", { class: "quiet number" }, detail),
  );
}

/** @param {number | null | undefined} value */
function textOf(value) {
  return value === null || value === undefined ? "" : numberText(value);
}

/** A bound as typed: null for none, undefined for what is no number. @param {string} text @returns {number | null | undefined} */
function read(text) {
  const said = text.trim().replace("−", "-").replace(/^(.*\d),(\d+)$/, "$1.$2");
  if (said === "") return null;
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(said) ? Number(said) : undefined;
}
