// Parallel coordinates: a section whose many modules are fetched when it is unfolded, after the rows of the table.
// @ts-check
import { h } from "../vendor/preact.js";
import { Icon } from "../parts/icon.js";
import { later } from "../parts/later.js";
import { failure, total } from "../state/runs.js";
import { change, view } from "../state/view.js";

const View = later(async () => (await import("./parallel_view.js")).ParallelView);

export function Parallel() {
  const isOpen = view.parallel.value === "open";
  const isTime = !Number.isNaN(total.value) || failure.value !== null;
  return h(
    "section",
    { class: "parallel", "aria-labelledby": "parallel-title" },
    h(
      "h2",
      { id: "parallel-title" },
      h(
        "button",
        { type: "button", class: "parallel-fold", "aria-expanded": isOpen, onClick: () => change({ parallel: isOpen ? "folded" : "open" }, { replace: true }) },
        h(Icon, { name: isOpen ? "chevron-down" : "chevron-right" }),
        "Parallel coordinates",
      ),
    ),
    isOpen && isTime && h(View, {}),
  );
}
