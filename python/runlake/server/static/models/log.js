// Log: who did what to a model, or to one version of it, when and why; the latest first.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";
import { get, isAbort } from "../lib/api.js";
import { count, plural, since, time } from "../lib/format.js";
import { Icon } from "../parts/icon.js";
import { Failure, Loading } from "../parts/state.js";
import { apiPath, versionPath } from "./address.js";
import { told } from "./events.js";
import { Rules } from "./report.js";

/** @typedef {import("./types.js").Event} Event */
/** @typedef {{intact: boolean, events?: number, hash?: string, message?: string}} Chain */

const SIZE = 25;
/** What readers ask for, by what the server calls it. @type {Record<string, {label: string, actions: string[]}>} */
const KINDS = {
  moves: { label: "Promotions and moves", actions: ["move_version", "set_alias", "delete_alias"] },
  gates: { label: "Gates, approvals and checks", actions: ["set_gate", "delete_gate", "approve_version", "post_check"] },
  versions: { label: "Versions", actions: ["create_version", "delete_version"] },
  texts: { label: "Descriptions and tags", actions: ["update_model", "update_version", "set_model_tag", "delete_model_tag", "set_version_tag", "delete_version_tag"] },
};
const MOST = 1000; // that the server gives at once

/**
 * @param {{model: string, version?: number, turn: import("../vendor/preact.js").Signal<number>}} props version: only what is about it; turn: changes when the log may have
 */
export function Log({ model, version, turn }) {
  const [events, setEvents] = useState(/** @type {Event[] | null} */ (null));
  const [more, setMore] = useState(false);
  const [kind, setKind] = useState("");
  const [error, setError] = useState(/** @type {any} */ (null));

  const flight = useRef(new AbortController());

  /** Ask for what is behind the events that are known; what was asked before is given up. @param {Event[]} known @param {number} limit */
  const ask = async (known, limit) => {
    flight.current.abort();
    flight.current = new AbortController();
    const { signal } = flight.current;
    setError(null);
    try {
      const found = await get(apiPath(model, "events"), { version, actions: KINDS[kind]?.actions, before: known.at(-1)?.number, limit }, { signal });
      setEvents([...known, ...found.events]);
      setMore(found.more);
    } catch (failed) {
      if (!isAbort(failed)) setError(failed);
    }
  };
  const askAll = () => ask([], Math.min(MOST, Math.max(SIZE, events?.length ?? 0))); // as many as are shown
  useEffect(() => {
    askAll();
    return () => flight.current.abort();
  }, [model, version, kind, turn.value]);

  return h(
    "section",
    { class: "plate", "aria-labelledby": "log-title" },
    h("header", { class: "row" }, h("h2", { id: "log-title" }, "What was done"), h(Kind, { kind, onKind: setKind }), h(Verify, { model })),
    error ? h(Failure, { error, onRetry: askAll }) : events === null && h(Loading, { what: "Reading the log" }),
    events?.length === 0 && h("p", { class: "quiet" }, "Nothing of that kind."),
    events && h("ol", { class: "log" }, events.map((event) => h(Entry, { key: event.number, model, event }))),
    events && more && h("button", { type: "button", onClick: () => ask(events, SIZE) }, "Show older"),
  );
}

/** @param {{kind: string, onKind: (kind: string) => void}} props */
function Kind({ kind, onKind }) {
  return h(
    "select",
    { "aria-label": "Kind", value: kind, onChange: (/** @type {any} */ event) => onKind(event.target.value) },
    h("option", { value: "" }, "Everything"),
    Object.entries(KINDS).map(([name, { label }]) => h("option", { key: name, value: name }, label)),
  );
}

/** @param {{model: string, event: Event}} props */
function Entry({ model, event }) {
  const { icon, parts, quote, rules, forced } = told(event);
  const said = parts.map((part, i) => {
    if (typeof part === "string") return part;
    if ("said" in part) return h("bdi", { key: i, class: "said" }, part.said);
    return h("a", { key: i, href: versionPath(model, part.version) }, `version ${part.version}`);
  });
  return h(
    "li",
    {},
    h(Icon, { name: icon }),
    h(
      "div",
      {},
      h("p", {}, h("bdi", { class: event.user_id ? "who" : "quiet" }, event.user_id ?? "somebody"), " ", said, h("time", { class: "quiet small", dateTime: new Date(event.at_ms).toISOString(), title: time(event.at_ms) }, ` ${since(event.at_ms)}`)),
      forced && h("p", { class: "forced" }, h("strong", {}, "By force: "), h("bdi", {}, forced)),
      quote && h("blockquote", { class: "small", dir: "auto" }, quote),
      rules.length > 0 && h("details", { class: "small" }, h("summary", {}, `What the gate found (${plural(rules.length, "rule")})`), h(Rules, { report: { target: "", passed: !forced, rules } })),
    ),
  );
}

/** The whole log of the store, held against its chain of hashes. @param {{model: string}} props */
function Verify({ model }) {
  const [chain, setChain] = useState(/** @type {Chain | null} */ (null));
  const [failed, setFailed] = useState("");
  const verify = async () => {
    setFailed("");
    await get(apiPath(model, "events"), { limit: 0, verify: true }).then((found) => setChain(found.chain), (error) => setFailed(error.message));
  };
  return h(
    "span",
    { class: "row small", role: "status" },
    h("button", { type: "button", title: "Each event has the hash of the one before: see whether one was changed or taken away", onClick: verify }, "Verify"),
    chain?.intact && h("span", { class: "chip good", title: `The last one has the hash ${chain.hash}` }, `${count(chain.events ?? 0)} events of the store are as they were written`),
    chain && !chain.intact && h("span", { class: "mistake" }, chain.message),
    failed && h("span", { class: "mistake" }, failed),
  );
}
