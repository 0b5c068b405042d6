// Panel: a place on the board with a title, a menu and handles. Its chart exists while it is near the view.
// @ts-check
import { h, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Loading } from "../parts/state.js";
import { IconButton } from "../parts/icon.js";
import { Menu } from "../parts/menu.js";
import { Dialog } from "../parts/dialog.js";
import { complain } from "../state/toasts.js";
import { Grip, Resizer, sizeOf } from "./arranging.js";
import { withPanel } from "./layout.js";
import { Lines } from "./lines.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */
/** @typedef {import("./chart.js").LineChart} LineChart */
/** @typedef {import("../vendor/preact.js").Signal<LineChart | null>} Drawn the chart of a panel, once there is one */
/** @typedef {{board: Context, panel: Panel, siblings: readonly Panel[], keys: readonly string[]}} Props siblings: the panels of its section; keys: of all metrics */

/** Bodies of panels that few boards have. @type {Record<string, () => Promise<{default: import("../vendor/preact.js").ComponentType<{board: Context, panel: Panel}>}>>} */
const BODIES = {
  scatter: () => import("./scatter.js"),
  bars: () => import("./bars.js"),
};

/** @param {Props} props */
export function Slot(props) {
  const { board, panel } = props;
  const shown = useSignal(false);
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => board.mounts.observe(/** @type {HTMLElement} */ (place.current), shown), [board]);
  const [columns, height] = sizeOf(panel);
  return h(
    "article",
    { class: `panel wide-${columns}`, ref: place, "data-panel": panel.id, "aria-label": titleOf(panel), style: { height: `${height}px` } },
    shown.value && h(Inside, props),
  );
}

/** @param {Panel} panel */
export function titleOf({ kind, keys, options }) {
  if (kind === "scatter") return `${keys[1] ?? ""} by ${keys[0]}`;
  if (kind === "bars") return `${options.reduce || "last"} of ${keys.join(", ")}`;
  return keys.join(", ");
}

/** @param {Props} props */
function Inside({ board, panel, siblings, keys }) {
  /** @type {Drawn} */
  const chart = useSignal(/** @type {LineChart | null} */ (null));
  const open = useSignal("");
  const title = titleOf(panel);
  const close = () => { open.value = ""; };
  const isLine = panel.kind === "auto" || panel.kind === "line";
  return [
    h(
      "header",
      { class: "panel-head" },
      h(Grip, { board, panel, siblings }),
      h("h3", { dir: "auto", title }, title),
      isLine && h(IconButton, { icon: "maximize-2", label: "Enlarge", onClick: () => { open.value = "large"; } }),
      h(Menu, { label: `Menu of ${title}`, items: itemsOf(board, panel, chart, (what) => { open.value = what; }) }),
    ),
    isLine ? h(Lines, { board, panel, title, drawn: chart }) : h(Body, { board, panel }),
    h(Resizer, { board, panel }),
    open.value === "large" && h(Large, { board, panel, title, onClose: close }),
    open.value === "settings" && h(Later, { from: () => import("./settings.js"), name: "PanelSettings", props: { board, panel, keys, onClose: close } }),
    open.value === "edit" && h(Later, { from: () => import("./adding.js"), name: "PanelDialog", props: { board, panel, keys, onClose: close } }),
  ];
}

/**
 * @param {Context} board
 * @param {Panel} panel
 * @param {Drawn} chart
 * @param {(what: string) => void} open
 * @returns {import("../parts/menu.js").Item[]}
 */
function itemsOf(board, panel, chart, open) {
  const isLine = panel.kind === "auto" || panel.kind === "line";
  const remove = () => {
    const changed = board.changed.peek();
    const gone = panel.kind === "auto" ? withPanel(changed, { ...panel, options: { gone: "1" } }) : withPanel(changed.filter((one) => one.id !== panel.id), { ...panel, kind: "auto", options: {} });
    board.set({ panels: gone });
    board.said.value = `${titleOf(panel)} was removed.`;
  };
  const save = (/** @type {"png" | "svg" | "csv"} */ form) => async () => {
    try {
      if (chart.value) await (await import("./export.js")).save(chart.value, titleOf(panel), form);
    } catch (error) {
      complain(error);
    }
  };
  return [
    ...(isLine ? [{ label: "Enlarge", icon: "maximize-2", run: () => open("large") }, { label: "Axes and smoothing …", icon: "settings-2", run: () => open("settings") }] : []),
    ...(panel.kind === "auto" ? [] : [{ label: "Edit …", icon: "settings-2", run: () => open("edit") }]),
    ...(isLine
      ? [
          /** @type {const} */ ("-"),
          { label: "Save as PNG", icon: "image", run: save("png") },
          { label: "Save as SVG", icon: "download", run: save("svg") },
          { label: "Save as CSV", icon: "table", run: save("csv") },
        ]
      : []),
    "-",
    { label: "Remove", icon: "trash-2", danger: true, run: remove },
  ];
}

/** The chart alone, with as many buckets as can be told apart. @param {{board: Context, panel: Panel, title: string, onClose: () => void}} props */
function Large({ board, panel, title, onClose }) {
  const chart = useSignal(/** @type {LineChart | null} */ (null));
  useEffect(() => board.mounts.reserve(), []);
  return h(Dialog, { title, onClose, wide: true }, h("div", { class: "large-chart" }, h(Lines, { board, panel, title, drawn: chart, large: true })));
}

/** What a panel that is no line chart shows. @param {{board: Context, panel: Panel}} props */
function Body({ board, panel }) {
  return h(Later, { from: BODIES[panel.kind], name: "default", props: { board, panel } });
}

/** A component of a module that is fetched when it is first shown. @param {{from: () => Promise<any>, name: string, props: object}} given */
export function Later({ from, name, props }) {
  const found = useSignal(/** @type {any} */ (null));
  useEffect(() => {
    from().then((module) => { found.value = { component: module[name] }; }, complain);
  }, []);
  return found.value ? h(found.value.component, props) : h(Loading, { what: "Loading" });
}
