// Raster of parallel coordinates: counts of pairs of bins as the density of the lines that they stand for.
//
// A pair of bins is a band from one axis to the next, over whose height its runs are spread evenly. Each column of
// pixels gets the beginning and the end of each band, and is then summed up from above: the cost of a band does not
// depend on how high it is, and every column holds all of its runs.
// @ts-check

/** @typedef {{a: ArrayLike<number>, b: ArrayLike<number>, count: ArrayLike<number>, mean?: ArrayLike<number>}} Cells pairs of bins and how many runs are in them */

/** @typedef {{width: number, height: number, left: ArrayLike<number>, right: ArrayLike<number>}} Frame size in pixels, and the edges of the bins of both axes: see `Placed` */

const LEAST = 0.75; // pixels that a band is high at least
const MANY = 10_000; // bands that lie on each other so much that one column of pixels is nearly the next one

/** How many columns show what there is between two axes. @param {Cells} cells @param {number} width in pixels */
export function columnsOf(cells, width) {
  return Math.max(1, Math.round(cells.count.length > MANY ? width / 2 : width));
}

/**
 * Count the runs that pass each pixel.
 *
 * @param {Cells} cells
 * @param {Frame} frame
 * @param {ArrayLike<number>} [weights] of the cells, instead of their counts
 * @returns {Float32Array} column by column, each from above; a column sums up to the number of runs
 */
export function density(cells, { width, height, left, right }, weights = cells.count) {
  const bands = { a: new Uint16Array(cells.a), b: new Uint16Array(cells.b), weights: new Float64Array(weights) };
  const [before, behind] = [new Float64Array(left.length), new Float64Array(right.length)];
  const sums = new Float64Array(height + 2); // what begins has to end again to the last digit
  const found = new Float32Array(width * height);
  for (let x = 0; x < width; x += 1) {
    const t = (x + 0.5) / width;
    for (let i = 0; i < before.length; i += 1) before[i] = left[i] * (1 - t);
    for (let i = 0; i < behind.length; i += 1) behind[i] = right[i] * t;
    sums.fill(0);
    mark(sums, height, bands, before, behind);
    let sum = 0;
    for (let y = 0; y < height; y += 1) {
      sum += sums[y];
      found[x * height + y] = sum;
    }
  }
  return found;
}

/**
 * Note where each band begins and ends in one column of pixels. Nearly all the time goes here: a column fits the fastest memory,
 * and a band is two numbers of bins and a weight.
 *
 * @param {Float64Array} sums
 * @param {number} last
 * @param {{a: Uint16Array, b: Uint16Array, weights: Float64Array}} bands
 * @param {Float64Array} before what the edges at the left axis add to the height of a band in this column
 * @param {Float64Array} behind what those at the right axis do
 */
function mark(sums, last, { a, b, weights }, before, behind) {
  for (let i = 0; i < weights.length; i += 1) {
    const one = 2 * a[i];
    const other = 2 * b[i];
    let from = before[one] + behind[other];
    let to = before[one + 1] + behind[other + 1];
    if (to - from < LEAST) {
      from = (from + to - LEAST) / 2;
      to = from + LEAST;
    }
    const each = weights[i] / (to - from);
    if (from < 0) from = 0;
    else if (from > last) from = last;
    if (to < 0) to = 0;
    else if (to > last) to = last;
    const y0 = from | 0;
    const y1 = to | 0;
    // Pixel `y0` is covered from `from` on, pixel `y1` up to `to`.
    const late = each * (from - y0);
    const early = each * (to - y1);
    sums[y0] += each - late;
    sums[y0 + 1] += late;
    sums[y1] -= each - early;
    sums[y1 + 1] -= early;
  }
}

/**
 * The density that is drawn in full: nearly the highest, so that a single heap does not make all else pale.
 *
 * @param {Float32Array} found
 */
export function peakOf(found) {
  const some = [];
  const step = Math.max(1, Math.floor(found.length / 8000));
  for (let i = 0; i < found.length; i += step) if (found[i] > 1e-3) some.push(found[i]);
  return Float32Array.from(some).sort()[Math.floor(some.length * 0.985)] ?? 1;
}

/** @typedef {{red: number, green: number, blue: number, low: number, high: number}} Tone a colour, and how opaque it is where least and most runs pass */

/**
 * A table from density, by its root so that a few runs show beside thousands, to opacity.
 *
 * @param {Tone} tone
 */
function opacities(tone) {
  const steps = new Float32Array(1025);
  for (let i = 1; i < steps.length; i += 1) steps[i] = tone.low + (tone.high - tone.low) * (i / 1024) ** 0.9;
  return steps;
}

/**
 * Paint densities, those of some runs over those of all.
 *
 * @param {{all: Float32Array | null, some: Float32Array, sums: Float32Array | null}} found `sums`: of the colours of `some`, from 0 to 1 each
 * @param {{width: number, height: number}} size
 * @param {{all: Tone, some: Tone, ramp: Uint8ClampedArray | null}} ink `ramp`: 256 colours of three bytes, for `sums`
 * @returns {Uint8ClampedArray<ArrayBuffer>} pixels, row by row
 */
export function paint(found, { width, height }, ink) {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const [faint, strong] = [opacities(ink.all), opacities(ink.some)];
  const [allPeak, somePeak] = [found.all ? peakOf(found.all) : 1, peakOf(found.some)];
  const { all: behind, some: before } = ink;
  const ramp = found.sums ? ink.ramp : null;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      const at = x * height + y;
      const some = found.some[at];
      const over = some > 1e-4 ? strong[step(some / somePeak)] : 0;
      const under = found.all && found.all[at] > 1e-4 ? faint[step(found.all[at] / allPeak)] * (1 - over) : 0;
      const whole = over + under;
      if (whole === 0) continue;
      const out = 4 * (y * width + x);
      const shade = found.sums ? 3 * Math.min(255, Math.max(0, Math.round((found.sums[at] / some) * 255))) : 0;
      pixels[out] = ((ramp ? ramp[shade] : before.red) * over + behind.red * under) / whole;
      pixels[out + 1] = ((ramp ? ramp[shade + 1] : before.green) * over + behind.green * under) / whole;
      pixels[out + 2] = ((ramp ? ramp[shade + 2] : before.blue) * over + behind.blue * under) / whole;
      pixels[out + 3] = 255 * whole;
    }
  }
  return pixels;
}

/** @param {number} part of the highest density */
function step(part) {
  return part >= 1 ? 1024 : Math.max(1, Math.ceil(Math.sqrt(part) * 1024));
}
