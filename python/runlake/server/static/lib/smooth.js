// Smoothing of curves: what is drawn instead of noise, beside the faint line of what was measured.
// @ts-check

/** @typedef {number | null | undefined} Value undefined: no point there; null: points, but none that is finite */
/** @typedef {{kind: "ema" | "gauss", amount: number}} Smoothing amount: a weight below 1, or a width in buckets */

/** Bounds of the amount, by kind. */
export const AMOUNTS = Object.freeze({ ema: { low: 0, high: 0.999, usual: 0.6 }, gauss: { low: 0, high: 50, usual: 3 } });

const REACH = 3; // widths beyond which a Gaussian weighs nothing

/**
 * Read how to smooth; null is not at all.
 *
 * @param {string} text `ema:0.6` or `gauss:3`
 * @returns {Smoothing | null}
 */
export function parseSmoothing(text) {
  const [, kind, digits] = /^(ema|gauss):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (kind !== "ema" && kind !== "gauss") return null;
  const { low, high } = AMOUNTS[kind];
  const amount = Math.min(high, Math.max(low, Number(digits)));
  return amount > 0 ? { kind, amount } : null;
}

/**
 * @param {readonly Value[]} values
 * @param {Smoothing | null} how
 * @returns {readonly Value[]} of the same length; what is missing stays missing
 */
export function smooth(values, how) {
  if (!how) return values;
  return how.kind === "ema" ? ema(values, how.amount) : gauss(values, how.amount);
}

/**
 * Exponential moving average without the bias towards 0 of its beginning.
 *
 * Source: TensorBoard's line chart, and Adam's moments (Kingma and Ba, 2015): the mean so far with weights `weight ** age`.
 *
 * @param {readonly Value[]} values
 * @param {number} weight of what came before, from 0 to below 1
 * @returns {Value[]}
 */
export function ema(values, weight) {
  let moving = 0;
  let share = 1;
  return values.map((value) => {
    if (value === null || value === undefined) return value;
    moving = moving * weight + (1 - weight) * value;
    share *= weight;
    return moving / (1 - share);
  });
}

/**
 * Mean of the points around each, weighed by a Gaussian of their distance; at the ends of those that there are.
 *
 * @param {readonly Value[]} values
 * @param {number} sigma in buckets
 * @returns {Value[]}
 */
export function gauss(values, sigma) {
  if (sigma <= 0) return [...values];
  const reach = Math.ceil(REACH * sigma);
  const weights = Float64Array.from({ length: reach + 1 }, (_, distance) => Math.exp(-0.5 * (distance / sigma) ** 2));
  return values.map((value, at) => {
    if (value === null || value === undefined) return value;
    let sum = 0;
    let weight = 0;
    for (let i = Math.max(0, at - reach); i <= Math.min(values.length - 1, at + reach); i += 1) {
      const other = values[i];
      if (other === null || other === undefined) continue;
      sum += other * weights[Math.abs(i - at)];
      weight += weights[Math.abs(i - at)];
    }
    return sum / weight;
  });
}
