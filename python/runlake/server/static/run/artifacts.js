// Artifacts of a run: a tree of its files, and the one that the address names, shown as what it is.
// @ts-check
import { h, useEffect, useState } from "../vendor/preact.js";
import { foldersOf, list, listAll } from "../lib/files.js";
import { count, size } from "../lib/format.js";
import { place } from "../lib/router.js";
import { Icon } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { Preview } from "./preview.js";
import { useHere, useOfRun } from "./run.js";

/** @typedef {import("../lib/files.js").File} File */

const AT_ONCE = 200;
const MORE = 1000;
const ICONS = /** @type {Record<string, string>} */ ({ folder: "folder", model: "package", image: "image", table: "table" });

/** @param {{to: (tab: string) => string}} props */
export default function Artifacts({ to }) {
  const { run } = useHere();
  const id = run.run.run_id;
  const path = new URLSearchParams(place.value.search).get("path") ?? "";
  /** @param {string} chosen */
  const link = (chosen) => `${to("artifacts")}&path=${encodeURIComponent(chosen)}`;
  const { state, again } = useOfRun((signal) => list(id, "", 0, 1, signal), [id]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Looking for files" });
  if (data.total === 0) return h(Empty, { title: "The run has no artifacts." });
  return h(
    "div",
    { class: "artifacts" },
    h("nav", { class: "tree", "aria-label": "Files" }, h(Folder, { path: "", chosen: path, link })),
    h("section", { class: "preview", "aria-label": "Preview" }, path ? h(Preview, { key: path, path, link }) : h(Empty, { title: "Choose a file to look at it." })),
  );
}

/** @param {{path: string, chosen: string, link: (path: string) => string}} props */
function Folder({ path, chosen, link }) {
  const { run } = useHere();
  const id = run.run.run_id;
  const [limit, setLimit] = useState(AT_ONCE);
  const { state, again } = useOfRun((signal) => listAll(id, path, limit, signal), [id, path, limit], [id, path]);
  const { data, error } = state.value;
  if (error && !data) return h("p", { class: "mistake", role: "alert" }, error.message, " ", h("button", { type: "button", class: "link", onClick: again }, "Try again"));
  if (!data) return h("p", { class: "quiet" }, "…");
  const left = data.total - data.files.length;
  return h(
    "ul",
    {},
    data.files.map((file) => h(Entry, { key: file.path, file, chosen, link })),
    left > 0 && h("li", {}, h("button", { type: "button", class: "link", onClick: () => setLimit(limit + MORE) }, `${count(Math.min(left, MORE))} of ${count(left)} more`)),
  );
}

/** @param {{file: File, chosen: string, link: (path: string) => string}} props */
function Entry({ file, chosen, link }) {
  const leads = file.is_dir && foldersOf(chosen).includes(file.path);
  const [open, setOpen] = useState(leads);
  useEffect(() => {
    if (leads) setOpen(true);
  }, [leads]);
  const name = [h(Icon, { name: ICONS[file.kind] ?? "file", size: 14 }), h("span", { dir: "auto", class: "file-name" }, file.name)];
  if (!file.is_dir) {
    return h("li", {}, h("a", { href: link(file.path), "aria-current": file.path === chosen ? "page" : undefined }, name, h("span", { class: "quiet small" }, size(file.size ?? 0))));
  }
  return h(
    "li",
    {},
    h(
      "span",
      { class: "folder-line" },
      h("button", { type: "button", class: "link", "aria-expanded": open, onClick: () => setOpen(!open) }, h(Icon, { name: open ? "chevron-down" : "chevron-right", size: 14 }), name),
      file.kind === "model" && h("a", { href: link(`${file.path}/MLmodel`), class: "small" }, "model"),
    ),
    open && h(Folder, { path: file.path, chosen, link }),
  );
}
