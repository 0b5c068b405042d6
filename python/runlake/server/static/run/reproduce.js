// Reproduce: the lines of a shell that lead to the same program with the same packages, as far as they were recorded.
// @ts-check
import { h } from "../vendor/preact.js";
import { urlOf } from "../lib/api.js";
import { pathOfRun } from "../lib/files.js";
import { Code } from "../parts/copy.js";
import { Icon } from "../parts/icon.js";
import { Empty } from "../parts/state.js";
import { checkout, install } from "./recipe.js";
import { useHere } from "./run.js";

export default function Reproduce() {
  const { run, params, provenance } = useHere().run;
  const { command, git_commit: commit, git_dirty: dirty, patch, packages } = provenance;
  const raw = (/** @type {string} */ path) => urlOf(`${pathOfRun(run.run_id)}/artifacts/raw`, { path, download: 1 });
  if (!command && !commit && Object.keys(packages).length === 0) {
    return h(Empty, { title: "Nothing was recorded to reproduce this run by." }, h("p", { class: "quiet" }, "runlake.start_run records the command, the commit and the packages by itself; other clients may not."));
  }
  return h(
    "section",
    { class: "reproduce", "aria-label": "Reproduce" },
    commit && [
      h("h2", {}, "1. The code"),
      h(Code, { text: checkout(provenance), what: "the lines that check out the code" }),
      dirty && h("p", {}, h(Icon, { name: "info" }), " Files differed from the commit. ", patch
        ? [h("a", { href: raw(patch), download: "" }, "Their differences"), " are an artifact of the run: save the file, then apply it as above."]
        : "How, was not recorded."),
    ],
    Object.keys(packages).length > 0 && [
      h("h2", {}, "2. The environment"),
      h(Code, { text: install(provenance), what: "the lines that install the packages" }),
      h("p", {}, h("a", { href: raw("runlake/requirements.txt"), download: "" }, "requirements.txt"), ` has the ${Object.keys(packages).length} packages that could be imported.`),
    ],
    command && [h("h2", {}, "3. The command"), h(Code, { text: command, what: "the command" })],
    Object.keys(params).length > 0 && h("p", { class: "quiet" }, "The parameters of the run are in the part “Parameters”, to be copied as JSON."),
  );
}
