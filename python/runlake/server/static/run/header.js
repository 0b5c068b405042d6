// Head of the page of a run: what it is called, how it stands, what it belongs to.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { send } from "../lib/api.js";
import { duration, plural, since, time } from "../lib/format.js";
import { quoted } from "../lib/quoting.js";
import { pathOf } from "../lib/router.js";
import { Chip, Status } from "../parts/chip.js";
import { copy } from "../parts/copy.js";
import { Confirm } from "../parts/dialog.js";
import { Editable } from "../parts/editable.js";
import { Menu } from "../parts/menu.js";
import { Tags } from "../parts/tags.js";
import { complain, say } from "../state/toasts.js";
import { linkTo } from "../state/view.js";
import { useHere } from "./run.js";

const LONGEST_NAME = 8000;

export function Header() {
  const { run: all, edit } = useHere();
  const { run } = all;
  return h(
    "header",
    { class: "run-head" },
    h(Where, {}),
    h(
      "div",
      { class: "page-head" },
      h(Editable, { value: run.run_name, label: "name of the run", may: all.may_edit, most: LONGEST_NAME, action: "Rename", onSave: (name) => edit({ name }) }, h("h1", { dir: "auto" }, run.run_name)),
      h(Status, { status: run.status }),
      run.lifecycle_stage === "deleted" && h(Chip, { text: "deleted", tone: "bad" }),
      h("span", { class: "spacer" }),
      h(Actions, {}),
    ),
    h(Times, {}),
    h(Registered, {}),
    h(Tags, { tags: all.tags, may: all.may_edit, onPut: (tags) => edit({ tags }) }),
  );
}

/** The way here: the experiment, and the run that this one is nested in. */
function Where() {
  const { run: all } = useHere();
  const { run, parent, parent_name: parentName } = all;
  return h(
    "nav",
    { class: "trail quiet", "aria-label": "Belongs to" },
    h("a", { href: linkTo({ experiments: [run.experiment_id] }), dir: "auto" }, run.experiment_name),
    parent && [" / ", h("a", { href: pathOf("run", { run: parent }), dir: "auto" }, parentName ?? parent)],
    all.children_total > 0 && [" · ", h("a", { href: nestedIn(run) }, plural(all.children_total, "nested run"))],
  );
}

/** @param {import("./run.js").Attributes} run */
function nestedIn(run) {
  return linkTo({ experiments: [run.experiment_id], where: `tags.mlflow.parentRunId = ${quoted(run.run_id)}` });
}

/** The registered versions that were made of what the run has logged. */
function Registered() {
  const versions = useHere().run.models.flatMap((model) => model.registered);
  if (versions.length === 0) return null;
  return h(
    "p",
    { class: "registered" },
    h("span", { class: "quiet" }, "Registered as "),
    versions.map(({ name, version, stage, aliases }, at) => [
      at > 0 && ", ",
      h("a", { href: pathOf("version", { model: name, version: String(version) }), dir: "auto" }, `${name} ${version}`),
      stage !== "None" && [" ", h(Chip, { text: stage, tone: stage === "Production" ? "good" : "" })],
      aliases.map((alias) => [" ", h(Chip, { key: alias, text: `@${alias}` })]),
    ]),
  );
}

function Times() {
  const { run } = useHere().run;
  const end = run.end_time ?? Date.now();
  return h(
    "p",
    { class: "quiet run-times" },
    run.start_time !== null && h("span", { title: time(run.start_time) }, "began ", since(run.start_time), ", ", time(run.start_time)),
    run.start_time !== null && h("span", {}, run.end_time === null ? "for " : "took ", duration(end - run.start_time)),
    run.user_id && h("span", {}, "by ", h("bdi", {}, run.user_id)),
    h("span", {}, "id ", h("code", {}, run.run_id)),
  );
}

function Actions() {
  const { run: all, again } = useHere();
  const { run } = all;
  const [asking, setAsking] = useState(false);
  const isDeleted = run.lifecycle_stage === "deleted";
  /** @param {"deleted" | "active"} state */
  const mark = async (state) => {
    setAsking(false);
    try {
      const { refused } = await send("POST", "runs/change", { runs: [run.run_id], state });
      if (refused.length) throw new Error(refused[0].message);
      say(state === "deleted" ? "Deleted the run." : "Restored the run.", state === "deleted" ? { action: { label: "Undo", run: () => void mark("active") } } : {});
      again();
    } catch (error) {
      complain(error);
    }
  };
  const python = `import runlake\n\nrun = runlake.get_run("${run.run_id}")`;
  return [
    h(Menu, {
      label: "More about this run",
      items: [
        { label: "Ask the server again", icon: "rotate-ccw", run: again },
        { label: "Copy its id", icon: "copy", run: () => void copy(run.run_id, "the id") },
        { label: "Copy as Python", icon: "copy", run: () => void copy(python, "the Python code") },
        { label: "Compare with other runs", icon: "columns-3", href: `/compare?run=${encodeURIComponent(run.run_id)}` },
        ...(all.may_manage ? /** @type {const} */ (["-", isDeleted
          ? { label: "Restore", icon: "rotate-ccw", run: () => void mark("active") }
          : { label: "Delete …", icon: "trash-2", danger: true, run: () => setAsking(true) }]) : []),
      ],
    }),
    asking && h(
      Confirm,
      { title: "Delete this run?", action: "Delete", danger: true, onDo: () => void mark("deleted"), onClose: () => setAsking(false) },
      h("p", {}, "It is left out of lists from then on. It can be restored until ", h("code", {}, "runlake gc"), " removes it for good."),
    ),
  ];
}
