// Force: what it takes to promote a version that its gate refuses. It has to be written out, with a reason.
// @ts-check
import { h, useState } from "../vendor/preact.js";

/** @param {{model: string, target: string, busy: boolean, onForce: (reason: string) => void}} props */
export function ForceForm({ model, target, busy, onForce }) {
  const [reason, setReason] = useState("");
  const [written, setWritten] = useState("");
  const ready = reason.trim() !== "" && written === model && !busy;
  /** Return sends the form that this is in; here it does nothing. @param {KeyboardEvent} event */
  const onKeyDown = (event) => event.key === "Enter" && event.preventDefault();
  return h(
    "details",
    { class: "force" },
    h("summary", {}, "Promote it all the same"),
    h("p", {}, "Its gate is there so that nobody has to remember what is written in it. Who you are, your reason and each rule that is not met are kept in the log."),
    h("label", {}, "Reason", h("input", { type: "text", value: reason, onKeyDown, onInput: (/** @type {any} */ event) => setReason(event.target.value) })),
    h("label", {}, "To go on, write ", h("bdi", { class: "said" }, model), h("input", { type: "text", value: written, autocomplete: "off", spellcheck: false, onKeyDown, onInput: (/** @type {any} */ event) => setWritten(event.target.value) })),
    h("button", { type: "button", class: "danger", disabled: !ready, onClick: () => onForce(reason.trim()) }, `Promote to ${target} by force`),
  );
}
