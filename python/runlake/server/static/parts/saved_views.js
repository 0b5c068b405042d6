// Saved views: open one, keep what is shown as one, delete one.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { since } from "../lib/format.js";
import { useResource } from "../state/resource.js";
import { keep, open, remove, saved } from "../state/saved.js";
import { Dialog } from "./dialog.js";
import { IconButton } from "./icon.js";
import { Failure, Loading } from "./state.js";

/** @typedef {import("../state/saved.js").SavedView} SavedView */

/** @param {{onClose: () => void}} props */
export default function SavedViews({ onClose }) {
  const { state, again } = useResource((signal) => saved(signal), []);
  const [refused, setRefused] = useState(/** @type {any} */ (null));
  const { data, error } = state.value;

  /** @param {() => Promise<unknown>} work @returns {Promise<boolean>} whether it was done */
  const attempt = async (work) => {
    setRefused(null);
    try {
      await work();
    } catch (error) {
      setRefused(error);
      return false;
    }
    await again();
    return true;
  };
  return h(
    Dialog,
    { title: "Saved views", onClose, wide: true },
    h(Keep, { known: data ?? [], onKeep: (name) => attempt(() => keep(name)) }),
    refused && h("p", { class: "mistake", role: "alert", dir: "auto" }, [refused.message, refused.hint].filter(Boolean).join(" ")),
    error ? h(Failure, { error, onRetry: again }) : !data ? h(Loading, { what: "Looking for views" }) : null,
    data?.length === 0 && h("p", { class: "quiet" }, "None yet. A view keeps the filter, the order, the columns and the charts as they are now, for all who use this store."),
    h(
      "ul",
      { class: "views" },
      data?.map((one) =>
        h(
          "li",
          { key: one.name },
          h("button", { type: "button", class: "link", dir: "auto", onClick: () => { onClose(); open(one.name); } }, one.name),
          h("span", { class: "quiet" }, [one.user_id, since(one.last_update_time)].filter(Boolean).join(", ")),
          h(IconButton, { icon: "trash-2", label: `Delete the view ${one.name}`, onClick: () => attempt(() => remove(one.name)) }),
        ),
      ),
    ),
  );
}

/** @param {{known: readonly SavedView[], onKeep: (name: string) => Promise<boolean>}} props onKeep: tells whether it was kept */
function Keep({ known, onKeep }) {
  const [name, setName] = useState("");
  const replaces = known.some((one) => one.name === name.trim());
  return h(
    "form",
    {
      class: "keep-view",
      onSubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (name.trim() && (await onKeep(name.trim()))) setName("");
      },
    },
    h("input", {
      type: "text", value: name, "aria-label": "Name of the view", placeholder: "Name for what is shown now", maxLength: 200,
      onInput: (/** @type {any} */ event) => setName(event.target.value),
    }),
    h("button", { class: "primary", disabled: !name.trim() }, replaces ? "Replace" : "Save"),
  );
}
