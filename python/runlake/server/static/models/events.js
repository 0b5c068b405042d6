// Events of the registry as sentences: who did what, and why.
// @ts-check
import { plural } from "../lib/format.js";
import { listed } from "./targets.js";

/** @typedef {import("./types.js").Event} Event */
/** @typedef {string | {said: string} | {version: number}} Part said: what somebody has written, which may be anything; version: a link */
/** @typedef {{icon: string, parts: Part[], quote: string, rules: import("./types.js").Rule[], forced: string}} Told quote: a longer text of theirs; forced: the reason, when a gate was overridden */

/**
 * What an event tells; who did it stands before it.
 *
 * @param {Event} event
 * @returns {Told}
 */
export function told(event) {
  const tell = TELLERS[event.action];
  const { icon = "info", parts, quote = "" } = tell ? tell(event.payload, event) : { parts: [event.action.replaceAll("_", " ")] };
  return { icon, parts, quote, rules: event.payload.gate ?? [], forced: event.payload.forced ?? "" };
}

/** @typedef {{icon?: string, parts: Part[], quote?: string}} Telling */

/** @type {Record<string, (payload: Record<string, any>, event: Event) => Telling>} */
const TELLERS = {
  create_model: (said) => ({ icon: "plus", parts: ["made the model"], quote: said.description ?? "" }),
  rename_model: (said, event) => ({ icon: "tag", parts: ["renamed the model from ", { said: event.name }, " to ", { said: said.new_name }] }),
  update_model: (said) => ({ icon: "file", parts: ["described the model anew"], quote: said.description ?? "" }),
  delete_model: () => ({ icon: "trash-2", parts: ["deleted the model"] }),
  set_model_tag: (said) => ({ icon: "tag", parts: ["set the tag ", { said: said.key }, " to ", { said: said.value }] }),
  delete_model_tag: (said) => ({ icon: "tag", parts: ["removed the tag ", { said: said.key }] }),
  create_version: (_, event) => ({ icon: "package", parts: ["registered ", ...version(event)] }),
  update_version: (said, event) => ({ icon: "file", parts: ["described ", ...version(event), " anew"], quote: said.description ?? "" }),
  delete_version: (said, event) => ({ icon: "trash-2", parts: [`deleted version ${event.version}`, ...(said.stage && said.stage !== "None" ? [` of ${said.stage}`] : [])] }),
  set_version_tag: (said, event) => ({ icon: "tag", parts: ["set the tag ", { said: said.key }, " of ", ...version(event), " to ", { said: said.value }] }),
  delete_version_tag: (said, event) => ({ icon: "tag", parts: ["removed the tag ", { said: said.key }, " of ", ...version(event)] }),
  move_version: (said, event) => ({ icon: "git-branch", parts: ["moved ", ...version(event), ` ${way(said.before, said.stage)}`, ...archived(said.archived ?? [])] }),
  set_alias: (said, event) => ({ icon: "star", parts: ["let ", { said: `@${said.alias}` }, " mean ", ...version(event), ...(said.before ? [" instead of ", ...version({ version: said.before })] : [])] }),
  delete_alias: (said, event) => ({ icon: "star", parts: ["took ", { said: `@${said.alias}` }, " from ", ...version(event)] }),
  set_gate: (said) => ({ icon: "filter", parts: [`set the gate of `, { said: said.target }, ` with ${plural(rulesOf(said.rules ?? {}), "rule")}`], quote: said.rules?.require ?? "" }),
  delete_gate: (said) => ({ icon: "filter", parts: ["removed the gate of ", { said: said.target }] }),
  approve_version: (said, event) => ({ icon: "check", parts: ["approved of ", ...version(event), " for ", { said: said.target }], quote: said.comment ?? "" }),
  post_check: (said, event) => ({ icon: said.passed ? "check" : "x", parts: ["said that ", ...version(event), said.passed ? " passes " : " fails ", { said: said.check }], quote: said.details ?? "" }),
};

/** @param {{version: number | null}} event @returns {Part[]} */
function version(event) {
  return event.version === null ? [] : [{ version: event.version }];
}

/** @param {string} before @param {string} stage */
function way(before, stage) {
  if (stage === "None") return `out of ${before}`;
  return before === "None" ? `to ${stage}` : `from ${before} to ${stage}`;
}

/** @param {number[]} versions @returns {Part[]} */
function archived(versions) {
  return versions.length ? [`, and ${listed(versions)} to Archived`] : [];
}

/** @param {Record<string, any>} rules */
function rulesOf(rules) {
  return Object.values(rules).reduce((sum, value) => sum + (Array.isArray(value) ? value.length : value ? 1 : 0), 0);
}
