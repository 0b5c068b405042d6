// Export: a chart saved as CSV, SVG or PNG. Fetched when something is saved.
// @ts-check
import { saveFile } from "../lib/saving.js";
import { csvOf } from "./csv.js";
import { svgOf } from "./svg.js";

/** @typedef {import("./svg.js").Sheet} Sheet */
/** @typedef {"png" | "svg" | "csv"} Form */
/** @typedef {{csv: () => string, svg: (how: Sheet) => string}} Writable what is drawn, as texts */

const RATIO = 2; // pixels of a PNG a pixel of the page
const LEAST = { width: 640, height: 320 };

/**
 * The curves that a chart draws now.
 *
 * @param {import("./chart.js").LineChart} chart
 * @returns {Writable}
 */
export function ofLines(chart) {
  const picture = chart.picture.peek();
  if (!picture) throw new Error("The chart has no curves yet.");
  const { keys } = picture.chart;
  return {
    csv: () => csvOf(picture.chart),
    svg: (how) => svgOf(picture, { ...how, y: keys.join(", "), inkFor: chart.board.inks(keys) }),
  };
}

/**
 * Save what is drawn.
 *
 * @param {Writable} drawn
 * @param {Element} place where it is drawn: the picture is as large, in the same colours
 * @param {string} title
 * @param {Form} form
 */
export async function save(drawn, place, title, form) {
  const name = `${title.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "chart"}.${form}`;
  if (form === "csv") return saveFile(new Blob([drawn.csv()], { type: "text/csv" }), name);
  const [style, body] = [getComputedStyle(place), getComputedStyle(document.body)];
  const svg = drawn.svg({
    title,
    width: Math.max(LEAST.width, place.clientWidth),
    height: Math.max(LEAST.height, place.clientHeight + 40),
    colors: { ground: body.backgroundColor, title: body.color, text: style.color, grid: style.outlineColor },
  });
  const drawing = new Blob([svg], { type: "image/svg+xml" });
  return saveFile(form === "svg" ? drawing : await rastered(drawing), name);
}

/** @param {Blob} drawing an SVG @returns {Promise<Blob>} a PNG */
async function rastered(drawing) {
  const url = URL.createObjectURL(drawing);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * RATIO;
    canvas.height = image.height * RATIO;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => canvas.toBlob((made) => (made ? resolve(made) : reject(new Error("The picture is too large."))), "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}
