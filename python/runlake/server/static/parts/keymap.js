// Key map: every key that does something on the page as it is.
// @ts-check
import { h } from "../vendor/preact.js";
import { commands, written } from "../state/keys.js";
import { Dialog } from "./dialog.js";

/**
 * Keys that act where the focus is, as docs/ui.md has them, on pages that have such a place.
 *
 * @type {readonly {group: string, at: string, keys: readonly [string, string][]}[]}
 */
const PLACES = [
  {
    group: "In the table", at: ".grid",
    keys: [
      ["↑ ↓ ← →", "Another cell"], ["Ctrl ↑ ↓ ← →", "The first or last"], ["Enter", "Sort, open or edit"], ["Space", "Select the row"], ["Shift Space", "Select those since the one before"],
      ["F2", "Edit"], ["Alt → ←", "Open and close what is below"], ["Alt ↓", "What can be done there"], ["Shift → ←", "Wider, narrower, on a head"],
    ],
  },
  {
    group: "On a chart", at: ".chart",
    keys: [["← →", "From bucket to bucket"], ["↑ ↓", "From line to line"], ["+ −", "Look closer, or at more"], ["T", "As a table"], ["Esc", "Show the whole"]],
  },
  {
    group: "On an axis", at: ".parallel-axis",
    keys: [["↑ ↓", "Move an end of the range"], ["Enter", "Type it, or what the axis shows"], ["Delete", "Choose all again"], ["Shift ← →", "Move the axis"]],
  },
];

/** @param {{onClose: () => void}} props */
export default function KeyMap({ onClose }) {
  const bound = commands.value.filter((one) => one.keys);
  const groups = [...new Set(bound.map((one) => one.group))];
  return h(
    Dialog,
    { title: "Keys", onClose, wide: true },
    h(
      "div",
      { class: "keymap" },
      groups.map((group) =>
        h(
          "section",
          { key: group },
          h("h3", {}, group),
          h("dl", {}, bound.filter((one) => one.group === group).map((one) => h(Keys, { key: one.keys ?? "", keys: written(one.keys ?? ""), label: one.label }))),
        ),
      ),
      PLACES.filter(({ at }) => document.querySelector(at)).map(({ group, keys }) =>
        h("section", { key: group }, h("h3", {}, group), h("dl", {}, keys.map(([key, label]) => h(Keys, { key: label, keys: [key], label })))),
      ),
    ),
  );
}

/** @param {{keys: readonly string[], label: string}} props keys: one behind the other */
function Keys({ keys, label }) {
  return h(
    "div",
    { class: "keymap-line" },
    h("dt", {}, keys.map((key, i) => [i > 0 && " then ", h("kbd", { key: i }, key)])),
    h("dd", {}, label),
  );
}
