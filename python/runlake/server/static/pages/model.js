// Page of a model: what it is, what its targets mean and demand, its versions, and what was done to it.
// @ts-check
import { h, useSignal, useState } from "../vendor/preact.js";
import { get, send } from "../lib/api.js";
import { plural, since, time } from "../lib/format.js";
import { useTitle } from "../lib/router.js";
import { apiPath, change, useQuery, versionPath } from "../models/address.js";
import { Cards } from "../models/cards.js";
import { Curve } from "../models/curve.js";
import { Log } from "../models/log.js";
import { Missing } from "../models/missing.js";
import { Said } from "../models/said.js";
import { comparedMetric, versionsLike } from "../models/targets.js";
import { Versions } from "../models/versions.js";
import { Combobox } from "../parts/combobox.js";
import { Dialog } from "../parts/dialog.js";
import { later } from "../parts/later.js";
import { Empty, Failure, Loading, Outdated } from "../parts/state.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { asMe } from "../state/who.js";

/** @typedef {import("../models/types.js").Model} Model */
/** @typedef {import("../models/types.js").Target} Target */
/** @typedef {import("../vendor/preact.js").Signal<URLSearchParams>} Query */
/** @template T @typedef {import("../vendor/preact.js").Signal<T>} Signal */

const Promote = later(async () => (await import("../models/promote.js")).Promote);

/** @param {{params: Record<string, string>}} props */
export default function ModelPage({ params }) {
  return h(Page, { key: params.model, name: params.model });
}

/** @param {{name: string}} props */
function Page({ name }) {
  useTitle(name);
  const query = useQuery();
  const turn = useSignal(0); // whoever reads it asks anew when something has changed
  const changed = () => void (turn.value += 1);
  const { state, again } = useResource(async (signal) => {
    turn.value;
    const [described, found] = await Promise.all([get(apiPath(name), {}, { signal }), get(apiPath(name, "columns"), { kind: "metrics", limit: 1 }, { signal })]);
    return { model: /** @type {Model} */ (described.model), first: /** @type {string} */ (found.columns[0]?.name ?? ""), tx: /** @type {number} */ (described.tx) };
  }, [name]);
  useLive({ registry: true }, changed);
  const { data, error } = state.value;
  if (error && !data) return h(Missing, { error, what: `model “${name}”`, href: "/models", onRetry: again });
  if (!data) return h(Loading, { what: "Looking up the model" });
  return [h(Outdated, { error, onRetry: again }), h(Shown, { ...data, query, turn, onChanged: changed })];
}

/** @param {{model: Model, first: string, query: Query, turn: Signal<number>, onChanged: () => void}} props first: the metric that is shown when none is chosen */
function Shown({ model, first, query, turn, onChanged }) {
  const judged = Number(query.value.get("judged")) || (model.latest?.version ?? 0);
  const { state, again } = useResource((signal) => {
    turn.value;
    return get(apiPath(model.name, "gates"), { version: judged || undefined }, { signal });
  }, [model.name, judged], [model.name]);
  const [promoted, setPromoted] = useState(/** @type {{target: string, version: number} | null} */ (null)); // whichever version is the latest meanwhile
  const targets = /** @type {Target[]} */ (state.value.data?.targets ?? []);
  const column = query.value.get("metric") || comparedMetric(targets) || first;
  const edit = async (/** @type {Record<string, unknown>} */ fields) => {
    await send("PATCH", apiPath(model.name), { ...fields, ...asMe() });
    onChanged();
  };
  return h(
    "section",
    { class: "page wide" },
    h(Head, { model }),
    h(Said, { what: "the model", description: model.description, tags: model.tags, may: model.may_edit, onEdit: edit }),
    h(
      "section",
      { class: "plate", "aria-labelledby": "targets-title" },
      h("header", { class: "row" }, h("h2", { id: "targets-title" }, "What services load"), judged > 0 && h(Judged, { model, targets, judged, query })),
      state.value.error ? h(Failure, { error: state.value.error, onRetry: again }) : !state.value.data && h(Loading, { what: "Asking the gates" }),
      h(Cards, { model: model.name, targets, version: judged || null, user: model.user, mayEdit: model.may_edit, mayManage: model.may_manage, onPromote: (target) => setPromoted({ target, version: judged }), onDone: onChanged }),
    ),
    model.versions > 0 ? state.value.data && h(Curve, { model: model.name, column, targets, turn, onColumn: (metric) => change(query, { metric, sort: "" }) }) : h(Unregistered, { name: model.name }),
    model.versions > 0 && state.value.data && h(Versions, { model: model.name, query, column, turn }),
    h(Log, { model: model.name, turn }),
    promoted && h(PromoteIn, { model, ...promoted, onDone: onChanged, onClose: () => setPromoted(null) }),
  );
}

/** @param {{model: Model}} props */
function Head({ model }) {
  return h(
    "header",
    { class: "page-head" },
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "/models" }, "Models"), " / "),
    h("h1", { dir: "auto" }, model.name),
    h(
      "span",
      { class: "quiet" },
      plural(model.versions, "version"),
      model.latest && [", the latest is ", h("a", { key: "latest", href: versionPath(model.name, model.latest.version) }, `version ${model.latest.version}`)],
      h("span", { title: time(model.last_updated) }, `, changed ${since(model.last_updated)}`),
    ),
  );
}

/** Which version the gates are asked about. @param {{model: Model, targets: readonly Target[], judged: number, query: Query}} props */
function Judged({ model, targets, judged, query }) {
  const latest = model.latest?.version ?? 0;
  const value = String(judged);
  return h(
    "span",
    { class: "row quiet judged" },
    "Gates are asked about version",
    h(Combobox, {
      label: "Version that gates are asked about", value, keepsText: true,
      find: async (text) => versionsLike(text === value ? "" : text, latest, targets),
      onChoose: (chosen) => change(query, { judged: chosen === String(latest) ? "" : chosen }, { replace: true }),
    }),
    judged === latest && "the latest",
  );
}

/** @param {{model: Model, version: number, target: string, onDone: () => void, onClose: () => void}} props */
function PromoteIn({ model, version, target, onDone, onClose }) {
  const { state, again } = useResource((signal) => get(apiPath(model.name, "versions", version), {}, { signal }), [model.name, version]);
  const { data, error } = state.value;
  if (error) return h(Dialog, { title: `Promote version ${version}`, onClose }, h(Failure, { error, onRetry: again }));
  return data && h(Promote, { model: model.name, version, stage: data.version.stage, user: model.user, mayForce: model.may_manage, target, onDone, onClose });
}

/** @param {{name: string}} props */
function Unregistered({ name }) {
  return h(Empty, { title: "It has no version yet." }, h("pre", { class: "code", tabIndex: 0 }, `runlake.register_model("runs:/RUN/model", ${JSON.stringify(name)})`));
}
