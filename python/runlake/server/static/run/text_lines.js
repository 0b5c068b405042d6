// Lines of text with their numbers, those of them in which something is found, and the longest cut to what can be seen.
// @ts-check
import { h, useMemo, useState } from "../vendor/preact.js";
import { plural } from "../lib/format.js";
import { Windowed } from "../parts/windowed.js";

const LONGEST = 2000; // characters of a line
const HEIGHT = 18;

/**
 * @param {{text: string, label: string, first?: number, children?: import("../vendor/preact.js").ComponentChildren}} props
 *   first: number of the first line; children: what stands beside the search
 */
export function TextLines({ text, label, first = 1, children }) {
  const [wanted, setWanted] = useState("");
  const all = useMemo(() => {
    const lines = text.split(/\r\n|\n|\r(?!\n)/);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  }, [text]);
  const places = useMemo(() => {
    const sought = wanted.toLowerCase();
    return sought ? all.flatMap((line, at) => (line.toLowerCase().includes(sought) ? [at] : [])) : null;
  }, [all, wanted]);
  const digits = String(first + all.length).length;
  return h(
    "div",
    { class: "filling" },
    h(
      "div",
      { class: "part-bar" },
      h("input", { type: "search", "aria-label": `Find in ${label}`, placeholder: "Find", value: wanted, onInput: (/** @type {any} */ event) => setWanted(event.target.value) }),
      h("span", { class: "quiet", role: "status" }, places ? `${plural(places.length, "line")} of ${all.length}` : plural(all.length, "line")),
      children,
    ),
    h(Windowed, {
      label, count: places?.length ?? all.length, height: HEIGHT, class: "lines",
      line: (at) => {
        const place = places ? places[at] : at;
        const line = all[place];
        return [
          h("span", { role: "rowheader", class: "line-number", style: { width: `${digits + 1}ch` } }, first + place),
          h("span", { role: "cell", dir: "auto" }, line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line),
        ];
      },
    }),
  );
}
