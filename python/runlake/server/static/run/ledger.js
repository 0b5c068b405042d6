// Ledger of a run: what became of every point that it accepted, in words, and what is proven to be missing.
// @ts-check
import { h } from "../vendor/preact.js";
import { count, plural, time } from "../lib/format.js";
import { Icon } from "../parts/icon.js";
import { useHere } from "./run.js";

/** @typedef {import("./run.js").KeyLedger} KeyLedger */

const REASONS = /** @type {Record<string, string>} */ ({
  throttled: "left out by a throttling policy",
  "no space": "dropped for want of space on the disk",
  backlog: "dropped while too many points waited to be sealed",
  late: "dropped because a file was not made in time",
});

export default function Ledger() {
  const { ledger, gaps } = useHere().run;
  const whole = ledger.keys.length === 0 && gaps.length === 0;
  return h(
    "section",
    { class: "ledger", "aria-label": "Ledger" },
    h("p", { class: whole ? "verdict good" : "verdict" }, h(Icon, { name: whole ? "check" : "info" }), whole
      ? ledger.accepted === 0 ? "No points have been logged." : `All ${count(ledger.accepted)} points that were logged are stored.`
      : summary(ledger)),
    gaps.length > 0 && h(Gaps, { gaps }),
    ledger.keys.length > 0 && h(Keys, { keys: ledger.keys }),
  );
}

/** @param {import("./run.js").Ledger} ledger */
function summary({ accepted, stored, merged, dropped, in_flight: waiting }) {
  const parts = [`${count(stored)} are stored as they were logged`];
  if (merged) parts.push(`${count(merged)} are part of the average, least and greatest of a stored point`);
  if (dropped) parts.push(`${count(dropped)} were dropped; only their summary is kept`);
  if (waiting) parts.push(`${count(waiting)} will be stored or merged with the next ones`);
  return `Of ${plural(accepted, "point")} that were logged, ${parts.join(", ")}.`;
}

/** @param {{gaps: readonly import("./run.js").Gap[]}} props */
function Gaps({ gaps }) {
  return h(
    "section",
    { "aria-labelledby": "gaps" },
    h("h2", { id: "gaps" }, "Missing points"),
    h("ul", { class: "plain-list" }, gaps.map(({ points, exact, reason, file, last_verified_ms: verified, found_ms: found }, i) =>
      h(
        "li",
        { key: i },
        h("strong", {}, points === 0 ? "Some points" : `${exact ? "" : "At most "}${plural(points, "point")}`), ` of this run cannot be read: ${reason} (`, h("code", { dir: "auto" }, file), "). ",
        verified !== null && `What was logged before ${time(verified)} is there. `,
        h("span", { class: "quiet" }, `Found ${time(found)}.`),
      ))),
  );
}

/** @param {{keys: readonly KeyLedger[]}} props */
function Keys({ keys }) {
  return h(
    "div",
    {},
    h("h2", { id: "merged" }, "Metrics of which not every point is stored by itself"),
    h(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", "aria-labelledby": "merged" },
      h(
        "table",
        { class: "list" },
        h("thead", {}, h("tr", {}, ["Metric", "Logged", "Stored", "Merged", "Dropped", "Where"].map((name, i) => h("th", { key: name, scope: "col", class: i > 0 && i < 5 ? "number" : "" }, name)))),
        h("tbody", {}, keys.map((one) => h(Row, { key: one.key, one }))),
      ),
    ),
  );
}

/** @param {{one: KeyLedger}} props */
function Row({ one }) {
  const dropped = Object.values(one.dropped).reduce((sum, n) => sum + n, 0);
  return h(
    "tr",
    {},
    h("th", { scope: "row", dir: "auto" }, one.key),
    [one.accepted, one.stored, one.merged, dropped].map((n, i) => h("td", { key: i, class: "number" }, count(n))),
    h(
      "td",
      {},
      one.stretches.map(({ reason, points, first_step: first, last_step: last }, i) =>
        h("div", { key: i }, `${plural(points, "point")} at ${first === last ? `step ${first}` : `steps ${first} to ${last}`}: ${REASONS[reason] ?? reason}`)),
      one.in_flight > 0 && h("div", { class: "quiet" }, `${count(one.in_flight)} not decided yet`),
    ),
  );
}
