// Context: what all panels of one board share: its settings, the runs that are asked for, where the cursor is, the tooltip.
// @ts-check
import { computed, effect, signal, untracked } from "../vendor/preact.js";
import { inkOf } from "../lib/color.js";
import { parseSmoothing } from "../lib/smooth.js";
import { PARTS } from "../lib/url.js";
import { colorOf } from "../state/inks.js";
import { keep } from "../state/kept.js";
import { dark } from "../state/theme.js";
import { change, question, view } from "../state/view.js";
import { drawn } from "../state/visible.js";
import { drawnValues, whereOf } from "./drawn.js";
import { formatZoom, parseZoom } from "./grid.js";
import { Tooltip } from "./hover.js";
import { parsePanel } from "./layout.js";
import { Mounts } from "./mounts.js";

/** @typedef {import("../lib/url.js").State} State */
/** @typedef {"axis" | "axisLog" | "scale" | "smooth" | "value" | "spread" | "zoom" | "find" | "panels" | "folds"} PartName */
/** @typedef {{[K in PartName]: import("../vendor/preact.js").Signal<State[K]>}} Parts */
/** @typedef {import("./layout.js").Panel} Panel */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./curves.js").Chart} Chart */
/** @typedef {{kind: string, origin: bigint, x: number, from: object}} Cursor a place of the plots whose origin is the same or another one */
/** @typedef {import("./curves.js").Line} Line */

const PART_NAMES = /** @type {const} */ (["axis", "axisLog", "scale", "smooth", "value", "spread", "zoom", "find", "panels", "folds"]);
const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

export class Context {
  /**
   * @param {Parts} parts
   * @param {(parts: Partial<State>, how?: {replace?: boolean}) => void} set changes parts
   * @param {import("../vendor/preact.js").ReadonlySignal<import("../lib/api.js").Fields>} ask which runs are drawn
   * @param {import("../vendor/preact.js").ReadonlySignal<import("../lib/api.js").Fields>} question which runs there are
   * @param {boolean} ofView whether they are those of the page of runs
   */
  constructor(parts, set, ask, question, ofView) {
    this.parts = parts;
    this.set = set;
    this.ask = ask;
    this.question = question;
    this.ofView = ofView;
    this.mounts = new Mounts();
    this.tooltip = new Tooltip();
    /** @type {import("../vendor/preact.js").Signal<Cursor | null>} */
    this.cursor = signal(null);
    /** What a screen reader says next. */
    this.said = signal("");
    /** @type {string[]} */
    this._keys = [];
    /** How many runs there are and how many of them are drawn. @type {import("../vendor/preact.js").Signal<{total: number, leftOut: number, drawn: number, grouped: boolean, groups: number} | null>} */
    this.caps = signal(null);
    /** Lines that are drawn. @type {import("../vendor/preact.js").Signal<readonly Line[]>} */
    this.lines = signal([]);
    this._isAlone = computed(() => this.lines.value.length === 1);
    this.zoom = computed(() => parseZoom(parts.zoom.value));
    this.changed = computed(() => parts.panels.value.map(parsePanel).filter((panel) => panel !== null));
    this.grouped = computed(() => (ask.value.group ?? []).length > 0);
    /** Runs with the values that they are coloured by; none while each has a colour of its own. @type {import("../vendor/preact.js").Signal<readonly import("./drawn.js").Valued[]>} */
    this._valued = signal([]);
    this._colors = computed(() => new Map(this._valued.value.filter(({ value }) => value !== null).map(({ id, value }) => [id, colorOf(id, value)])));
    this._ends = [ofView ? effect(() => this._color()) : () => {}];
  }

  /** Ask for the values of the column that runs are coloured by. */
  _color() {
    const column = view.color.value;
    if (!column || this.grouped.value) {
      untracked(() => { this._valued.value = []; });
      return undefined;
    }
    const stop = new AbortController();
    drawnValues(this.question.value, this.ask.value, column, stop.signal).then((found) => { this._valued.value = found; }, () => undefined);
    return () => stop.abort();
  }

  /** The settings of a panel: its own, or the board's. @param {Panel} panel */
  settings({ options }) {
    const { parts } = this;
    const x = options.x || parts.axis.value;
    return {
      x,
      xLog: x !== "time" && (options.xlog ? options.xlog === "1" : parts.axisLog.value), // years of no points would be most of it
      scale: PARTS.scale.read([options.y || parts.scale.value]),
      smooth: options.s || parts.smooth.value,
      value: PARTS.value.read([options.v || parts.value.value]),
    };
  }

  /** How a panel's curves are drawn. @param {Panel} panel @param {string} kind of the curves that are there @returns {import("./traces.js").Look} */
  look(panel, kind) {
    const { xLog, scale, smooth, value } = this.settings(panel);
    return { value, smoothing: parseSmoothing(smooth), scale, xLog, range: this.zoom.value.get(kind) ?? null };
  }

  /** The request for a panel's curves. @param {Panel} panel @param {number} points buckets @returns {import("./feed.js").Fields} */
  fields(panel, points) {
    const { x, xLog } = this.settings(panel);
    const range = this.zoom.value.get(x);
    const band = /^(0(?:\.\d+)?|1)\.\.(0(?:\.\d+)?|1)$/.exec(this.parts.spread.value);
    return {
      ...this.ask.value,
      keys: panel.keys.map(exactKey),
      x,
      range,
      points: xLog ? Math.max(points, 1000) : points, // buckets are equally wide: on a log axis the first ones are seen
      ledger: this.grouped.value ? undefined : true,
      band: this.grouped.value && band ? [Number(band[1]), Number(band[2])] : undefined,
    };
  }

  /** Look at a range of an axis on all panels that have it; null is the whole. @param {string} kind @param {import("./grid.js").Range | null} range */
  lookAt(kind, range) {
    const zoom = new Map(this.zoom.peek());
    if (range) zoom.set(kind, range);
    else zoom.delete(kind);
    this.set({ zoom: formatZoom(zoom) });
  }

  /** The ink of a line: its run's; keys of one panel differ in their dashes. @param {readonly string[]} keys @returns {(line: {id: string, key?: string}) => import("../lib/color.js").Ink} */
  inks(keys) {
    const isDark = dark.value;
    const colors = this._colors.value;
    const isAlone = this._isAlone.value;
    return ({ id, key = "" }) => {
      const ink = inkOf(id, isDark);
      const color = colors.get(id);
      if (keys.length > 1) return { color: color ?? ink.color, dash: DASHES[Math.max(0, keys.indexOf(key)) % DASHES.length] };
      return color || isAlone ? { color: color ?? ink.color, dash: [] } : ink;
    };
  }

  /** Take note of what a panel has been given: each answer says which runs are drawn, whichever of them have the metric. @param {Chart} chart */
  note(chart) {
    const caps = { total: chart.total, leftOut: chart.leftOut, drawn: chart.lines.length, grouped: chart.grouped, groups: chart.groups };
    if (JSON.stringify(caps) !== JSON.stringify(this.caps.peek())) this.caps.value = caps;
    if (JSON.stringify(chart.lines) !== JSON.stringify(this.lines.peek())) this.lines.value = chart.lines;
  }

  /** The names of metrics; the same list as before where they are the same, so that nothing is drawn anew. @param {string[]} keys */
  named(keys) {
    if (keys.length !== this._keys.length || keys.some((key, i) => key !== this._keys[i])) this._keys = keys;
    return this._keys;
  }

  /** Whose changes are of interest. @returns {import("../lib/change.js").Interest} */
  interest() {
    const { experiments, runs } = this.ask.value;
    return runs ? { runs } : { experiments: experiments?.length ? experiments : null };
  }

  end() {
    this._ends.forEach((end) => end());
    this.mounts.end();
    this.tooltip.root.remove();
  }
}

/** The context of the page of runs, whose address says everything. */
export function contextOfView() {
  return new Context(view, change, drawn, question, true);
}

/** The context of some runs, whose page has the settings in its address. @param {import("../vendor/preact.js").ReadonlySignal<readonly string[]>} runs */
export function contextOfRuns(runs) {
  const { parts, set, end } = keep(PART_NAMES);
  const where = computed(() => ({ where: whereOf(runs.value), view: 3 }));
  const context = new Context(parts, set, computed(() => ({ runs: [...runs.value] })), where, false);
  context._ends.push(end);
  return context;
}

/** A key as a request says it: the server takes stars, question marks and what begins with ^ for patterns. @param {string} key */
function exactKey(key) {
  return /[*?]|^\^/.test(key) ? `^${key.replace(/[\\^$.*+?()[\]{}|#&~\s-]/g, "\\$&")}$` : key;
}
