// Text artifacts of two runs, line by line.
// @ts-check
import { h, useEffect, useMemo, useState } from "../vendor/preact.js";
import { list, readText } from "../lib/files.js";
import { size } from "../lib/format.js";
import { diff, folded } from "../lib/linediff.js";
import { Combobox } from "../parts/combobox.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";

const MOST = 512 << 10; // bytes of each text
const AROUND = 3;
const SHOWN = 5000; // lines
const FILES = 1000;
const TEXTS = ["text", "json", "markdown", "html", "table", "model"];
const MARKS = { "=": " ", "-": "−", "+": "+" };

/** @param {{runs: readonly string[], names: readonly string[], baseline: number}} props */
export function TextDiff({ runs, names, baseline }) {
  const [other, setOther] = useState(-1);
  const [path, setPath] = useState("");
  const against = other >= 0 && other < runs.length && other !== baseline ? other : runs.findIndex((_, at) => at !== baseline);
  useEffect(() => setOther(-1), [runs.join()]);
  return h(
    "section",
    { class: "text-diff", "aria-labelledby": "text-diff" },
    h("h2", { id: "text-diff" }, "Text artifacts"),
    h(
      "div",
      { class: "part-bar" },
      h(Combobox, { label: "File in both runs", placeholder: "config.yaml", keepsText: true, free: true, value: path, find: (text, signal) => suggest(runs[baseline], text, signal), onChoose: (chosen) => { if (!chosen.endsWith("/")) setPath(chosen); } }),
      runs.length > 2 && h(
        "label",
        {},
        "of the baseline and ",
        h("select", { value: String(against), onChange: (/** @type {any} */ event) => setOther(Number(event.target.value)) }, names.map((name, at) => at !== baseline && h("option", { key: at, value: String(at) }, name))),
      ),
    ),
    path && h(Differences, { key: path, path, first: runs[baseline], second: runs[against], names: [names[baseline], names[against]] }),
  );
}

/** Files of a folder that can be compared, whose paths begin with a text. @param {string} run @param {string} text @param {AbortSignal} signal */
async function suggest(run, text, signal) {
  const folder = text.split("/").slice(0, -1).join("/");
  const { files } = await list(run, folder, 0, FILES, signal);
  return files
    .filter((file) => file.path.startsWith(text) && (file.is_dir || TEXTS.includes(file.kind)))
    .map((file) => ({ value: file.is_dir ? `${file.path}/` : file.path, label: file.path, detail: file.is_dir ? "folder" : size(file.size ?? 0) }));
}

/** @param {{path: string, first: string, second: string, names: [string, string]}} props */
function Differences({ path, first, second, names }) {
  const { state, again } = useResource((signal) => Promise.all([first, second].map((run) => readText(run, path, { first: MOST }, signal))), [path, first, second]);
  const { data, error } = state.value;
  const found = useMemo(() => data && diff(data[0].text, data[1].text), [data]);
  if (error) return h(Failure, { error, onRetry: again });
  if (!data || !found) return h(Loading, { what: "Reading" });
  if (found.lines.every(({ kind }) => kind === "=")) return h(Empty, { title: "Both runs have the same text." });
  const lines = folded(found.lines, AROUND).slice(0, SHOWN);
  const cut = data.some((one) => one.size > MOST);
  return [
    h("p", { class: "quiet" }, "− only in ", h("bdi", {}, names[0]), ", + only in ", h("bdi", {}, names[1]), cut && `. Of longer files the first ${size(MOST)}`, !found.whole && ". The texts differ too much for the shortest difference"),
    h(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Differences" },
      h("div", { class: "diff-lines" }, lines.map((line, at) =>
        typeof line === "number"
          ? h("div", { key: at, class: "quiet diff-gap" }, `${line} lines that both have`)
          : h("div", { key: at, class: line.kind === "-" ? "diff-line removed" : line.kind === "+" ? "diff-line added" : "diff-line" }, h("span", { class: "diff-mark" }, MARKS[line.kind]), h("span", { dir: "auto" }, line.text)))),
    ),
  ];
}
