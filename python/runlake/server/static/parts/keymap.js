// Key map: every key that does something on the page as it is.
// @ts-check
import { h } from "../vendor/preact.js";
import { commands, written } from "../state/keys.js";
import { Dialog } from "./dialog.js";

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
          h("dl", {}, bound.filter((one) => one.group === group).map((one) => h(Line, { key: one.keys ?? "", command: one }))),
        ),
      ),
    ),
  );
}

/** @param {{command: import("../state/keys.js").Command}} props */
function Line({ command }) {
  return h(
    "div",
    { class: "keymap-line" },
    h("dt", {}, written(command.keys ?? "").map((key, i) => [i > 0 && " then ", h("kbd", { key: i }, key)])),
    h("dd", {}, command.label),
  );
}
