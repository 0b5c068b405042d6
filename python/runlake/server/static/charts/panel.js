// Panel: a place on the board with a title, a menu and handles. Its chart exists while it is near the view.
// @ts-check
import { h, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Loading } from "../parts/state.js";
import { IconButton } from "../parts/icon.js";
import { Menu } from "../parts/menu.js";
import { Dialog } from "../parts/dialog.js";
import { complain } from "../state/toasts.js";
import { Grip, Resizer, sizeOf } from "./arranging.js";
import { titleOf, withPanel } from "./layout.js";
import { Lines } from "./lines.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */
/** @typedef {import("./chart.js").LineChart} LineChart */
/** @typedef {import("../vendor/preact.js").Signal<LineChart | null>} Drawn the chart of a panel, once there is one */
/** @typedef {{board: Context, panel: Panel, siblings: readonly Panel[], keys: readonly string[]}} Props siblings: the panels of its section; keys: of all metrics */

/** @typedef {import("./export.js").Writable} Writable */
/** @typedef {{board: Context, panel: Panel, written: import("../vendor/preact.js").Signal<Writable | null>}} BodyProps written: takes what is drawn, to be saved */

/** Bodies of panels that few boards have. @type {Record<string, () => Promise<{default: import("../vendor/preact.js").ComponentType<BodyProps>}>>} */
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

/** @param {Props} props */
function Inside({ board, panel, siblings, keys }) {
  /** @type {Drawn} */
  const chart = useSignal(/** @type {LineChart | null} */ (null));
  const written = useSignal(/** @type {Writable | null} */ (null));
  const open = useSignal("");
  const title = titleOf(panel);
  const close = () => { open.value = ""; };
  const isLine = panel.kind === "auto" || panel.kind === "line";
  /** @param {import("./export.js").Form} form @param {Element} place */
  const save = async (form, place) => {
    try {
      const { ofLines, save: write } = await import("./export.js");
      const drawn = isLine ? chart.value && ofLines(chart.value) : written.value;
      if (drawn) await write(drawn, place, title, form);
    } catch (error) {
      complain(error);
    }
  };
  return [
    h(
      "header",
      { class: "panel-head" },
      h(Grip, { board, panel, siblings }),
      h("h3", { dir: "auto", title }, title),
      isLine && h(IconButton, { icon: "maximize-2", label: "Enlarge", onClick: () => { open.value = "large"; } }),
      h(Menu, { label: `Menu of ${title}`, items: itemsOf(board, panel, (what) => { open.value = what; }, save) }),
    ),
    isLine ? h(Lines, { board, panel, title, drawn: chart }) : h(Body, { board, panel, written }),
    h(Resizer, { board, panel }),
    open.value === "large" && h(Large, { board, panel, title, onClose: close }),
    open.value === "settings" && h(Later, { from: () => import("./settings.js"), name: "PanelSettings", props: { board, panel, keys, onClose: close } }),
    open.value === "edit" && h(Later, { from: () => import("./adding.js"), name: "PanelDialog", props: { board, panel, keys, onClose: close } }),
  ];
}

/**
 * @param {Context} board
 * @param {Panel} panel
 * @param {(what: string) => void} open
 * @param {(form: import("./export.js").Form, place: Element) => void} save
 * @returns {import("../parts/menu.js").Item[]}
 */
function itemsOf(board, panel, open, save) {
  const isLine = panel.kind === "auto" || panel.kind === "line";
  const remove = () => {
    const changed = board.changed.peek();
    const gone = panel.kind === "auto" ? withPanel(changed, { ...panel, options: { gone: "1" } }) : withPanel(changed.filter((one) => one.id !== panel.id), { ...panel, kind: "auto", options: {} });
    board.set({ panels: gone });
    board.said.value = `${titleOf(panel)} was removed.`;
  };
  const write = (/** @type {import("./export.js").Form} */ form) => () => {
    const place = document.querySelector(`[data-panel="${CSS.escape(panel.id)}"] :is(.plot, .scatter canvas, .bars)`);
    if (place) save(form, place);
  };
  return [
    ...(isLine ? [{ label: "Enlarge", icon: "maximize-2", run: () => open("large") }, { label: "Axes and smoothing …", icon: "settings-2", run: () => open("settings") }] : []),
    ...(panel.kind === "auto" ? [] : [{ label: "Edit …", icon: "settings-2", run: () => open("edit") }]),
    "-",
    { label: "Save as PNG", icon: "image", run: write("png") },
    { label: "Save as SVG", icon: "download", run: write("svg") },
    { label: "Save as CSV", icon: "table", run: write("csv") },
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

/** What a panel that is no line chart shows. @param {BodyProps} props */
function Body(props) {
  return h(Later, { from: BODIES[props.panel.kind], name: "default", props });
}

/** A component of a module that is fetched when it is first shown. @param {{from: () => Promise<any>, name: string, props: object}} given */
export function Later({ from, name, props }) {
  const found = useSignal(/** @type {any} */ (null));
  useEffect(() => {
    from().then((module) => { found.value = { component: module[name] }; }, complain);
  }, []);
  return found.value ? h(found.value.component, props) : h(Loading, { what: "Loading" });
}
