// Page of a version: what it is, where it comes from, what it may become and why not, and what was done to it.
// @ts-check
import { h, useSignal, useState } from "../vendor/preact.js";
import { get, send } from "../lib/api.js";
import { useTitle } from "../lib/router.js";
import { apiPath, modelPath } from "../models/address.js";
import { Cards } from "../models/cards.js";
import { Flavors, From, HowToLoad, Signature, Values } from "../models/describe.js";
import { Log } from "../models/log.js";
import { Missing } from "../models/missing.js";
import { Said } from "../models/said.js";
import { Sayings } from "../models/sayings.js";
import { Code } from "../parts/copy.js";
import { later } from "../parts/later.js";
import { Menu } from "../parts/menu.js";
import { Empty, Loading, Outdated } from "../parts/state.js";
import { useCommands } from "../state/keys.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { complain, say } from "../state/toasts.js";
import { asMe } from "../state/who.js";

/** @typedef {import("../models/types.js").Model} Model */
/** @typedef {import("../models/types.js").Version} Version */
/** @typedef {import("../models/types.js").Target} Target */

const Promote = later(async () => (await import("../models/promote.js")).Promote);

/** @param {{params: Record<string, string>}} props */
export default function VersionPage({ params }) {
  if (!/^\d{1,15}$/.test(params.version)) return h(Empty, { title: "A version is a number." }, h("a", { href: modelPath(params.model) }, "All versions"));
  return h(Page, { key: `${params.model}/${params.version}`, name: params.model, number: Number(params.version) });
}

/** @param {{name: string, number: number}} props */
function Page({ name, number }) {
  useTitle(`${name}, version ${number}`);
  const turn = useSignal(0); // whoever reads it asks anew when something has changed
  const changed = () => void (turn.value += 1);
  const { state, again } = useResource(async (signal) => {
    turn.value;
    const asked = [get(apiPath(name), {}, { signal }), get(apiPath(name, "versions", number), {}, { signal }), get(apiPath(name, "gates"), { version: number }, { signal })];
    const [model, version, gates] = await Promise.all(asked);
    return { model: /** @type {Model} */ (model.model), version: /** @type {Version} */ (version.version), targets: /** @type {Target[]} */ (gates.targets), tx: /** @type {number} */ (version.tx) };
  }, [name, number]);
  useLive({ registry: true }, changed);
  const { data, error } = state.value;
  if (error && !data) return h(Missing, { error, what: `version ${number} of “${name}”`, href: modelPath(name), onRetry: again });
  if (!data) return h(Loading, { what: "Looking up the version" });
  return [h(Outdated, { error, onRetry: again }), h(Shown, { ...data, turn, onChanged: changed })];
}

/** @param {{model: Model, version: Version, targets: readonly Target[], turn: import("../vendor/preact.js").Signal<number>, onChanged: () => void}} props */
function Shown({ model, version, targets, turn, onChanged }) {
  const [target, setTarget] = useState(/** @type {string | null} */ (null));
  const { run, contents } = version;
  useCommands(() => (model.may_edit ? [{ keys: "p", label: "Promote this version", group: "Models", run: () => setTarget("") }] : []), [model.may_edit]);
  const edit = async (/** @type {Record<string, unknown>} */ fields) => {
    await send("PATCH", apiPath(model.name, "versions", version.version), { ...fields, ...asMe() });
    onChanged();
  };
  return h(
    "section",
    { class: "page wide" },
    h(Head, { model, version, onPromote: () => setTarget(""), onChanged }),
    h(Said, { what: `version ${version.version}`, description: version.description, tags: version.tags, may: model.may_edit, onEdit: edit }),
    h(
      "section",
      { class: "plate", "aria-labelledby": "targets-title" },
      h("h2", { id: "targets-title" }, "What it may become"),
      h(Cards, { model: model.name, targets, version: version.version, user: model.user, mayEdit: model.may_edit, mayManage: model.may_manage, onPromote: setTarget, onDone: onChanged }),
    ),
    h(Sayings, { model: model.name, version, targets, user: model.user, may: model.may_edit, onDone: onChanged }),
    h("section", { class: "plate", "aria-labelledby": "load-title" }, h("h2", { id: "load-title" }, "Load it"), h(HowToLoad, { model: model.name, version: version.version, aliases: version.aliases })),
    h(
      "section",
      { class: "plate", "aria-labelledby": "from-title" },
      h("h2", { id: "from-title" }, "Where it comes from"),
      h(From, { version }),
      run && h("div", { class: "sides" }, h(Values, { title: "Metrics", values: run.metrics, total: run.metrics_total }), h(Values, { title: "Parameters", values: run.params, total: run.params_total })),
    ),
    h(
      "section",
      { class: "plate", "aria-labelledby": "inside-title" },
      h("h2", { id: "inside-title" }, "What is in it"),
      contents.missing && h("p", { class: "quiet", dir: "auto" }, `Its files say nothing: ${contents.missing}`),
      contents.signature ? h(Signature, { signature: contents.signature }) : !contents.missing && h("p", { class: "quiet" }, "It has no signature: nobody has said what it takes and gives."),
      Object.keys(contents.flavors).length > 0 && h(Flavors, { flavors: contents.flavors }),
      contents.requirements !== null && h("details", {}, h("summary", {}, "requirements.txt"), h(Code, { what: "its requirements", text: contents.requirements, wraps: true })),
    ),
    h(Log, { model: model.name, version: version.version, turn }),
    target !== null && h(Promote, { model: model.name, version: version.version, stage: version.stage, user: model.user, mayForce: model.may_manage, target: target || undefined, onDone: onChanged, onClose: () => setTarget(null) }),
  );
}

/** @param {{model: Model, version: Version, onPromote: () => void, onChanged: () => void}} props */
function Head({ model, version, onPromote, onChanged }) {
  const move = async (/** @type {string} */ stage) => {
    await send("POST", apiPath(model.name, "versions", version.version, "stage"), { stage, ...asMe() }).then(() => {
      say(`Version ${version.version} of ${model.name} is ${stage === "None" ? "in no stage" : stage} now.`);
      onChanged();
    }, complain);
  };
  const leave = ["Archived", "None"].filter((stage) => stage !== version.stage);
  return h(
    "header",
    { class: "page-head" },
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "/models" }, "Models"), " / ", h("a", { href: modelPath(model.name), dir: "auto" }, model.name), " / "),
    h("h1", {}, `Version ${version.version}`),
    version.stage !== "None" && h("span", { class: "chip" }, version.stage),
    version.aliases.map((alias) => h("span", { key: alias, class: "chip alias" }, `@${alias}`)),
    version.status !== "READY" && h("span", { class: "chip bad" }, version.status),
    h("span", { class: "spacer" }),
    model.may_edit && h("button", { type: "button", class: "primary", onClick: onPromote }, "Promote …"),
    model.may_edit && h(Menu, { label: "More", items: leave.map((stage) => ({ label: stage === "None" ? "Take it out of its stage" : "Archive it", run: () => void move(stage) })) }),
  );
}
