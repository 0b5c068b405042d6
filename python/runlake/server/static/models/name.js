// Name: where nobody signs in, the reader says who they are; the log keeps it.
// @ts-check
import { h } from "../vendor/preact.js";
import { remember, who } from "../state/who.js";

const LONGEST = 200;

/** @param {{user: string | null}} props user: who is signed in; nothing has to be said then */
export function YourName({ user }) {
  if (user !== null) return null;
  return h(
    "label",
    { class: "row small quiet" },
    "Your name, for the log",
    h("input", { type: "text", value: who.value, maxLength: LONGEST, autocomplete: "name", placeholder: "somebody", onInput: (/** @type {any} */ event) => remember(event.target.value) }),
  );
}
