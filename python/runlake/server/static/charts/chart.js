// Chart: the curves of one panel drawn and kept up to date, for as long as the panel is near the view.
// @ts-check
import { effect, signal, untracked } from "../vendor/preact.js";
import { dark } from "../state/theme.js";
import { hovered } from "../state/visible.js";
import { Feed } from "./feed.js";
import { read } from "./hover.js";
import { LinePlot } from "./line.js";
import { never, soon } from "./mounts.js";
import { picture } from "./traces.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./layout.js").Panel} Panel */

const BUCKETS = { small: 190, most: 1000 };

export class LineChart {
  /**
   * @param {Context} board
   * @param {Panel} panel
   * @param {HTMLElement} host what it is drawn in
   * @param {boolean} large whether it is what is looked at: it has as many buckets as can be told apart
   */
  constructor(board, panel, host, large) {
    this.board = board;
    this.large = large;
    this.panel = signal(panel);
    this.feed = new Feed();
    /** What is drawn. @type {import("../vendor/preact.js").Signal<import("./traces.js").Picture | null>} */
    this.picture = signal(null);
    this.plot = new LinePlot(host, {
      onPoint: (x, top) => this.point(x, top),
      onRange: (low, high) => this._zoom(low, high),
      onReset: () => this.reset(),
    });
    this._watch = new ResizeObserver(([{ contentRect: { width, height } }]) => this._size(width, height));
    this._watch.observe(host);
    this._ends = [
      effect(() => this.feed.ask(board.fields(this.panel.value, this.points()))),
      effect(() => this._note()),
      effect(() => this._draw()),
      effect(() => this.plot.focus(hovered.value)),
      effect(() => this._follow()),
    ];
  }

  /** How many buckets are asked for. */
  points() {
    return this.large ? BUCKETS.most : BUCKETS.small * Number(this.panel.value.options.w || 1);
  }

  /** Look at the whole again. */
  reset() {
    const chart = this.feed.chart.peek();
    if (chart) this.board.lookAt(chart.grid.kind, null);
  }

  /**
   * The pointer is at a place: show what is there, and let the nearest run stand out everywhere.
   *
   * @param {number | null} x
   * @param {number} top
   */
  point(x, top) {
    const { board, plot } = this;
    const chart = this.feed.chart.peek();
    if (x === null || !chart || !plot.u) {
      board.tooltip.hide();
      if (board.cursor.peek()?.from !== this) return;
      board.cursor.value = null;
      hovered.value = null;
      plot.point(null);
      return;
    }
    this._tell(x, top, read(plot, x, top, this.column()));
  }

  /** The cursor of the keyboard is at a bucket of a curve. @param {number} bucket @param {import("./curves.js").Curve} curve */
  pointAt(bucket, curve) {
    const { plot } = this;
    const chart = this.feed.chart.peek();
    const trace = this.picture.peek()?.traces.find((one) => one.curve === curve);
    if (!chart || !plot.u || !trace) return;
    const x = chart.grid.middle(bucket);
    const top = plot.u.valToPos(trace.ys[bucket] ?? NaN, "y");
    const found = read(plot, x, top, this.column());
    this._tell(x, Number.isNaN(top) ? 0 : top, { ...found, nearest: found.readings.find((one) => one.curve === curve) ?? null });
    plot.point(x);
  }

  /** @param {number} x @param {number} top @param {ReturnType<typeof read>} found */
  _tell(x, top, { bucket, readings, nearest }) {
    const { board, plot } = this;
    const chart = this.feed.chart.peek();
    if (!chart || !plot.u) return;
    board.cursor.value = { kind: chart.grid.kind, origin: chart.grid.origin, x, from: this };
    hovered.value = nearest?.curve.id ?? null;
    const { left, top: above } = plot.u.over.getBoundingClientRect();
    const at = { left: left + plot.u.valToPos(x, "x"), top: above + top };
    board.tooltip.show(at, chart.grid.label(bucket), readings, nearest, board.inks(chart.keys), chart.keys.length > 1);
  }

  column() {
    return this.board.settings(this.panel.peek()).value;
  }

  end() {
    this.point(null, 0);
    for (const end of this._ends) end();
    this._watch.disconnect();
    never(this);
    never(this._watch);
    this.feed.end();
    this.plot.end();
  }

  /** Say which lines there are, once for each answer: drawing reads what all panels say together, and must not say it again. */
  _note() {
    const chart = this.feed.chart.value;
    if (chart) untracked(() => this.board.note(chart));
  }

  _draw() {
    const chart = this.feed.chart.value;
    if (!chart) return;
    const look = this.board.look(this.panel.value, chart.grid.kind);
    const inks = this.board.inks(chart.keys);
    const isDark = dark.value; // it is painted anew in the colours of the other theme
    soon(this, () => {
      const drawn = picture(chart, look);
      this.plot.draw(drawn, inks, isDark);
      this.plot.focus(hovered.peek());
      this.picture.value = drawn;
    });
  }

  /** @param {number} width @param {number} height */
  _size(width, height) {
    if (this.plot.u) soon(this._watch, () => this.plot.size(width, height));
    else this.plot.size(width, height);
  }

  /** Show the cursor of another chart. */
  _follow() {
    const cursor = this.board.cursor.value;
    if (cursor?.from === this) return;
    const grid = this.feed.chart.peek()?.grid;
    const fits = cursor && grid && cursor.kind === grid.kind;
    this.plot.point(fits ? cursor.x + Number(cursor.origin - grid.origin) : null);
  }

  /** @param {number} low @param {number} high */
  _zoom(low, high) {
    const grid = this.feed.chart.peek()?.grid;
    if (grid && high > low) this.board.lookAt(grid.kind, grid.range(low, high));
  }
}
