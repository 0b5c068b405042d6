// Clauses of the filter language that a brush on an axis is, and back. What is written is read by the server as it is
// meant, whatever a value has in it; what is not read here is a clause all the same, and only has no handles.
// @ts-check
import { tokens } from "./clause_tokens.js";
import { LONGEST_PATTERN, escaped, numberText, quoted } from "./quoting.js";

/**
 * What is chosen on an axis: a range of numbers, in which null is no bound; or values, or all but these; and whether
 * runs that have no place on the axis are chosen as well.
 *
 * @typedef {{range: [number | null, number | null] | null, values: readonly string[] | null, except: boolean, missing: boolean}} Brush
 */

/**
 * What a clause has to know of its axis.
 *
 * @typedef {{name: string, scale: string, unplaced: number}} About `unplaced`: how many runs have a value that is not on the scale
 */

/** @type {Brush} */
export const NOTHING = Object.freeze({ range: null, values: null, except: false, missing: false });

const LARGEST = Number.MAX_VALUE;
const SMALLEST = Number.MIN_VALUE;
const NAME = /^(?:\w+\()?(?:\w+\.)?(?:`[^`]*`|"(?:[^"\\]|\\(?!"))*"|[^\s`'"(),<>=!~]+)\)?$/u;

/**
 * Whether a name can stand in a filter: one that has both kinds of quotation marks in it cannot.
 *
 * @param {string} name as the server writes it
 */
export function isWritable(name) {
  return NAME.test(name);
}

/**
 * Write a brush as a clause.
 *
 * @param {About} about
 * @param {Brush} brush
 * @returns {string | null} null when nothing is chosen, or what is chosen is too long for a filter
 */
export function clauseOf(about, brush) {
  const said = [];
  if (brush.range) said.push(rangeText(about.name, brush.range));
  if (brush.values && (brush.values.length || brush.except)) said.push(valuesText(about.name, brush.values, brush.except));
  if (brush.missing) said.push(`${about.name} IS NULL`);
  if (brush.missing && about.unplaced > 0) said.push(`${about.name} NOT BETWEEN ${placed(about.scale)}`);
  const known = said.filter((text) => text !== "");
  if (known.includes(TOO_LONG) || known.length === 0) return null;
  return known.length === 1 ? known[0] : `(${known.join(" OR ")})`;
}

const TOO_LONG = "\0";

/** @param {string} scale what has a place there */
function placed(scale) {
  return `${numberText(scale === "log" ? SMALLEST : -LARGEST)} AND ${numberText(LARGEST)}`;
}

/** @param {string} name @param {[number | null, number | null]} range */
function rangeText(name, [low, high]) {
  if (low !== null && high !== null) return `${name} BETWEEN ${numberText(low)} AND ${numberText(high)}`;
  if (low !== null) return `${name} >= ${numberText(low)}`;
  return high !== null ? `${name} <= ${numberText(high)}` : "";
}

/** @param {string} name @param {readonly string[]} values @param {boolean} except */
function valuesText(name, values, except) {
  if (values.length === 0) return `${name} IS NOT NULL`;
  const not = except ? "NOT " : "";
  const literals = values.map(isOfNumbers(name) ? (text) => numberText(Number(text.replace(/^(-?)inf$/, "$1Infinity"))) : quoted);
  if (literals.every((literal) => literal !== null)) {
    if (literals.length === 1) return `${name} ${except ? "!=" : "="} ${literals[0]}`;
    return `${name} ${not}IN (${literals.join(", ")})`;
  }
  const pattern = `^(?:${values.map(escaped).join("|")})$`;
  return pattern.length > LONGEST_PATTERN ? TOO_LONG : `${name} ${not}RLIKE '${pattern}'`;
}

/** Whether a field has numbers and nothing else. @param {string} name */
function isOfNumbers(name) {
  return /^(?:metrics\.|\w+\()/.test(name);
}

/**
 * Read a clause.
 *
 * @param {string} text
 * @returns {{name: string, brush: Brush} | null} null when it is none that a brush can be
 */
export function brushOf(text) {
  const read = tokens(text);
  if (!read) return null;
  const inner = read[0] === "(" && read.at(-1) === ")" ? read.slice(1, -1) : read;
  const brush = { ...NOTHING };
  let name = null;
  for (const atom of split(inner)) {
    const [named, ...rest] = atom;
    if (!named || !isWritable(named) || (name !== null && name !== named)) return null;
    name = named;
    if (!take(rest, brush)) return null;
  }
  return name === null ? null : { name, brush };
}

/** @param {string[]} read @returns {string[][]} what stands between ORs */
function split(read) {
  /** @type {string[][]} */
  const atoms = [[]];
  for (const token of read) {
    if (/^or$/i.test(token)) atoms.push([]);
    else atoms[atoms.length - 1].push(token);
  }
  return atoms;
}

/**
 * Add what stands behind the name of one comparison to a brush.
 *
 * @param {string[]} rest
 * @param {Brush} brush
 */
function take(rest, brush) {
  const words = rest.map((token) => (/^[a-z]+$/i.test(token) ? token.toUpperCase() : token));
  const said = words.filter((token) => !/^['"0-9.+-]/.test(token)).join(" ");
  const given = rest.filter((token) => /^['"0-9.+-]/.test(token));
  if (said === "IS NULL") return with_(brush, { missing: true }, !brush.missing);
  if (said === "NOT BETWEEN AND") return brush.missing && Number(given[1]) === LARGEST && [SMALLEST, -LARGEST].includes(Number(given[0]));
  const free = brush.range === null && brush.values === null;
  if (said === "IS NOT NULL") return with_(brush, { values: [], except: true }, free);
  const numbers = given.map((token) => (/^['"]/.test(token) ? NaN : Number(token)));
  const isRange = free && numbers.length > 0 && numbers.every((one) => !Number.isNaN(one));
  if (said === "BETWEEN AND") return with_(brush, { range: [numbers[0], numbers[1]] }, isRange);
  if (said === ">=") return with_(brush, { range: [numbers[0], null] }, isRange);
  if (said === "<=") return with_(brush, { range: [null, numbers[0]] }, isRange);
  const except = /^(?:NOT|!=)/.test(said);
  const values = /RLIKE$/.test(said) ? valuesOf(given[0]) : given.map((token) => (/^['"]/.test(token) ? token.slice(1, -1) : token));
  return /^(?:=|!=|(?:NOT )?IN \((?: ,)* \)|(?:NOT )?RLIKE)$/.test(said) && values !== null && with_(brush, { values, except }, free);
}

/**
 * Whether a brush chooses a category, null being all others.
 *
 * @param {Brush} brush
 * @param {string} name of the field
 * @param {string | null} value
 */
export function chooses(brush, name, value) {
  if (brush.values === null) return false;
  const same = isOfNumbers(name) ? (/** @type {string} */ one) => Number(one) === Number(value) : (/** @type {string} */ one) => one === value;
  return (value !== null && brush.values.some(same)) !== brush.except;
}

/** @param {Brush} brush @param {Partial<Brush>} more @param {boolean} fits */
function with_(brush, more, fits) {
  Object.assign(brush, more);
  return fits;
}

/** The values of a regular expression that was written here. @param {string} literal @returns {string[] | null} */
function valuesOf(literal) {
  const inner = /^'\^\(\?:(.*)\)\$'$/s.exec(literal)?.[1];
  if (inner === undefined) return null;
  const bar = "\0"; // no text has it: the engine refuses it
  const parts = inner.replace(/\\.|\|/gs, (found) => (found === "|" ? bar : found)).split(bar);
  const values = parts.map((part) => part.replace(/\\x27|\\(.)/gs, (_, kept) => kept ?? "'"));
  return values.map(escaped).join("|") === inner ? values : null;
}
