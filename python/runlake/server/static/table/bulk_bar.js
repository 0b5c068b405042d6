// Bulk bar: what can be done with the runs that are selected.
// @ts-check
import { h, useSignal } from "../vendor/preact.js";
import { count, plural } from "../lib/format.js";
import { go } from "../lib/router.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { runs, total } from "../state/runs.js";
import { complain } from "../state/toasts.js";
import { view } from "../state/view.js";
import { selected } from "../state/visible.js";
import { changeRuns, deleteRuns, idsSelected } from "./bulk.js";
import { chooseAll, everyone, groups } from "./selection.js";

const MOST_COMPARED = 50;

/** How many runs the filter leaves, nested ones among them. */
function all() {
  return total.value + runs.value.nested;
}

/** How many runs are selected. */
function sizeOf() {
  if (everyone.value) return all();
  return [...groups.value.values()].reduce((sum, group) => sum + group.runs, selected.value.size);
}

export function BulkBar() {
  const asking = useSignal(/** @type {{what: "delete" | "restore" | "tag", ids: string[]} | null} */ (null));
  const size = sizeOf();
  if (!size && !asking.value) return null;
  const open = async (/** @type {"delete" | "restore" | "tag"} */ what) => {
    try {
      asking.value = { what, ids: await idsSelected() };
    } catch (error) {
      complain(error);
    }
  };
  const compare = async () => {
    const ids = await idsSelected().catch(complain);
    if (ids) go(`/compare?${new URLSearchParams(ids.map((id) => ["run", id]))}`);
  };
  const close = () => { asking.value = null; };
  return h(
    "div",
    { class: "bulk-bar", role: "region", "aria-label": "Runs selected" },
    h("strong", { role: "status" }, `${plural(size, "run")} selected`),
    !everyone.value && size < all() && !view.group.value.length && h("button", { type: "button", class: "link", onClick: () => chooseAll(true) }, `Select all ${count(all())}`),
    h("span", { class: "spacer" }),
    h("button", { type: "button", onClick: compare, disabled: size < 2 || size > MOST_COMPARED, title: size > MOST_COMPARED ? `At most ${MOST_COMPARED} runs can be compared` : undefined }, "Compare"),
    h("button", { type: "button", onClick: () => open("tag") }, h(Icon, { name: "tag" }), "Tag"),
    view.lifecycle.value !== "active" && h("button", { type: "button", onClick: () => open("restore") }, h(Icon, { name: "rotate-ccw" }), "Restore"),
    view.lifecycle.value !== "deleted" && h("button", { type: "button", class: "danger", onClick: () => open("delete") }, h(Icon, { name: "trash-2" }), "Delete"),
    h("button", { type: "button", class: "link", onClick: () => chooseAll(false) }, "Select none"),
    asking.value && h(Question, { ...asking.value, onClose: close }),
  );
}

/** @param {{what: "delete" | "restore" | "tag", ids: string[], onClose: () => void}} props */
function Question({ what, ids, onClose }) {
  if (what === "tag") return h(TagDialog, { ids, onClose });
  const those = plural(ids.length, "run");
  if (what === "restore") {
    const restore = () => { onClose(); chooseAll(false); changeRuns(ids, { state: "active" }, "restored"); };
    return h(Confirm, { title: `Restore ${those}?`, action: `Restore ${those}`, onDo: restore, onClose }, h("p", {}, "They will be among the active runs again."));
  }
  const remove = () => { onClose(); deleteRuns(ids); };
  return h(
    Confirm,
    { title: `Delete ${those}?`, action: `Delete ${those}`, danger: true, onDo: remove, onClose },
    h("p", {}, "They disappear from tables and charts. They stay in the store and can be restored until it is cleaned by ", h("code", {}, "runlake gc"), "."),
  );
}

/** @param {{ids: string[], onClose: () => void}} props */
function TagDialog({ ids, onClose }) {
  const key = useSignal("");
  const value = useSignal("");
  const removes = useSignal(false);
  const those = plural(ids.length, "run");
  const label = removes.value ? `Remove the tag from ${those}` : `Tag ${those}`;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const name = key.value.trim();
    if (!name) return;
    onClose();
    changeRuns(ids, { tags: { [name]: removes.value ? null : value.value } }, removes.value ? `without the tag ${name} now` : `tagged ${name}`);
  };
  return h(
    Dialog,
    { title: label, onClose },
    h(
      "form",
      { class: "tag-form", onSubmit: submit },
      h("label", {}, "Tag", h("input", { type: "text", required: true, autofocus: true, value: key.value, spellcheck: false, onInput: (/** @type {any} */ event) => { key.value = event.target.value; } })),
      h("label", {}, "Value", h("input", { type: "text", disabled: removes.value, value: value.value, onInput: (/** @type {any} */ event) => { value.value = event.target.value; } })),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: removes.value, onChange: (/** @type {any} */ event) => { removes.value = event.target.checked; } }), " remove the tag instead"),
      h("footer", {}, h("button", { type: "button", onClick: onClose }, "Cancel"), h("button", { type: "submit", class: "primary" }, label)),
    ),
  );
}
