// Parallel coordinates as a table, for whoever would rather read them or has them read.
// @ts-check
import { h } from "../vendor/preact.js";
import { count } from "../lib/format.js";
import { extremesOf, valueText } from "../lib/scales.js";
import { wordsOf } from "./parallel_choice.js";
import { shortName } from "./parallel_axes.js";

/** @typedef {import("../lib/scales.js").Said} Said */

const MOST_NAMED = 5;
const HEADS = ["Axis", "Scale", "Values", "Chosen", "Runs the other choices leave", "of these without a value"];

/** @param {{found: import("./parallel_data.js").Found, brushes: ReadonlyMap<string, import("../lib/clauses.js").Brush>, onOpen: (name: string) => void}} props */
export function ParallelTable({ found, brushes, onOpen }) {
  return h(
    "div",
    { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Axes as a table" },
    h(
      "table",
      { class: "list" },
      h("caption", { class: "visually-hidden" }, `Axes of parallel coordinates; what is chosen leaves ${count(found.left)} of ${count(found.total)} runs`),
      h("thead", {}, h("tr", {}, HEADS.map((text, i) => h("th", { key: text, scope: "col", class: i > 3 ? "number" : "" }, text)))),
      h(
        "tbody",
        {},
        found.axes.map(({ said, under }) =>
          h(
            "tr",
            { key: said.key },
            h("th", { scope: "row", dir: "auto" }, shortName(said.key)),
            h("td", {}, said.scale),
            h("td", { dir: "auto" }, valuesOf(said)),
            h("td", {}, h("button", { type: "button", class: "link", onClick: () => onOpen(said.key), "aria-label": `${shortName(said.key)}: ${wordsOf(said, brushes.get(said.key)) || "all"}; change it` }, wordsOf(said, brushes.get(said.key)) || "all")),
            h("td", { class: "number" }, count(under.reduce((sum, runs) => sum + runs, 0))),
            h("td", { class: "number" }, count(under[under.length - 1])),
          ),
        ),
      ),
    ),
  );
}

/** @param {Said} said */
function valuesOf(said) {
  if (said.values) {
    const named = said.values.slice(0, MOST_NAMED).map((value) => (value === null ? "others" : value));
    return named.join(", ") + (said.values.length > MOST_NAMED ? `, and ${said.values.length - MOST_NAMED} more` : "");
  }
  return said.low === null || said.low === undefined ? "none" : extremesOf(said).map((value) => valueText(said, value)).join(" to ");
}
