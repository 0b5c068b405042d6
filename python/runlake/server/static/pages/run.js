// Page of a run: its head, and the part of it that the address names.
// @ts-check
import { h, useCallback, useEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { count } from "../lib/format.js";
import { go, pathOf, place, useTitle } from "../lib/router.js";
import { Empty, Failure, Loading, Outdated, PageFailure } from "../parts/state.js";
import { Header } from "../run/header.js";
import { RunContext, useRun } from "../run/run.js";
import { useCommands } from "../state/keys.js";

/** @typedef {import("../run/run.js").Run} Run */
/** @typedef {import("../vendor/preact.js").ComponentType<{to: (tab: string) => string}>} Part */

/**
 * Parts of the page in their order: what each is called, the key behind `p` that leads there, how much is in it, and whether
 * the run has it.
 *
 * @type {Record<string, {title: string, load: () => Promise<{default: Part}>, key?: string, count?: (run: Run) => number, has?: (run: Run) => boolean}>}
 */
const PARTS = {
  overview: { title: "Overview", key: "o", load: () => import("../run/overview.js") },
  params: { title: "Parameters", key: "p", load: () => import("../run/params.js"), count: (run) => Object.keys(run.params).length },
  metrics: { title: "Metrics", key: "m", load: () => import("../run/metrics.js"), count: (run) => run.metrics.length },
  charts: { title: "Charts", key: "c", load: () => import("../run/charts.js"), has: (run) => run.metrics.length > 0 },
  points: { title: "Points", load: () => import("../run/points.js"), has: (run) => run.metrics.length > 0 },
  artifacts: { title: "Artifacts", key: "a", load: () => import("../run/artifacts.js") },
  console: { title: "Console", load: () => import("../run/console.js"), has: (run) => run.console !== null },
  system: { title: "System", load: () => import("../run/system.js") },
  ledger: { title: "Ledger", key: "l", load: () => import("../run/ledger.js"), count: (run) => run.ledger.keys.length + run.gaps.length },
  reproduce: { title: "Reproduce", key: "r", load: () => import("../run/reproduce.js") },
};

/** @param {{params: Record<string, string>}} props */
export default function RunPage({ params }) {
  return h(Page, { key: params.run, id: params.run });
}

/** @param {{id: string}} props */
function Page({ id }) {
  const { state, again, edit } = useRun(id);
  const { data: run, error } = state.value;
  const here = useMemo(() => run && { run, edit, again }, [run]);
  useTitle(run?.run.run_name ?? "");
  useCommands(() => commandsOf(id), [id]);
  if (error && !run) return error.status === 404 ? h(Missing, { id }) : h(PageFailure, { title: "Run", error, onRetry: again });
  if (!run || !here) return h(Loading, { what: "Looking for the run" });
  const asked = new URLSearchParams(place.value.search).get("tab") ?? "";
  const name = Object.hasOwn(PARTS, asked) ? asked : "overview";
  return h(
    RunContext.Provider,
    { value: here },
    h("section", { class: "page run-page" }, h(Outdated, { error, onRetry: again }), h(Header, {}), h(Tabs, { run, chosen: name }), h("div", { class: "run-part" }, h(Shown, { key: name, name, id }))),
  );
}

/** @param {{id: string}} props */
function Missing({ id }) {
  return h(
    "section",
    {},
    h("h1", { class: "visually-hidden" }, "Run"),
    h(Empty, { title: "There is no such run, or it may not be seen by you." }, h("p", { class: "quiet mono", dir: "auto" }, id), h("p", {}, h("a", { href: "/runs" }, "All runs"))),
  );
}

/** @param {{run: Run, chosen: string}} props */
function Tabs({ run, chosen }) {
  const tabs = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => { // on a narrow screen not all of them are in view
    const [bar, tab] = [tabs.current, tabs.current?.querySelector("[aria-current]")];
    if (bar && tab instanceof HTMLElement) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
  }, [chosen]);
  const shown = Object.entries(PARTS).filter(([name, part]) => name === chosen || (part.has?.(run) ?? true));
  return h(
    "nav",
    { ref: tabs, class: "tabs", "aria-label": "Parts of the run" },
    shown.map(([name, { title, count: many }]) => {
      const n = many?.(run) ?? 0;
      return h("a", { key: name, href: address(run.run.run_id, name), "aria-current": name === chosen ? "page" : undefined }, title, n > 0 && h("span", { class: "quiet small" }, ` ${count(n)}`));
    }),
  );
}

/** @param {{name: string, id: string}} props */
function Shown({ name, id }) {
  const [found, setFound] = useState(/** @type {{Part: Part} | null} */ (null));
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const to = useCallback((/** @type {string} */ tab) => address(id, tab), [id]);
  useEffect(() => {
    PARTS[name].load().then((module) => setFound({ Part: module.default }), () => setError(new Error("This part of the page could not be fetched.")));
  }, [name]);
  if (error) return h(Failure, { error, onRetry: () => location.reload() });
  return found ? h(found.Part, { to }) : h(Loading, { what: "Loading" });
}

/** @param {string} id @returns {import("../state/keys.js").Command[]} */
function commandsOf(id) {
  return Object.entries(PARTS).map(([name, { title, key }]) => ({ keys: key && `p ${key}`, label: `Show the run's ${title.toLowerCase()}`, group: "Run", run: () => go(address(id, name)) }));
}

/** @param {string} id @param {string} tab */
function address(id, tab) {
  return pathOf("run", { run: id }) + (tab === "overview" ? "" : `?tab=${tab}`);
}
