// Toolbar: what the table shows of the runs, and ways to take it elsewhere.
// @ts-check
import { h } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { shade } from "../lib/color.js";
import { count, number } from "../lib/format.js";
import { Chip } from "../parts/chip.js";
import { Combobox } from "../parts/combobox.js";
import { copy } from "../parts/copy.js";
import { Icon } from "../parts/icon.js";
import { Menu } from "../parts/menu.js";
import { search, settled, shown, written } from "../state/columns.js";
import { meaning } from "../state/inks.js";
import { useCommands } from "../state/keys.js";
import { keyOf } from "../state/layout.js";
import { open } from "../state/overlay.js";
import { runs, total } from "../state/runs.js";
import { dark } from "../state/theme.js";
import { complain, say } from "../state/toasts.js";
import { change, filter, view } from "../state/view.js";
import { cliOf, pythonOf } from "./code.js";
import { exportArrow, exportCsv } from "./export.js";
import { toggleGroup } from "./menus.js";

const STAGES = /** @type {const} */ ({ active: "Active", deleted: "Deleted", all: "Active and deleted" });
const STOPS = 9;

export function Toolbar() {
  useCommands(
    () => [
      { keys: "c", label: "Choose columns", group: "Runs", run: () => open("columns") },
      { keys: "v", label: "Open or save a view", group: "Runs", run: () => open("views") },
      { label: "Copy as Python", group: "Runs", run: copyPython },
      { label: "Copy as a command line", group: "Runs", run: copyCli },
      { label: "Export as CSV", group: "Runs", run: exportCsv },
      { label: "Export as Arrow", group: "Runs", run: exportArrow },
    ],
    [],
  );
  return h(
    "div",
    { class: "toolbar", role: "group", "aria-label": "What the table shows" },
    h("button", { type: "button", onClick: () => open("columns") }, h(Icon, { name: "columns-3" }), "Columns"),
    h(Groups, {}),
    h(Colour, {}),
    (runs.value.nested > 0 || view.flat.value) && h("label", { class: "check" }, h("input", { type: "checkbox", checked: !view.flat.value, onChange: (/** @type {any} */ event) => change({ flat: !event.target.checked }) }), " nested"),
    h("span", { class: "spacer" }),
    h("span", { class: "quiet runs-count", role: "status" }, countText()),
    h(
      "select",
      { "aria-label": "Which runs", value: view.lifecycle.value, onChange: (/** @type {any} */ event) => change({ lifecycle: event.target.value }) },
      Object.entries(STAGES).map(([value, label]) => h("option", { key: value, value }, label)),
    ),
    h("button", { type: "button", onClick: () => open("views") }, h(Icon, { name: "bookmark" }), "Views"),
    h(Menu, {
      label: "Take it elsewhere", icon: "download",
      items: [
        { label: "Copy link to this page", icon: "link", run: () => copy(location.href, "the link to this page") },
        { label: "Copy as Python", icon: "copy", run: copyPython },
        { label: "Copy as a command line", icon: "copy", run: copyCli },
        "-",
        { label: "Export as CSV", icon: "download", run: exportCsv },
        { label: "Export as Arrow", icon: "download", run: exportArrow },
      ],
    }),
  );
}

/** How many rows there are. */
function countText() {
  if (Number.isNaN(total.value)) return "";
  if (view.group.value.length) return `${count(total.value)} group${total.value === 1 ? "" : "s"}`;
  const { nested } = runs.value;
  return `${count(total.value + nested)} run${total.value + nested === 1 ? "" : "s"}`;
}

function Groups() {
  return h(
    "span",
    { class: "groups" },
    view.group.value.map((name) => h(Chip, { key: name, text: keyOf(name), title: name, onRemove: () => toggleGroup(name), removeLabel: `Group by ${keyOf(name)} no longer` })),
    h(Combobox, { label: "Group by", find: (text, signal) => find(text, ["params", "tags", "attributes"], signal), onChoose: (name) => change({ group: [...new Set([...view.group.value, name])] }) }),
  );
}

function Colour() {
  const { name, low, high, isNumber } = meaning.value;
  if (!name) return h(Combobox, { label: "Colour by", find: (text, signal) => find(text, [], signal), onChoose: (chosen) => change({ color: chosen }) });
  const stops = Array.from({ length: STOPS }, (_, i) => shade(i / (STOPS - 1), dark.value)).join(",");
  return [
    h(Chip, { key: "of", text: keyOf(name), title: `Colours are of ${name}`, onRemove: () => change({ color: "" }), removeLabel: "Give runs colours of their own" }),
    isNumber && h("span", { key: "scale", class: "color-legend quiet small" }, number(low), h("span", { class: "color-ramp", style: { background: `linear-gradient(to right, ${stops})` } }), number(high)),
  ];
}

/** @param {string} text @param {string[]} kinds @param {AbortSignal} signal */
async function find(text, kinds, signal) {
  const { columns } = await search({ q: text, kind: kinds, limit: 30, values: false }, signal);
  return columns.map((column) => ({ value: column.name, label: column.key, detail: column.kind }));
}

/** What is shown, for programs. @returns {Promise<import("./code.js").Shown>} */
async function told() {
  const ids = view.experiments.value;
  const { experiments } = ids.length ? await get("experiments", { experiments: ids, view: 3 }) : { experiments: [] };
  const names = new Map(experiments.map((/** @type {any} */ one) => [one.experiment_id, one.name]));
  const columns = written.value.some((name) => /\.\*$/.test(name)) || !settled.value ? written.value : shown.value;
  return {
    store: location.origin, experiments: ids.map((id) => names.get(id) ?? id), where: filter.value, sort: view.sort.value,
    lifecycle: view.lifecycle.value, columns, group: view.group.value,
  };
}

async function copyPython() {
  try {
    await copy(pythonOf(await told()), "the program");
  } catch (error) {
    complain(error);
  }
}

async function copyCli() {
  try {
    if (view.lifecycle.value === "all") say("The command lists active runs; with --deleted the others.");
    await copy(cliOf(await told()), "the command line");
  } catch (error) {
    complain(error);
  }
}
