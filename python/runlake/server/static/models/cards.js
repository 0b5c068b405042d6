// Cards: each target of a model, who holds it, and what its gate finds of one version.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { send } from "../lib/api.js";
import { Confirm } from "../parts/dialog.js";
import { later } from "../parts/later.js";
import { complain, say } from "../state/toasts.js";
import { asMe } from "../state/who.js";
import { apiPath, versionPath } from "./address.js";
import { Demands, Rules, Verdict } from "./report.js";
import { gatedFirst, heldBy, isAlias } from "./targets.js";

/** @typedef {import("./types.js").Target} Target */
/**
 * @typedef {{model: string, targets: readonly Target[], version: number | null, user: string | null, mayEdit: boolean, mayManage: boolean, onPromote: (target: string) => void, onDone: () => void}} Props
 *   version: the one that reports are on; user: who is signed in
 */

const GateForm = later(async () => (await import("./gate_form.js")).GateForm);

/** @param {Props} props */
export function Cards(props) {
  const [leaving, setLeaving] = useState(/** @type {Target | null} */ (null));
  const [guarded, setGuarded] = useState(/** @type {Target | null} */ (null));
  return h(
    "div",
    { class: "cards" },
    gatedFirst(props.targets).map((target) => h(Card, { ...props, key: target.target, target, onRemove: () => setLeaving(target), onGate: () => setGuarded(target) })),
    guarded && h(GateForm, { model: props.model, target: guarded, user: props.user, onDone: props.onDone, onClose: () => setGuarded(null) }),
    leaving && h(RemoveAlias, { model: props.model, target: leaving, onDone: props.onDone, onClose: () => setLeaving(null) }),
  );
}

/** @param {Props & {target: Target, onRemove: () => void, onGate: () => void}} props */
function Card({ model, target, version, mayEdit, mayManage, onPromote, onRemove, onGate }) {
  const { report } = target;
  const holds = version !== null && target.holders.includes(version);
  return h(
    "article",
    { class: "card", "aria-label": target.target },
    h("header", { class: "row" }, h("h3", {}, h("bdi", {}, target.target)), report && h(Verdict, { report })),
    h("p", {}, target.holders.length ? h(Holders, { model, target }) : h("span", { class: "quiet" }, heldBy(target))),
    report ? h(Rules, { report }) : target.gate ? h(Demands, { gate: target.gate }) : h("p", { class: "quiet" }, "It has no gate."),
    h(
      "footer",
      { class: "row" },
      mayEdit && version !== null && !holds && h("button", { type: "button", onClick: () => onPromote(target.target) }, `Promote version ${version} …`),
      holds && h("span", { class: "quiet small" }, `Version ${version} is ${target.target}.`),
      mayEdit && isAlias(target.target) && target.held > 0 && h("button", { type: "button", "aria-label": `Remove ${target.target}`, onClick: onRemove }, "Remove"),
      mayManage && h("button", { type: "button", class: "link small", "aria-label": `${target.gate ? "Change the gate" : "Set a gate"} of ${target.target}`, onClick: onGate }, target.gate ? "Change the gate" : "Set a gate"),
    ),
  );
}

/** @param {{model: string, target: Target}} props */
function Holders({ model, target }) {
  const rest = target.held - target.holders.length;
  return h(
    "span",
    {},
    target.holders.map((version, i) => [i > 0 && ", ", h("a", { key: version, href: versionPath(model, version) }, `Version ${version}`)]),
    rest > 0 && ` and ${rest} more`,
  );
}

/** @param {{model: string, target: Target, onDone: () => void, onClose: () => void}} props */
function RemoveAlias({ model, target, onDone, onClose }) {
  const onDo = async () => {
    onClose();
    await send("DELETE", apiPath(model, "aliases", target.target.slice(1)), asMe()).then(() => {
      say(`${target.target} of ${model} means nothing any more.`);
      onDone();
    }, complain);
  };
  return h(
    Confirm,
    { title: `Remove ${target.target}?`, action: `Remove ${target.target}`, danger: true, onDo, onClose },
    h("p", {}, `It means version ${target.holders.join()} now. Whoever loads `, h("bdi", { class: "said" }, `models:/${model}${target.target}`), " gets an error afterwards. The version stays."),
  );
}
