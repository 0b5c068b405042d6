// Preview of a file of a run: what it is decides how it is shown.
// @ts-check
import { h } from "../vendor/preact.js";
import { find, rawUrl, readText, resolved } from "../lib/files.js";
import { size } from "../lib/format.js";
import { Copy } from "../parts/copy.js";
import { Icon } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { JsonTree } from "./json_tree.js";
import { Markdown } from "../parts/markdown.js";
import { ModelFile } from "./model_file.js";
import { useHere, useOfRun } from "./run.js";
import { TablePreview } from "./table_preview.js";
import { TextLines } from "./text_lines.js";

/** @typedef {import("../lib/files.js").File} File */

const MOST_TEXT = 1 << 20;
const MOST_FOLDED = 4 << 20; // of JSON that is read as a whole

/** @param {{path: string, link: (path: string) => string}} props */
export function Preview({ path, link }) {
  const { run } = useHere();
  const id = run.run.run_id;
  const { state, again } = useOfRun((signal) => find(id, path, signal).then((file) => ({ file })), [id, path]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for the file" });
  const { file } = data;
  if (!file) return h(Empty, { title: "There is no such file." });
  return [
    h(
      "header",
      { class: "preview-head" },
      h("h2", { dir: "auto" }, file.name),
      h("span", { class: "quiet" }, file.is_dir ? "folder" : size(file.size ?? 0)),
      h(Copy, { text: file.path, what: "the path" }),
      !file.is_dir && h("a", { class: "button", href: rawUrl(id, file.path, true), download: file.name }, h(Icon, { name: "download", size: 14 }), "Download"),
    ),
    file.size === 0 ? h(Empty, { title: "The file is empty." }) : h(Shown, { key: file.path, id, file, link }),
  ];
}

/** @param {{id: string, file: File, link: (path: string) => string}} props */
function Shown({ id, file, link }) {
  const url = rawUrl(id, file.path);
  switch (file.kind) {
    case "image":
      return h("img", { class: "picture", src: url, alt: file.name });
    case "audio":
      return h("audio", { controls: true, src: url, "aria-label": file.name });
    case "video":
      return h("video", { controls: true, src: url, "aria-label": file.name });
    case "pdf":
      return h("iframe", { class: "document", src: url, title: file.name });
    case "html":
      return [
        h("p", { class: "quiet small" }, "Scripts do not run here, so what they would draw is missing. Download the file to see all of it."),
        h("iframe", { class: "document paper", src: url, title: file.name, sandbox: "" }),
      ];
    case "table":
      return h(TablePreview, { id, path: file.path });
    case "text":
    case "json":
    case "markdown":
    case "model":
      return h(TextShown, { id, file, link });
    default:
      return h(Empty, { title: "Files of this kind cannot be shown." }, h("p", { class: "quiet" }, "Download it to look at it."));
  }
}

/** @param {{id: string, file: File, link: (path: string) => string}} props */
function TextShown({ id, file }) {
  const first = file.kind === "json" ? MOST_FOLDED : MOST_TEXT;
  const { state, again } = useResource((signal) => readText(id, file.path, { first }, signal), [id, file.path]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Reading" });
  const whole = data.text.length > 0 && data.size <= first;
  const cut = !whole && h("p", { class: "quiet" }, `The first ${size(first)} of ${size(data.size)}.`);
  if (whole && file.kind === "json") return h(JsonTree, { text: data.text });
  if (whole && file.kind === "model") return h(ModelFile, { id, path: file.path, text: data.text });
  if (whole && file.kind === "markdown") return h(Markdown, { text: data.text, image: (address) => picture(id, file.path, address) });
  return [cut, h(TextLines, { text: data.text, label: file.name })];
}

/** @param {string} id @param {string} document @param {string} address */
function picture(id, document, address) {
  const path = resolved(document, address);
  return path === null ? (address.startsWith("data:image/") ? address : null) : rawUrl(id, path);
}
