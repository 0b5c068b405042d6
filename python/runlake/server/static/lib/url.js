// State of a page as a query string, and back. Every string is read to some state, and a state is written in one way.
// @ts-check

/**
 * How a part of the state is written.
 *
 * @template T
 * @typedef {{name: string, empty: T, read: (given: string[]) => T, write: (value: T) => string[]}} Part
 */

/** @param {string} name @param {string} [empty] @returns {Part<string>} */
function text(name, empty = "") {
  return { name, empty, read: (given) => given[0] ?? empty, write: (value) => (value === empty ? [] : [value]) };
}

/** @param {string} name @returns {Part<string[]>} values that are said several times, in their order, each once */
function list(name) {
  return { name, empty: NONE, read: (given) => [...new Set(given.filter(Boolean))], write: (value) => value };
}

/**
 * @template {string} T
 * @param {string} name
 * @param {readonly [T, ...T[]]} choices the first is the default
 * @returns {Part<T>}
 */
function choice(name, choices) {
  const [empty] = choices;
  return {
    name,
    empty,
    read: (given) => choices.find((one) => one === given[0]) ?? empty,
    write: (value) => (value === empty ? [] : [value]),
  };
}

/** @param {string} name @param {number} empty @param {number} low @param {number} high @returns {Part<number>} */
function whole(name, empty, low, high) {
  return {
    name,
    empty,
    read: (given) => (/^\d{1,9}$/.test(given[0] ?? "") ? Math.min(high, Math.max(low, Number(given[0]))) : empty),
    write: (value) => (value === empty ? [] : [String(value)]),
  };
}

/** @param {string} name @returns {Part<boolean>} */
function flag(name) {
  return { name, empty: false, read: (given) => given[0] === "1", write: (value) => (value ? ["1"] : []) };
}

/** @type {string[]} */
const NONE = [];

/** Every part of what the page of runs shows. Whoever needs another one adds it here. */
export const PARTS = Object.freeze({
  experiments: list("experiment"),
  where: text("where"),
  /** Ranges drawn on axes, each a clause of the filter; together with `where` they are what is asked for. */
  brush: list("brush"),
  /** Lines of an order: `metrics.loss DESC`; the first counts most. */
  sort: list("sort"),
  lifecycle: choice("lifecycle", ["active", "deleted", "all"]),
  /** Columns of the table in their order; none are those that the page chooses. */
  columns: list("column"),
  /** Columns that stay at the left, besides the name, and widths as `120:metrics.loss`, in pixels. */
  frozen: list("frozen"),
  widths: list("width"),
  group: list("group"),
  /** Rows of the table below which others are shown, as lib/opened.js writes them. */
  open: list("open"),
  differs: flag("differs"),
  /** Nested runs beside those that they were started in, and not below them. */
  flat: flag("flat"),
  /** How many runs of the order are drawn, and runs that are drawn or left out whatever the order says. */
  top: whole("top", 20, 1, 500),
  pins: list("pin"),
  hides: list("hide"),
  /** Name of a column by whose values runs are coloured; nothing is a colour of its own for each. */
  color: text("color"),
  /** Axes of parallel coordinates, each a name with what is said of it: `params.lr~log~flip`; none are chosen by the page. */
  axes: list("axis"),
  parallel: choice("parallel", ["open", "folded"]),
  /** What of the page is shown. */
  show: choice("show", ["all", "table", "charts", "parallel"]),
  /** How much of the width the table has, in per cent. */
  split: whole("split", 45, 20, 80),
  /** Charts: what is on the x axis (`step`, `time`, `relative`, or a metric such as `metrics.epoch`), and how axes are scaled. */
  axis: text("x", "step"),
  axisLog: flag("xlog"),
  scale: choice("y", ["linear", "log", "symlog"]),
  /** How lines are smoothed: `ema:0.6`, `gauss:3`; and what is drawn of a bucket. */
  smooth: text("smooth"),
  value: choice("value", ["mean", "last"]),
  /** How far the runs of a group are apart: `std`, or two quantiles such as `0.1..0.9`. */
  spread: text("spread", "std"),
  /** Ranges that are looked at, by what is on the x axis: `step:100..200`. */
  zoom: list("zoom"),
  /** Which metrics have a chart: words, or a regular expression between slashes. */
  find: text("find"),
  /** Charts that are not as they are by default, as charts/layout.js writes them, and sections that are the other way round than by default. */
  panels: list("panel"),
  folds: list("fold"),
});

/** @typedef {{[K in keyof typeof PARTS]: (typeof PARTS)[K] extends Part<infer T> ? T : never}} State */

/**
 * Read a query string. What is not understood is left out.
 *
 * @param {string} search
 * @returns {State}
 */
export function parse(search) {
  const given = new URLSearchParams(search);
  const read = Object.entries(PARTS).map(([key, part]) => [key, part.read(given.getAll(part.name))]);
  return Object.fromEntries(read);
}

/**
 * Write a state as a query string; parts that are as by default are left out.
 *
 * @param {Partial<State>} state
 * @returns {string} with its question mark; empty when there is nothing to say
 */
export function format(state) {
  const search = new URLSearchParams();
  for (const [key, part] of Object.entries(PARTS)) {
    const value = state[/** @type {keyof State} */ (key)];
    if (value === undefined) continue;
    for (const one of /** @type {Part<any>} */ (part).write(value)) search.append(part.name, one);
  }
  const text = search.toString();
  return text && `?${text}`;
}

/**
 * A query in which parts of a state are said as they are now, and whatever else it says as before.
 *
 * @param {string} search
 * @param {Partial<State>} state
 */
export function merged(search, state) {
  const left = new URLSearchParams(search);
  for (const key of Object.keys(state)) left.delete(PARTS[/** @type {keyof State} */ (key)].name);
  const text = [left.toString(), format(state).slice(1)].filter(Boolean).join("&");
  return text && `?${text}`;
}

/**
 * What is open of a state so that its address is not too long: the rows that were opened first.
 *
 * @param {State} state
 */
export function fitting(state) {
  if (format(state).length <= LONGEST) return state.open;
  let room = LONGEST - format({ ...state, open: [] }).length;
  const end = state.open.findIndex((one) => (room -= format({ open: [one] }).length) < 0);
  return end < 0 ? state.open : state.open.slice(0, end);
}

/**
 * The filter that a text and ranges on axes make together.
 *
 * @param {string} where
 * @param {readonly string[]} brush
 * @returns {string}
 */
export function joined(where, brush) {
  const said = where.trim();
  if (brush.length === 0) return said;
  return [...(said ? [/\bor\b/i.test(said) ? `(${said})` : said] : []), ...brush].join(" AND ");
}

/** Which runs are seen, as the server numbers them. @param {State["lifecycle"]} lifecycle */
export function lifecycleOf(lifecycle) {
  return { active: 1, deleted: 2, all: 3 }[lifecycle];
}

const API = "/api/runlake/v1/";
/** What an address may have at most; the fields of a longer one are sent in a body. */
export const LONGEST = 6000;
export const ARROW = "application/vnd.apache.arrow.stream";

/**
 * The address of something below the native API.
 *
 * @param {string} path
 * @param {Record<string, any>} [fields] a list is said several times; null, undefined and empty texts are left out
 */
export function addressOf(path, fields = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") search.append(name, String(one));
    }
  }
  const text = search.toString();
  return API + path + (text && `?${text}`);
}
