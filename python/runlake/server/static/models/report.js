// Report: what a gate demands and what it found, rule by rule.
// @ts-check
import { h } from "../vendor/preact.js";
import { Icon } from "../parts/icon.js";
import { demands, ruleName, unmetFirst, verdict } from "./targets.js";

/** @typedef {import("./types.js").Report} Report */
/** @typedef {import("./types.js").Gate} Gate */

/** What was found, with the reason of every rule. @param {{report: Report}} props */
export function Rules({ report }) {
  if (report.rules.length === 0) return h("p", { class: "quiet" }, "It has no gate: every version may become it.");
  return h(
    "ul",
    { class: "rules" },
    unmetFirst(report).map((rule, i) =>
      h(
        "li",
        { key: i, class: rule.met ? "met" : "unmet" },
        h(Icon, { name: rule.met ? "check" : "x" }),
        h(
          "div",
          {},
          h("div", {}, h("span", { class: "visually-hidden" }, rule.met ? "Met: " : "Not met: "), h("strong", {}, ruleName(rule.rule)), " ", h("bdi", {}, rule.demanded)),
          h("div", { class: "quiet", dir: "auto" }, rule.actual),
        ),
      ),
    ),
  );
}

/** What is demanded, where there is no version to judge. @param {{gate: Gate}} props */
export function Demands({ gate }) {
  return h(
    "ul",
    { class: "rules" },
    demands(gate).map(({ rule, demanded }, i) => h("li", { key: i }, h(Icon, { name: "filter" }), h("div", {}, h("strong", {}, ruleName(rule)), " ", h("bdi", {}, demanded)))),
  );
}

/** In a word whether a version may become what it is about. @param {{report: Report | null}} props */
export function Verdict({ report }) {
  const text = verdict(report);
  const tone = !report || report.rules.length === 0 ? "" : report.passed ? "good" : "bad";
  return h("span", { class: `chip ${tone}` }, text);
}
