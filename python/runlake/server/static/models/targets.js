// Targets: what services load from, a stage or an alias; what it means now, and what a promotion would change.
// @ts-check
import { plural } from "../lib/format.js";

/** @typedef {import("./types.js").Target} Target */
/** @typedef {import("./types.js").Gate} Gate */
/** @typedef {import("./types.js").Report} Report */

const MOST_NAMED = 5;
const MOST_OFFERED = 20;
const ALIAS = /^[\w-]{1,255}$/;
const RESERVED = /^(latest|v\d+)$/i;

/** Names of rules, as people say them. @type {Record<string, string>} */
const RULES = {
  require: "Filter", signature: "Signature", pinned_environment: "Pinned environment", tags: "Tag", better_than: "Better than",
  approvals: "Approvals", check: "Check",
};

/** @param {string} rule */
export function ruleName(rule) {
  return RULES[rule] ?? rule;
}

/** @param {string} target */
export function isAlias(target) {
  return target.startsWith("@");
}

/** What is wrong with the name of a new alias; nothing when it may be one. @param {string} alias without its @ */
export function aliasMistake(alias) {
  if (!ALIAS.test(alias)) return "An alias has letters, digits, _ and - only.";
  return RESERVED.test(alias) ? `“${alias}” means something already.` : "";
}

/** Versions as a list: version 3; versions 3, 2 and 1; and how many more. @param {readonly number[]} versions the first of them @param {number} [total] */
export function listed(versions, total = versions.length) {
  const named = versions.slice(0, MOST_NAMED);
  const rest = total - named.length;
  const word = total === 1 ? "version" : "versions";
  if (rest > 0) return `${word} ${named.join(", ")} and ${plural(rest, "other")}`;
  return named.length < 2 ? `${word} ${named.join()}` : `${word} ${named.slice(0, -1).join(", ")} and ${named.at(-1)}`;
}

/** Who a target means now, as a sentence. @param {Target} target */
export function heldBy({ target, holders, held }) {
  if (held === 0) return isAlias(target) ? "It means no version yet." : "No version is there.";
  return isAlias(target) ? `It means ${listed(holders)}.` : `${capital(listed(holders, held))} ${held === 1 ? "is" : "are"} there.`;
}

/**
 * What a promotion would change, as sentences.
 *
 * @param {Target} target
 * @param {number} version
 * @param {{stage: string, archive: boolean}} how the stage that the version is in, and whether others go to Archived
 * @returns {string[]}
 */
export function consequences({ target, holders, held }, version, { stage, archive }) {
  const others = holders.filter((one) => one !== version);
  const count = held - (holders.length - others.length);
  if (holders.includes(version) && (isAlias(target) || !archive || count === 0)) return [`Nothing: version ${version} is ${target} already.`];
  if (isAlias(target)) return [count ? `${target} means ${listed(others)} now; it will mean version ${version}.` : `${target} will mean version ${version}.`];
  const moves = [stage === target ? `Version ${version} stays in ${target}.` : `Version ${version} moves from ${stage === "None" ? "no stage" : stage} to ${target}.`];
  if (count) moves.push(archive ? `${capital(listed(others, count))} ${count === 1 ? "goes" : "go"} from ${target} to Archived.` : `${capital(listed(others, count))} ${count === 1 ? "stays" : "stay"} there as well.`);
  return moves;
}

/** What a gate came to, in a few words. @param {Report | null} report */
export function verdict(report) {
  if (!report || report.rules.length === 0) return "No gate";
  const unmet = report.rules.filter((rule) => !rule.met).length;
  if (unmet === 0) return report.rules.length === 1 ? "Its rule is met" : `All ${report.rules.length} rules are met`;
  return `${unmet} of ${plural(report.rules.length, "rule")} ${unmet === 1 ? "is" : "are"} not met`;
}

/** Rules that are not met first, as a reader wants them. @param {Report} report */
export function unmetFirst(report) {
  return [...report.rules].sort((a, b) => Number(a.met) - Number(b.met));
}

/** What a gate demands, rule by rule. @param {Gate} gate @returns {{rule: string, demanded: string}[]} */
export function demands(gate) {
  return [
    ...(gate.require ? [{ rule: "require", demanded: gate.require }] : []),
    ...(gate.signature ? [{ rule: "signature", demanded: "the model has a signature" }] : []),
    ...(gate.pinned_environment ? [{ rule: "pinned_environment", demanded: "each requirement has one version" }] : []),
    ...gate.tags.map((tag) => ({ rule: "tags", demanded: `tag ${tag} is set` })),
    ...(gate.better_than ? [{ rule: "better_than", demanded: gate.better_than }] : []),
    ...(gate.approvals ? [{ rule: "approvals", demanded: `approved by ${plural(gate.approvals, "user")}` }] : []),
    ...gate.checks.map((check) => ({ rule: "check", demanded: `${check} passed` })),
  ];
}

/** The target that a version is most likely to be promoted to: one that it does not hold and whose gate lets it, before others. @param {readonly Target[]} targets @param {number} version */
export function firstChoice(targets, version) {
  const open = targets.filter((target) => !target.holders.includes(version));
  const found = open.find(({ gate, report }) => gate && report?.passed) ?? open.find(({ gate }) => gate) ?? open.find(({ target }) => target === "Production") ?? open[0];
  return found?.target ?? "Production";
}

/** Targets with gates first. @param {readonly Target[]} targets */
export function gatedFirst(targets) {
  return [...targets].sort((a, b) => Number(b.gate !== null) - Number(a.gate !== null));
}

/**
 * Versions that may be meant by what is written of a number, those that services load and the latest before others.
 *
 * @param {string} text nothing: none but those
 * @param {number} latest
 * @param {readonly Target[]} targets
 * @returns {{value: string, detail: string}[]}
 */
export function versionsLike(text, latest, targets) {
  const said = text.trim();
  const found = new Set([latest, ...targets.flatMap((target) => target.holders)].filter((one) => String(one).startsWith(said)));
  for (let one = Number(said); said && one <= latest && found.size < MOST_OFFERED; one += 1) {
    if (one > 0 && String(one).startsWith(said)) found.add(one);
  }
  return [...found].map((one) => {
    const holds = targets.filter((target) => target.holders.includes(one)).map((target) => target.target);
    return { value: String(one), detail: [...(one === latest ? ["latest"] : []), ...holds].join(", ") };
  });
}

/** The metric that gates compare versions by, as a column; empty when none does. @param {readonly Target[]} targets */
export function comparedMetric(targets) {
  for (const { gate } of targets) {
    const found = /\bby\s+(?:max|min)\s*\((.+)\)\s*$/i.exec(gate?.better_than ?? "");
    if (found) return found[1].trim();
  }
  return "";
}

/** @param {string} text */
function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
