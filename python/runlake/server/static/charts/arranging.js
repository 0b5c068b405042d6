// Arranging: panels are dragged to another place and to another size, by pointer or keys.
// @ts-check
import { h } from "../vendor/preact.js";
import { IconButton } from "../parts/icon.js";
import { withOrder, withPanel } from "./layout.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

const WIDEST = 3;
const LOWEST_PX = 140;
const HIGHEST_PX = 900;
const KEY_PX = 40;
export const HEIGHT_PX = 240;

/** A handle by which a panel is moved among those of its section. @param {{board: Context, panel: Panel, siblings: readonly Panel[]}} props */
export function Grip({ board, panel, siblings }) {
  const put = (/** @type {Panel | null} */ before) => board.set({ panels: withOrder(board.changed.peek(), panel, before) });
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = siblings.findIndex((one) => one.id === panel.id);
    const to = at + step;
    if (to < 0 || to >= siblings.length) return;
    put(siblings[step > 0 ? to + 1 : to] ?? null);
    board.said.value = `${panel.keys.join(", ")} is now chart ${to + 1} of ${siblings.length}.`;
  };
  return h(IconButton, { icon: "grip-vertical", label: "Move: drag, or arrow keys", class: "grip", onKeyDown, onPointerDown: (/** @type {PointerEvent} */ event) => drag(event, panel, siblings, put) });
}

/**
 * Follow the pointer until it is let go, and put the panel where it is then.
 *
 * @param {PointerEvent} down
 * @param {Panel} panel
 * @param {readonly Panel[]} siblings
 * @param {(before: Panel | null) => void} put
 */
function drag(down, panel, siblings, put) {
  const grip = /** @type {HTMLElement} */ (down.currentTarget);
  const own = /** @type {HTMLElement} */ (grip.closest(".panel"));
  /** @type {HTMLElement | null} */
  let over = null;
  let behind = false;
  const mark = (/** @type {HTMLElement | null} */ place) => {
    over?.classList.remove("drop-before", "drop-behind");
    over = place;
    over?.classList.add(behind ? "drop-behind" : "drop-before");
  };
  follow(grip, down, (event) => {
    own.classList.add("dragged");
    const found = document.elementsFromPoint(event.clientX, event.clientY).find((one) => one.matches(".panel"));
    const fits = found instanceof HTMLElement && found !== own && siblings.some((one) => one.id === found.dataset.panel);
    if (fits) {
      const { left, width } = found.getBoundingClientRect();
      behind = event.clientX > left + width / 2;
    }
    mark(fits ? found : null);
  }, (finished) => {
    own.classList.remove("dragged");
    const target = over;
    mark(null);
    if (!target || !finished) return;
    const at = siblings.findIndex((one) => one.id === target.dataset.panel);
    const before = siblings[behind ? at + 1 : at] ?? null;
    if (before?.id !== panel.id) put(before);
  });
}

/** A handle by which a panel is made larger. @param {{board: Context, panel: Panel}} props */
export function Resizer({ board, panel }) {
  const [columns, height] = sizeOf(panel);
  const set = (/** @type {number} */ w, /** @type {number} */ px) => {
    const options = { ...panel.options, w: String(bounded(w, 1, WIDEST)), h: String(bounded(px, LOWEST_PX, HIGHEST_PX)) };
    if (options.w === "1") options.w = "";
    if (options.h === String(HEIGHT_PX)) options.h = "";
    board.set({ panels: withPanel(board.changed.peek(), { ...panel, options }) });
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const [w, px] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -KEY_PX], ArrowDown: [0, KEY_PX] }[event.key] ?? [0, 0];
    if (w === 0 && px === 0) return;
    event.preventDefault();
    set(columns + w, height + px);
  };
  /** @param {PointerEvent} down */
  const onPointerDown = (down) => {
    const handle = /** @type {HTMLElement} */ (down.currentTarget);
    const own = /** @type {HTMLElement} */ (handle.closest(".panel"));
    const column = own.offsetWidth / columns;
    let [w, px] = [columns, height];
    follow(handle, down, (event) => {
      w = bounded(Math.round((own.offsetWidth + event.clientX - own.getBoundingClientRect().right) / column), 1, WIDEST);
      px = Math.round(bounded(height + event.clientY - down.clientY, LOWEST_PX, HIGHEST_PX));
      own.style.height = `${px}px`;
      own.classList.remove("wide-1", "wide-2", "wide-3");
      own.classList.add(`wide-${w}`);
    }, () => set(w, px));
  };
  return h("button", { type: "button", class: "resizer", title: "Resize: drag, or arrow keys", "aria-label": `Resize: ${columns} columns wide, ${height} pixels high; drag, or arrow keys`, onKeyDown, onPointerDown });
}

/** Columns and pixels of a panel. @param {Panel} panel @returns {[number, number]} */
export function sizeOf({ options }) {
  return [bounded(Number(options.w) || 1, 1, WIDEST), bounded(Number(options.h) || HEIGHT_PX, LOWEST_PX, HIGHEST_PX)];
}

/**
 * @param {HTMLElement} handle
 * @param {PointerEvent} down
 * @param {(event: PointerEvent) => void} move
 * @param {(finished: boolean) => void} end finished: it was let go, and not taken away
 */
function follow(handle, down, move, end) {
  if (down.button !== 0) return;
  down.preventDefault();
  handle.focus();
  handle.setPointerCapture(down.pointerId);
  const stop = new AbortController();
  const { signal } = stop;
  handle.addEventListener("pointermove", move, { signal });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    handle.addEventListener(name, () => { stop.abort(); end(name === "pointerup"); }, { signal });
  }
}

/** @param {number} value @param {number} low @param {number} high */
function bounded(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
