// Layout: which panels a board has, in which sections and order. What a reader has changed is a short text a panel, in the
// address; everything else follows from the names of the metrics.
// @ts-check
import { finder } from "../lib/words.js";

/** @typedef {"auto" | "line" | "scatter" | "bars"} Kind auto: the chart that a metric has by itself */
/**
 * @typedef {{
 *   w?: string, h?: string, x?: string, xlog?: string, y?: string, s?: string, v?: string, before?: string, gone?: string, n?: string, color?: string,
 *   reduce?: string,
 * }} Options width in columns, height in pixels, axes, smoothing, value; before: the key it was moved in front of; gone: it
 *   is not shown; n: a number that tells charts of the reader's own apart
 */
/** @typedef {{id: string, kind: Kind, keys: readonly string[], options: Options}} Panel */
/** @typedef {{name: string, panels: Panel[]}} Section */

export const OWN = "Own charts";
const KINDS = ["auto", "line", "scatter", "bars"];
const NAMES = new Set(["w", "h", "x", "xlog", "y", "s", "v", "before", "gone", "n", "color", "reduce"]);
const collator = new Intl.Collator("en", { numeric: true });

/** Read a panel; null when the text is none. @param {string} text @returns {Panel | null} */
export function parsePanel(text) {
  const colon = text.indexOf(":");
  const kind = /** @type {Kind} */ (text.slice(0, Math.max(0, colon)));
  if (!KINDS.includes(kind)) return null;
  const [said, ...rest] = cut(text.slice(colon + 1), ";");
  const keys = cut(said, ",").map(plain).filter(Boolean);
  if (keys.length === 0) return null;
  const pairs = rest.map((one) => cut(one, "=").map(plain)).filter(([name]) => NAMES.has(name));
  const options = /** @type {Options} */ (Object.fromEntries(pairs.map(([name, value]) => [name, value ?? ""])));
  return { id: idOf(kind, keys, options), kind, keys, options };
}

/** @param {Pick<Panel, "kind" | "keys" | "options">} panel */
export function formatPanel({ kind, keys, options }) {
  const said = Object.entries(options).filter(([, value]) => value !== undefined && value !== "");
  return [`${kind}:${keys.map(escaped).join(",")}`, ...said.map(([name, value]) => `${name}=${escaped(value)}`)].join(";");
}

/** @param {Kind} kind @param {readonly string[]} keys @param {Options} options */
function idOf(kind, keys, options) {
  return kind === "auto" ? `auto:${keys[0]}` : `${kind}-${options.n ?? keys.join(",")}`;
}

/** Cut a text at a letter, but not where a backslash stands before it. @param {string} text @param {string} at */
function cut(text, at) {
  const found = [""];
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === "\\" && i + 1 < text.length) found[found.length - 1] += text[i] + text[(i += 1)];
    else if (text[i] === at) found.push("");
    else found[found.length - 1] += text[i];
  }
  return found;
}

/** @param {string} text */
function plain(text) {
  return text.replace(/\\(.)/gs, "$1");
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\,;=]/g, "\\$&");
}

/**
 * The sections of a board: charts of the reader's own, metrics without a prefix, then one section a prefix.
 *
 * @param {readonly string[]} keys of the metrics
 * @param {readonly Panel[]} changed
 * @returns {Section[]} without those that are empty
 */
export function arrange(keys, changed) {
  const own = changed.filter((panel) => panel.kind !== "auto");
  const known = new Map(changed.map((panel) => [panel.id, panel]));
  /** @type {Map<string, Panel[]>} */
  const sections = new Map();
  for (const key of [...keys].sort(collator.compare)) {
    const panel = known.get(`auto:${key}`) ?? { id: `auto:${key}`, kind: /** @type {Kind} */ ("auto"), keys: [key], options: {} };
    if (panel.options.gone) continue;
    const name = sectionOf(key);
    const there = sections.get(name);
    if (there) there.push(panel);
    else sections.set(name, [panel]);
  }
  for (const panel of changed) if (panel.kind === "auto" && panel.options.before) move(sections.get(sectionOf(panel.keys[0])), panel);
  const names = [...sections.keys()].sort((a, b) => (a === "" ? -1 : b === "" ? 1 : collator.compare(a, b)));
  const found = names.map((name) => ({ name, panels: sections.get(name) ?? [] }));
  return own.length ? [{ name: OWN, panels: own }, ...found] : found;
}

/** What stands before the first slash. @param {string} key */
export function sectionOf(key) {
  const slash = key.indexOf("/");
  return slash > 0 ? key.slice(0, slash) : "";
}

/** @param {Panel[] | undefined} panels @param {Panel} moved */
function move(panels, moved) {
  const from = panels?.indexOf(moved) ?? -1;
  if (!panels || from < 0) return;
  panels.splice(from, 1);
  const to = panels.findIndex((panel) => panel.id === `auto:${moved.options.before}`);
  panels.splice(to < 0 ? panels.length : to, 0, moved);
}

/**
 * The texts of the panels that are changed, after one has become another.
 *
 * @param {readonly Panel[]} changed
 * @param {Panel} panel
 * @returns {string[]}
 */
export function withPanel(changed, panel) {
  const said = panel.kind !== "auto" || Object.values(panel.options).some((value) => value !== undefined && value !== "");
  const others = changed.map((one) => (one.id === panel.id ? (said ? panel : null) : one)).filter((one) => one !== null);
  if (said && !changed.some((one) => one.id === panel.id)) others.push(panel);
  return others.map(formatPanel);
}

/**
 * The texts after a panel was put in front of another of its section (null: behind all).
 *
 * @param {readonly Panel[]} changed
 * @param {Panel} panel
 * @param {Panel | null} before
 * @returns {string[]}
 */
export function withOrder(changed, panel, before) {
  if (panel.kind === "auto") {
    const moved = { ...panel, options: { ...panel.options, before: before?.keys[0] ?? "/" } };
    return [...changed.filter((one) => one.id !== panel.id), moved].map(formatPanel); // the last move is made last
  }
  const rest = changed.filter((one) => one.id !== panel.id);
  const at = before ? rest.findIndex((one) => one.id === before.id) : rest.length;
  rest.splice(at < 0 ? rest.length : at, 0, panel);
  return rest.map(formatPanel);
}

/** What a panel is called. @param {Panel} panel */
export function titleOf({ kind, keys, options }) {
  if (kind === "scatter") return `${keys[1] ?? ""} by ${keys[0]}`;
  if (kind === "bars") return `${options.reduce || "last"} of ${keys.join(", ")}`;
  return keys.join(", ");
}

/** A new panel of the reader's own. @param {readonly Panel[]} changed @param {Kind} kind @param {readonly string[]} keys @param {Options} [options] @returns {Panel} */
export function newPanel(changed, kind, keys, options = {}) {
  const n = String(1 + Math.max(0, ...changed.map((panel) => Number(panel.options.n) || 0)));
  const all = { ...options, n };
  return { id: idOf(kind, keys, all), kind, keys, options: all };
}

/**
 * Which keys a search leaves: all words, or a regular expression between slashes.
 *
 * @param {readonly string[]} keys
 * @param {string} text
 * @returns {{keys: readonly string[], error: string | null}}
 */
export function matching(keys, text) {
  const expression = /^\/(.+?)\/?$/.exec(text.trim());
  if (!expression) {
    const isWanted = finder(text);
    return { keys: text.trim() ? keys.filter((key) => isWanted(key)) : keys, error: null };
  }
  try {
    const wanted = new RegExp(expression[1], "iu");
    return { keys: keys.filter((key) => wanted.test(key)), error: null };
  } catch (error) {
    return { keys, error: error instanceof Error ? error.message : String(error) };
  }
}
