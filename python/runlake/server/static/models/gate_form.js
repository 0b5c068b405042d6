// Gate form: the rules of a stage or an alias, set, changed and removed by who manages the model.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { send } from "../lib/api.js";
import { Dialog } from "../parts/dialog.js";
import { say } from "../state/toasts.js";
import { asMe } from "../state/who.js";
import { apiPath } from "./address.js";
import { YourName } from "./name.js";

/** @typedef {import("./types.js").Gate} Gate */
/** @typedef {import("./types.js").Target} Target */
/** @typedef {{model: string, target: Target, user: string | null, onDone: () => void, onClose: () => void}} Props user: who is signed in */

/** @type {Pick<Gate, "require" | "signature" | "pinned_environment" | "better_than" | "approvals">} */
const NONE = { require: null, signature: false, pinned_environment: false, better_than: null, approvals: 0 };

/** @param {Props} props */
export function GateForm({ model, target, user, onDone, onClose }) {
  // what is typed stays as it is typed: the page is drawn again whenever something happens to the model
  const [rules, setRules] = useState(() => ({ ...NONE, ...target.gate, tags: target.gate?.tags.join(", ") ?? "", checks: target.gate?.checks.join(", ") ?? "" }));
  const [mistake, setMistake] = useState("");
  const there = target.gate !== null;
  const path = apiPath(model, "gates", target.target);

  /** @param {Promise<unknown>} work @param {string} said */
  const attempt = async (work, said) => {
    setMistake("");
    await work.then(
      () => {
        say(said);
        onDone();
        onClose();
      },
      (error) => setMistake([error.message, error.hint].filter(Boolean).join(" ")),
    );
  };
  /** @param {Event} event */
  const onSubmit = (event) => {
    event.preventDefault();
    const { require, signature, pinned_environment, tags, better_than, approvals, checks } = rules;
    const said = { require: require?.trim() || null, signature, pinned_environment, better_than: better_than?.trim() || null, approvals, tags: names(tags), checks: names(checks) };
    attempt(send("PUT", path, { ...said, ...asMe() }), `${target.target} of ${model} has its gate.`);
  };
  const onRemove = () => attempt(send("DELETE", path, asMe()), `${target.target} of ${model} has no gate any more.`);
  /** @param {Partial<typeof rules>} some */
  const put = (some) => setRules((now) => ({ ...now, ...some }));
  return h(
    Dialog,
    { title: `Gate of ${target.target}`, onClose, wide: true },
    h(
      "form",
      { class: "gate-form", onSubmit },
      h("p", { class: "quiet" }, "What a version has to fulfil before services load it from here. What is here already stays, whatever is demanded."),
      h(Text, { label: "Filter on its run", hint: "metrics.val_auc > 0.89 AND metrics.calibration_error < 0.03", value: rules.require ?? "", onText: (require) => put({ require }) }),
      h(Text, { label: "Better than", hint: `${target.target} by max(metrics.val_auc)`, value: rules.better_than ?? "", onText: (better_than) => put({ better_than }) }),
      h(Text, { label: "Tags that are set", hint: "data_snapshot, git_commit", value: rules.tags, onText: (tags) => put({ tags }) }),
      h(Text, { label: "Checks that passed", hint: "shadow-7d", value: rules.checks, onText: (checks) => put({ checks }) }),
      h("label", { class: "row" }, "Approved by", h("input", { type: "number", min: 0, max: 100, value: rules.approvals, onInput: (/** @type {any} */ event) => put({ approvals: Number(event.target.value) || 0 }) }), "users besides who promotes"),
      h(Flag, { label: "Its model has a signature", checked: rules.signature, onFlag: (signature) => put({ signature }) }),
      h(Flag, { label: "Its environment is pinned: each requirement has one version", checked: rules.pinned_environment, onFlag: (pinned_environment) => put({ pinned_environment }) }),
      h(YourName, { user }),
      mistake && h("p", { class: "mistake", role: "alert", dir: "auto" }, mistake),
      h(
        "footer",
        {},
        there && h("button", { type: "button", class: "danger", onClick: onRemove }, "Remove the gate"),
        h("span", { class: "spacer" }),
        h("button", { type: "button", onClick: onClose }, "Cancel"),
        h("button", { class: "primary" }, there ? "Replace the gate" : "Set the gate"),
      ),
    ),
  );
}

/** @param {{label: string, hint: string, value: string, onText: (text: string) => void}} props */
function Text({ label, hint, value, onText }) {
  return h("label", { class: "gate-text" }, label, h("input", { type: "text", value, placeholder: hint, spellcheck: false, autocomplete: "off", dir: "auto", onInput: (/** @type {any} */ event) => onText(event.target.value) }));
}

/** @param {{label: string, checked: boolean, onFlag: (checked: boolean) => void}} props */
function Flag({ label, checked, onFlag }) {
  return h("label", { class: "row" }, h("input", { type: "checkbox", checked, onChange: (/** @type {any} */ event) => onFlag(event.target.checked) }), label);
}

/** Names in a list with commas. @param {string} text */
function names(text) {
  return [...new Set(text.split(",").map((name) => name.trim()).filter(Boolean))];
}
