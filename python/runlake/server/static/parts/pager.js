// Pager: which part of something long is shown, and how to get to another one.
// @ts-check
import { h } from "../vendor/preact.js";
import { count } from "../lib/format.js";
import { IconButton } from "./icon.js";

/**
 * @param {{offset: number, limit: number, total: number, what: string, onMove: (offset: number) => void}} props
 *   what: of which there are `total`, in the plural
 */
export function Pager({ offset, limit, total, what, onMove }) {
  const end = Math.min(total, offset + limit);
  const said = total === 0 ? `no ${what}` : `${what} ${count(offset + 1)} to ${count(end)} of ${count(total)}`;
  if (total <= limit && offset === 0) return h("p", { class: "pager quiet", role: "status" }, said);
  return h(
    "div",
    { class: "pager", role: "group", "aria-label": `Pages of ${what}` },
    h(IconButton, { icon: "chevron-left", label: `Earlier ${what}`, disabled: offset === 0, onClick: () => onMove(Math.max(0, offset - limit)) }),
    h("span", { class: "quiet", role: "status" }, said),
    h(IconButton, { icon: "chevron-right", label: `Later ${what}`, disabled: end >= total, onClick: () => onMove(offset + limit) }),
  );
}
