// Promote: the dialog in which a version becomes what a target means. It shows what the gate finds and what changes.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { get, send } from "../lib/api.js";
import { go } from "../lib/router.js";
import { Dialog } from "../parts/dialog.js";
import { Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { say } from "../state/toasts.js";
import { asMe } from "../state/who.js";
import { apiPath, versionPath } from "./address.js";
import { ForceForm } from "./force.js";
import { YourName } from "./name.js";
import { Rules, Verdict } from "./report.js";
import { aliasMistake, consequences, firstChoice, heldBy, isAlias } from "./targets.js";

/** @typedef {import("./types.js").Target} Target */
/** @typedef {import("./types.js").Report} Report */
/** @typedef {{model: string, version: number, stage: string, user: string | null, mayForce: boolean, target?: string, onDone: () => void, onClose: () => void}} Props stage: that the version is in; user: who is signed in */

const NEW = "@"; // stands for an alias that has still to be named

/** @param {Props} props */
export function Promote(props) {
  const { model, version, onClose } = props;
  const { state, again } = useResource((signal) => get(apiPath(model, "gates"), { version }, { signal }), [model, version]);
  const { data, error } = state.value;
  return h(
    Dialog,
    { title: `Promote version ${version}`, onClose, wide: true },
    error ? h(Failure, { error, onRetry: again }) : data ? h(Form, { ...props, targets: data.targets }) : h(Loading, { what: "Asking the gates" }),
  );
}

/** @param {Props & {targets: readonly Target[]}} props */
function Form({ model, version, stage, user, mayForce, target: wanted, targets, onDone, onClose }) {
  const [chosen, setChosen] = useState(wanted ?? firstChoice(targets, version));
  const [alias, setAlias] = useState("");
  const [archive, setArchive] = useState(true);
  const [refused, setRefused] = useState(/** @type {(Error & {report?: Report | null}) | null} */ (null));
  const [busy, setBusy] = useState(false);

  const named = chosen === NEW ? `@${alias}` : chosen;
  const target = targets.find((one) => one.target === named) ?? { target: named, holders: [], held: 0, gate: null, report: null };
  const report = refused?.report ?? target.report ?? { target: named, passed: true, rules: [] };
  const mistake = chosen === NEW ? (alias ? aliasMistake(alias) : "Name the alias.") : "";
  const changes = consequences(target, version, { stage, archive });
  const nothing = changes[0].startsWith("Nothing");
  const shown = chosen === NEW ? (alias && !mistake ? named : "a new alias") : named;

  /** @param {string} [reason] by force, and why */
  const promote = async (reason) => {
    setBusy(true);
    setRefused(null);
    const force = reason ? { force: true, reason } : {};
    const done = isAlias(named)
      ? send("PUT", apiPath(model, "aliases", named.slice(1)), { version, ...force, ...asMe() })
      : send("POST", apiPath(model, "versions", version, "stage"), { stage: named, archive_existing: archive, ...force, ...asMe() });
    await done.then(
      () => {
        say(`Version ${version} of ${model} is now ${named}.`, { action: { label: "Show it", run: () => go(versionPath(model, version)) } });
        onDone();
        onClose();
      },
      (error) => setRefused(error),
    );
    setBusy(false);
  };
  /** @param {string} value */
  const choose = (value) => {
    setChosen(value);
    setRefused(null);
  };
  return h(
    "form",
    { class: "promote", onSubmit: (/** @type {Event} */ event) => { event.preventDefault(); promote(); } },
    h(
      "fieldset",
      {},
      h("legend", {}, "What shall it become?"),
      targets.map((one) => h(Choice, { key: one.target, value: one.target, chosen, onChoose: choose }, h("bdi", {}, one.target), " ", h(Verdict, { report: one.report }), h("span", { class: "quiet small" }, ` ${heldBy(one)}`))),
      h(
        Choice,
        { value: NEW, chosen, onChoose: choose },
        "Another alias ",
        h("input", {
          type: "text", "aria-label": "Name of the alias", placeholder: "challenger", value: alias, "aria-invalid": chosen === NEW && alias !== "" && mistake !== "",
          onInput: (/** @type {any} */ event) => { setAlias(event.target.value.trim().replace(/^@/, "")); choose(NEW); },
        }),
      ),
    ),
    h("section", {}, h("h3", {}, `What the gate of ${shown} finds`), h(Rules, { report })),
    h("section", { "aria-live": "polite" }, h("h3", {}, "What changes"), h("ul", {}, (mistake ? [mistake] : changes).map((text) => h("li", { key: text }, text)))),
    !isAlias(named) && target.held > 0 && !nothing &&
      h("label", { class: "row" }, h("input", { type: "checkbox", checked: archive, onChange: (/** @type {any} */ event) => setArchive(event.target.checked) }), `Move what is in ${named} now to Archived`),
    h(YourName, { user }),
    refused && h("p", { class: "mistake", role: "alert", dir: "auto" }, refused.message.split("\n", 1)[0]),
    h(
      "footer",
      {},
      h("button", { type: "button", onClick: onClose }, "Cancel"),
      h("button", { class: "primary", disabled: busy || nothing || mistake !== "" || !report.passed }, `Promote to ${shown}`),
    ),
    !report.passed && !mistake && !nothing && (mayForce ? h(ForceForm, { model, target: named, busy, onForce: promote }) : h("p", { class: "quiet small" }, "Who manages this model may promote it all the same, with a reason that is kept in the log.")),
  );
}

/** @param {{value: string, chosen: string, onChoose: (value: string) => void, children?: import("../vendor/preact.js").ComponentChildren}} props */
function Choice({ value, chosen, onChoose, children }) {
  return h("label", { class: "choice" }, h("input", { type: "radio", name: "target", checked: chosen === value, onChange: () => onChoose(value) }), h("span", {}, children));
}
