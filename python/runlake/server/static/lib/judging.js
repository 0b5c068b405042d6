// By what runs are judged, as names tell it: metrics of held-out data before others, those of the machine last.
// @ts-check

/** @typedef {{key: string, runs: number}} Known a metric, and how many runs have it */

const HELD_OUT = /(^|[^a-z])(val|valid|validation|test|eval|dev|holdout)([^a-z]|$)/i;
const MACHINE = "system/";

/**
 * Metrics in the order in which somebody who knows nothing of them should see them.
 *
 * @template {Known} T
 * @param {readonly T[]} metrics
 * @returns {T[]}
 */
export function byJudgement(metrics) {
  return [...metrics].sort((a, b) => rank(a.key) - rank(b.key) || b.runs - a.runs);
}

/** Whether a parameter is there to be different, and explains nothing. @param {string} key */
export function isSeed(key) {
  return /(^|[^a-z])seed([^a-z]|$)/i.test(key);
}

const UPWARDS = /(^|[^a-z])(acc|accuracy|auc|auroc|auprc|roc_auc|ap|map|f1|score|precision|recall|r2|iou|dice|bleu|rouge|reward|return|wins?)([^a-z]|$)/i;

/** Whether more of a metric is better, as far as its name tells. @param {string} key */
export function isGain(key) {
  return UPWARDS.test(key);
}

/** @param {string} key */
function rank(key) {
  if (key.startsWith(MACHINE)) return 2;
  return HELD_OUT.test(key) ? 0 : 1;
}
