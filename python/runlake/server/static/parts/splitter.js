// Splitter: the line between two panes, which a pointer or keys move.
// @ts-check
import { h } from "../vendor/preact.js";

const STEP = 5;

/**
 * @param {{label: string, share: number, low: number, high: number, onChange: (share: number) => void}} props share: of the first
 *   pane, in per cent
 */
export function Splitter({ label, share, low, high, onChange }) {
  const put = (/** @type {number} */ next) => onChange(Math.round(Math.min(high, Math.max(low, next))));
  /** @param {PointerEvent} down */
  const onPointerDown = (down) => {
    const line = /** @type {HTMLElement} */ (down.currentTarget);
    const box = line.parentElement?.getBoundingClientRect();
    if (!box || down.button !== 0) return;
    down.preventDefault();
    line.setPointerCapture(down.pointerId);
    line.onpointermove = (event) => put((100 * (event.clientX - box.left)) / box.width);
    line.onpointerup = line.onpointercancel = () => { line.onpointermove = null; };
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const next = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: low, End: high }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    put(next);
  };
  return h("div", {
    class: "splitter", role: "separator", tabIndex: 0, "aria-label": label, "aria-orientation": "vertical",
    "aria-valuenow": share, "aria-valuemin": low, "aria-valuemax": high, onPointerDown, onKeyDown,
  });
}
