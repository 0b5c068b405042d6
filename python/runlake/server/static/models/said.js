// Said: the description and the tags of a model or a version, read or changed in place.
// @ts-check
import { h } from "../vendor/preact.js";
import { Editable } from "../parts/editable.js";
import { Markdown } from "../parts/markdown.js";
import { Tags } from "../parts/tags.js";

/** @typedef {{description?: string, tags?: Record<string, string | null>}} Edit a tag that is null is removed */

const LINES = 8;

/** @param {{what: string, description: string, tags: Record<string, string>, may: boolean, onEdit: (fields: Edit) => Promise<void>}} props what: that is described */
export function Said({ what, description, tags, may, onEdit }) {
  return h(
    "div",
    { class: "plate said-of note" },
    h(
      Editable,
      { value: description, label: `description of ${what}`, may, lines: LINES, action: description ? "Edit" : "Describe it", onSave: (text) => onEdit({ description: text }) },
      description ? h(Markdown, { text: description }) : h("p", { class: "quiet" }, "No description."),
    ),
    h(Tags, { tags, may, onPut: (changes) => onEdit({ tags: changes }) }),
  );
}
