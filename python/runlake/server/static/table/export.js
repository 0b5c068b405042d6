// Export: all rows of the filter with the columns that are shown, as a file that the browser keeps.
// @ts-check
import { frame, view as ask } from "../lib/api.js";
import { values } from "../lib/arrow.js";
import { safeField } from "../lib/csv.js";
import { count, isDate } from "../lib/format.js";
import { saveFile } from "../lib/saving.js";
import { chosen, shown } from "../state/columns.js";
import { complain, say } from "../state/toasts.js";
import { question, view } from "../state/view.js";
import { frameName, isFunction } from "./code.js";

const A_WINDOW = 10_000; // rows
const CELLS = 500_000; // of a window
const MIME = "text/csv;charset=utf-8";

/** Write what is shown as CSV: runs, or groups with their means. */
export async function exportCsv() {
  try {
    const parts = await csvParts();
    saveFile(new Blob(/** @type {BlobPart[]} */ (parts), { type: MIME }), "runs.csv");
  } catch (error) {
    complain(error);
  }
}

/** Write the runs of the filter as a stream of Arrow, in the types that Python has them in, the oldest first. */
export async function exportArrow() {
  try {
    const { experiments, where, view: seen } = question.peek();
    const names = chosen.peek().filter((name) => !isFunction(name)).map(frameName);
    const columns = [...new Set(["run_id", ...names])];
    saveFile(await frame("runs", { experiments, where, view: seen, columns }), "runs.arrow");
  } catch (error) {
    complain(error);
  }
}

async function csvParts() {
  const group = view.group.peek();
  const names = group.length ? chosen.peek() : ["run_id", ...shown.peek().filter((name) => name !== "run_id")];
  const limit = Math.max(1, Math.min(A_WINDOW, Math.floor(CELLS / names.length)));
  const parts = [];
  let total = 1;
  let tx;
  for (let offset = 0; offset < total; offset += limit) {
    const fields = { ...question.peek(), columns: names, group: group.length ? group : undefined, offset, limit, tx };
    const answer = await ask("runs", fields);
    [total, tx] = [answer.total, answer.tx];
    const [table] = answer.parts;
    const columns = table.names.map((name) => ({ name: String(name), values: values(table, String(name)) }));
    if (offset === 0) parts.push(`${columns.map(({ name }) => safeField(name)).join(",")}\r\n`);
    parts.push(rowsOf(columns, table.numRows));
    if (total > limit && offset === 0) say(`${count(total)} rows are written …`);
  }
  return parts;
}

/** @param {{name: string, values: readonly any[]}[]} columns @param {number} height */
function rowsOf(columns, height) {
  const lines = [];
  for (let i = 0; i < height; i += 1) lines.push(columns.map((column) => safeField(textOf(column.name, column.values[i]))).join(","));
  return lines.length ? `${lines.join("\r\n")}\r\n` : "";
}

/** A value in full, as the command line writes it: times as ISO 8601, durations in seconds. @param {string} name @param {any} value */
export function textOf(name, value) {
  if (value === null || value === undefined) return "";
  if (name === "start_time" || name === "end_time") return isDate(value) ? new Date(value).toISOString() : String(value);
  if (/^(?:(?:mean|std)\(duration\)|duration)$/.test(name)) return String(Number(value) / 1000);
  return String(value);
}
