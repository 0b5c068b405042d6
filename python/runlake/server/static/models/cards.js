// Cards: each target of a model, who holds it, and what its gate finds of one version.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { send } from "../lib/api.js";
import { Confirm } from "../parts/dialog.js";
import { complain, say } from "../state/toasts.js";
import { apiPath, versionPath } from "./address.js";
import { Demands, Rules, Verdict } from "./report.js";
import { heldBy, isAlias } from "./targets.js";

/** @typedef {import("./types.js").Target} Target */
/**
 * @typedef {{model: string, targets: readonly Target[], version: number | null, mayEdit: boolean, onPromote: (target: string) => void, onDone: () => void}} Props
 *   version: the one that reports are on
 */

/** @param {Props} props */
export function Cards(props) {
  const [leaving, setLeaving] = useState(/** @type {Target | null} */ (null));
  return h(
    "div",
    { class: "cards" },
    props.targets.map((target) => h(Card, { ...props, key: target.target, target, onRemove: () => setLeaving(target) })),
    leaving && h(RemoveAlias, { model: props.model, target: leaving, onDone: props.onDone, onClose: () => setLeaving(null) }),
  );
}

/** @param {Props & {target: Target, onRemove: () => void}} props */
function Card({ model, target, version, mayEdit, onPromote, onRemove }) {
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
    await send("DELETE", apiPath(model, "aliases", target.target.slice(1))).then(() => {
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
