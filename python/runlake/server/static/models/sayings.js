// Sayings: what people and pipelines have said of a version, and the reader's own word.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { send } from "../lib/api.js";
import { since, time } from "../lib/format.js";
import { complain, say } from "../state/toasts.js";
import { asMe, who } from "../state/who.js";
import { apiPath } from "./address.js";
import { YourName } from "./name.js";

/** @typedef {import("./types.js").Version} Version */
/** @typedef {import("./types.js").Target} Target */

/** @param {{model: string, version: Version, targets: readonly Target[], user: string | null, may: boolean, onDone: () => void}} props user: who is signed in; may: approve */
export function Sayings({ model, version, targets, user, may, onDone }) {
  const asked = targets.filter((target) => target.gate?.approvals).map((target) => target.target);
  const { approvals, checks } = version;
  if (approvals.length === 0 && checks.length === 0 && asked.length === 0) return null;
  return h(
    "section",
    { class: "plate", "aria-labelledby": "said-title" },
    h("h2", { id: "said-title" }, "Approvals and checks"),
    h(
      "ul",
      { class: "log" },
      approvals.map((one) => h("li", { key: `${one.target} ${one.user_id}` }, h("div", {}, h("bdi", { class: "who" }, one.user_id), " approves of it for ", h("bdi", { class: "said" }, one.target), h(At, { ms: one.at_ms }), one.comment && h("blockquote", { class: "small", dir: "auto" }, one.comment)))),
      checks.map((one) => h("li", { key: one.check }, h("div", {}, h("span", { class: `chip ${one.passed ? "good" : "bad"}` }, one.passed ? "passed" : "failed"), " ", h("bdi", { class: "said" }, one.check), h("span", { class: "quiet" }, " by ", h("bdi", {}, one.user_id ?? "somebody")), h(At, { ms: one.at_ms }), one.details && h("blockquote", { class: "small", dir: "auto" }, one.details)))),
    ),
    may && asked.length > 0 && h(YourName, { user }),
    may && asked.length > 0 && h(Approve, { model, version: version.version, asked, ready: user !== null || who.value.trim() !== "", onDone }),
  );
}

/** @param {{ms: number}} props */
function At({ ms }) {
  return h("time", { class: "quiet small", dateTime: new Date(ms).toISOString(), title: time(ms) }, ` ${since(ms)}`);
}

/** @param {{model: string, version: number, asked: readonly string[], ready: boolean, onDone: () => void}} props ready: it is known who approves */
function Approve({ model, version, asked, ready, onDone }) {
  const [target, setTarget] = useState(asked[0]);
  const [comment, setComment] = useState("");
  /** @param {Event} event */
  const onSubmit = async (event) => {
    event.preventDefault();
    await send("POST", apiPath(model, "versions", version, "approvals"), { target, comment: comment.trim() || null, ...asMe() }).then(() => {
      say(`You approve of version ${version} for ${target}.`);
      setComment("");
      onDone();
    }, complain);
  };
  return h(
    "form",
    { class: "row", onSubmit },
    h("select", { "aria-label": "For", value: target, onChange: (/** @type {any} */ event) => setTarget(event.target.value) }, asked.map((one) => h("option", { key: one, value: one }, one))),
    h("input", { type: "text", "aria-label": "Comment", placeholder: "Why", value: comment, onInput: (/** @type {any} */ event) => setComment(event.target.value) }),
    h("button", { disabled: !ready }, "Approve"),
  );
}
