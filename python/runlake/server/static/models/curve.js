// Curve: a metric of the runs over the versions that they made, with a cursor for the pointer and for keys.
// @ts-check
import { h, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { get } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { go } from "../lib/router.js";
import { Combobox } from "../parts/combobox.js";
import { Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { dark } from "../state/theme.js";
import { complain } from "../state/toasts.js";
import { apiPath, versionPath } from "./address.js";
import { moved, nearest, points, read } from "./points.js";

/** @typedef {import("./points.js").Point} Point */
/** @typedef {import("./types.js").Target} Target */
/** @typedef {import("../vendor/preact.js").Signal<number>} Turn */

const MOST_CHOICES = 40;

/** @param {{model: string, column: string, targets: readonly Target[], turn: Turn, onColumn: (column: string) => void}} props turn: changes when versions may have */
export function Curve({ model, column, targets, turn, onColumn }) {
  const find = async (/** @type {string} */ text, /** @type {AbortSignal} */ signal) => {
    const { columns } = await get(apiPath(model, "columns"), { q: text, kind: "metrics", limit: MOST_CHOICES }, { signal });
    return columns.map((/** @type {any} */ one) => ({ value: one.name, label: one.key, detail: plural(one.runs, "run") }));
  };
  return h(
    "section",
    { class: "plate", "aria-labelledby": "curve-title" },
    h(
      "header",
      { class: "row" },
      h("h2", { id: "curve-title" }, "Over versions"),
      h(Combobox, { label: "Metric", placeholder: "Choose a metric", find, onChoose: onColumn, keepsText: true, value: column }),
    ),
    column ? h(Drawn, { key: column, model, column, targets, turn }) : h("p", { class: "quiet" }, "The runs of the latest versions have no metric."),
  );
}

/** @param {{model: string, column: string, targets: readonly Target[], turn: Turn}} props */
function Drawn({ model, column, targets, turn }) {
  const { state, again } = useResource((signal) => {
    turn.value;
    return get(apiPath(model, "curve"), { column }, { signal });
  }, [model, column]);
  const { data, error } = state.value;
  const found = useMemo(() => (data ? points(data.versions, data.values) : []), [data]);
  const held = useMemo(() => heldBy(targets), [targets]);
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Reading the metric" });
  const lacking = found.filter((one) => !one.said).length;
  const odd = found.filter((one) => one.said && one.value === null).length;
  const notes = [lacking && `${plural(lacking, "version")} without it`, odd && `${plural(odd, "version")} with what has no place on an axis (×)`].filter(Boolean);
  if (lacking === found.length) return h("p", { class: "quiet" }, "No version has it, or its run may not be read.");
  return h("div", {}, h(Figure, { model, column, found, held }), notes.length > 0 && h("p", { class: "quiet small" }, `${notes.join("; ")}.`));
}

/** @param {{model: string, column: string, found: Point[], held: Map<number, string[]>}} props */
function Figure({ model, column, found, held }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const plot = useRef(/** @type {import("./plot.js").Plot | null} */ (null));
  const [at, setAt] = useState(found.length - 1);
  const shown = found[Math.min(at, found.length - 1)];

  useEffect(() => {
    const place = host.current;
    let stop = () => {};
    let gone = false;
    import("./plot.js").then(({ Plot }) => {
      if (gone || !place) return;
      const made = new Plot(place, found, held, (version) => setAt(nearest(found, version)));
      plot.current = made;
      const sizes = new ResizeObserver(() => made.fit());
      sizes.observe(place);
      const painted = dark.subscribe(() => requestAnimationFrame(() => plot.current === made && made.paint()));
      stop = () => {
        plot.current = null;
        sizes.disconnect();
        painted();
        made.end();
      };
    }, complain);
    return () => {
      gone = true;
      stop();
    };
  }, [found, held]);

  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === "Enter") go(versionPath(model, shown.version));
    const to = moved(event.key, at, found.length);
    if (to === null) return;
    event.preventDefault();
    setAt(to);
    plot.current?.point(found[to].version);
  };
  return h(
    "figure",
    { class: "curve" },
    h("div", {
      ref: host, class: "curve-host", tabIndex: 0, role: "slider", "aria-label": `${column} over versions`, "aria-valuemin": found[0].version,
      "aria-valuemax": found[found.length - 1].version, "aria-valuenow": shown.version, "aria-valuetext": read(shown, held.get(shown.version) ?? []), onKeyDown,
      onClick: () => plot.current?.point(shown.version),
    }),
    h(
      "figcaption",
      { class: "row" },
      h("a", { href: versionPath(model, shown.version) }, `Version ${shown.version}`),
      h("strong", {}, shown.said || "no value"),
      (held.get(shown.version) ?? []).map((target) => h("span", { key: target, class: "chip alias" }, target)),
    ),
  );
}

/** @param {readonly Target[]} targets @returns {Map<number, string[]>} */
function heldBy(targets) {
  /** @type {Map<number, string[]>} */
  const held = new Map();
  for (const { target, holders } of targets) {
    for (const version of holders) held.set(version, [...(held.get(version) ?? []), target]);
  }
  return held;
}
