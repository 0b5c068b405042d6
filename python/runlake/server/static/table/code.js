// Code: what is shown, as a program in Python and as a line for a shell. Texts are quoted so that nothing in them acts.
// @ts-check
import { read } from "./sorting.js";

/**
 * What is shown: `experiments` by name, names of columns and clauses of an order as filters have them.
 *
 * @typedef {{
 *   store: string, experiments: readonly string[], where: string, sort: readonly string[], lifecycle: "active" | "deleted" | "all",
 *   columns: readonly string[], group: readonly string[],
 * }} Shown
 */

const VIEWS = { active: "", deleted: "DELETED_ONLY", all: "ALL" };

/** What is shown as a program that gives a frame of Polars. @param {Shown} shown @returns {string} */
export function pythonOf({ store, experiments, where, sort, lifecycle, columns, group }) {
  const view = VIEWS[lifecycle];
  const said = [
    ...(experiments.length ? [`[${experiments.map(pythonText).join(", ")}]`] : []),
    ...(where ? [`where=${pythonText(where)}`] : []),
    ...(view ? [`view=ViewType.${view}`] : []),
  ];
  const steps = group.length ? groupSteps(group, columns) : [sortStep(sort), selectStep(columns)];
  const imports = ["import polars as pl", "import runlake", ...(view ? ["from runlake.entities import ViewType"] : [])];
  return [
    ...imports, "", `runlake.set_tracking_uri(${pythonText(store)})`,
    "runs = (", `    runlake.runs(${said.join(", ")})`, ...steps.map((step) => `    ${step}`), "    .collect()", ")", "",
  ].join("\n");
}

/** What is shown as a line for a shell. @param {Shown} shown @returns {string} */
export function cliOf({ store, experiments, where, sort, lifecycle, columns }) {
  const names = columns.filter((name) => !isFunction(name)).map((name) => patternOf(frameName(name)));
  const parts = [
    "runlake runs", `--store ${shellText(store)}`,
    ...experiments.map((name) => `-e ${shellText(name)}`),
    ...(where ? [`-w ${shellText(where)}`] : []),
    ...sort.map((clause) => `-s ${shellText(clause)}`),
    ...(names.length ? [`-c ${shellText(names.join(","))}`] : []),
    "-n 0", ...(lifecycle === "deleted" ? ["--deleted"] : []),
  ];
  return parts.join(" ");
}

/** A text in Python: JSON's escapes are among Python's. @param {string} text */
export function pythonText(text) {
  return JSON.stringify(text);
}

/** A text for a POSIX shell. @param {string} text */
export function shellText(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A column as frames name it: without the quotation marks of filters. @param {string} name */
export function frameName(name) {
  return name.replace(/^(\w+)\.(`|"|')(.*)\2$/s, "$1.$3");
}

/** Whether a column is a function of a metric, which frames do not have. @param {string} name */
export function isFunction(name) {
  return /^\w+\(.*\)$/s.test(name);
}

/** A name for `--columns`, in which `*`, `?` and brackets are patterns and a comma ends a name. @param {string} name */
function patternOf(name) {
  if (/\.\*$/.test(name)) return name;
  return name.replace(/[*?[]/g, "[$&]").replaceAll(",", "?").replace(/^\s|\s$/g, "?");
}

/** The order of the table: without a value last, then the latest first. @param {readonly string[]} sort */
function sortStep(sort) {
  const clauses = sort.map(read).filter(({ name }) => !isFunction(name));
  const keys = clauses.map(({ name }) => (name.startsWith("metrics.") ? `pl.col(${pythonText(frameName(name))}).fill_nan(None)` : pythonText(frameName(name))));
  const down = [...clauses.map(({ descending }) => (descending ? "True" : "False")), "True", "False"];
  return `.sort(${[...keys, '"start_time"', '"run_id"'].join(", ")}, descending=[${down.join(", ")}], nulls_last=True)`;
}

/** @param {readonly string[]} columns */
function selectStep(columns) {
  const names = columns.filter((name) => !isFunction(name) && name !== "run_id").map((name) => {
    const kind = /^(params|metrics|tags)\.\*$/.exec(name)?.[1];
    return pythonText(kind ? `^${kind}\\..*$` : frameName(name));
  });
  return `.select(${['"run_id"', ...names].join(", ")})`;
}

/** @param {readonly string[]} group @param {readonly string[]} columns */
function groupSteps(group, columns) {
  const metrics = columns.filter((name) => name.startsWith("metrics.") && !/\.\*$/.test(name)).map((name) => pythonText(frameName(name)));
  const means = metrics.length ? [`pl.col(${metrics.join(", ")}).mean()`] : [];
  return [`.group_by(${group.map((name) => pythonText(frameName(name))).join(", ")}, maintain_order=True)`, `.agg(${['pl.len().alias("runs")', ...means].join(", ")})`];
}
