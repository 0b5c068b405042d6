// Windowed: a long list of lines of one height, of which those that are seen are on the page.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";

/** @typedef {import("../vendor/preact.js").ComponentChildren} Children */

const BEYOND = 8; // lines above and below those that are seen

/**
 * A table of so many lines. It scrolls by itself, and is read as a table that has all of them.
 *
 * @param {{label: string, count: number, line: (at: number) => Children, head?: Children, height?: number, class?: string, columns?: string, least?: string, onSeen?: (from: number, to: number) => void}} props
 *   line: the cells of a line; head: those of the first row, which stays; height: of a line, in pixels; columns: their widths, as a grid has them;
 *   least: how wide a line is at least, so that all of them are as wide
 */
export function Windowed({ label, count, line, head, height = 30, class: named = "", columns, least, onSeen }) {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [[from, to], setSeen] = useState([0, 40]);

  const look = () => {
    const box = ref.current;
    if (!box) return;
    const first = Math.max(0, Math.floor(box.scrollTop / height) - BEYOND);
    const last = Math.ceil((box.scrollTop + box.clientHeight) / height) + BEYOND;
    setSeen((seen) => (seen[0] === first && seen[1] === last ? seen : [first, last]));
  };
  useEffect(() => {
    const watch = new ResizeObserver(look);
    if (ref.current) watch.observe(ref.current);
    return () => watch.disconnect();
  }, [height]);
  useEffect(look, [count]);
  const end = Math.min(count, to);
  useEffect(() => onSeen?.(from, end), [from, end, onSeen]);
  return h(
    "div",
    { ref, class: `windowed ${named}`, role: "table", "aria-label": label, "aria-rowcount": count + (head ? 1 : 0), tabIndex: 0, onScroll: look, style: columns ? { "--columns": columns, "--least": least } : undefined },
    head && h("div", { class: "windowed-head", role: "row", "aria-rowindex": 1 }, head),
    h(
      "div",
      { class: "windowed-body", role: "rowgroup", style: { height: `${count * height}px` } },
      Array.from({ length: Math.max(0, end - from) }, (_, i) =>
        h(
          "div",
          { key: from + i, class: "windowed-line", role: "row", "aria-rowindex": from + i + (head ? 2 : 1), style: { transform: `translateY(${(from + i) * height}px)`, height: `${height}px` } },
          line(from + i),
        ),
      ),
    ),
  );
}
