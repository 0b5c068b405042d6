// Edit in place: names, tags and notes of runs, in the cell that shows them.
// @ts-check
import { ApiError, get, send } from "../lib/api.js";
import { CHARACTERS } from "../lib/rows.js";
import { NAME, keyOf, kindOf } from "../state/layout.js";
import { renew } from "../state/runs.js";
import { complain } from "../state/toasts.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("../state/layout.js").Placed} Placed */

/**
 * Let somebody write into a cell. Enter and leaving keep it, Escape does not; what is refused stays to be mended. Why it cannot
 * be begun is said.
 *
 * @param {HTMLElement} host the grid, which has the focus again in the end
 * @param {HTMLElement} cell
 * @param {Row} row
 * @param {string} name of the column
 */
export async function edit(host, cell, row, name) {
  const before = await whole(row, name).catch(complain);
  if (before === undefined) return;
  const field = document.createElement("textarea");
  field.className = "cell-editor";
  field.value = before;
  field.rows = 1;
  field.setAttribute("aria-label", `${name === NAME ? "Name" : keyOf(name)} of ${row.value(NAME) || row.id}`);
  const problem = Object.assign(document.createElement("p"), { className: "cell-problem", id: "cell-problem" });
  problem.setAttribute("role", "alert");
  const box = Object.assign(document.createElement("div"), { className: "cell-edit" });
  box.append(field, problem);
  host.after(box); // it is left with the page
  settle(box, field, cell);
  field.focus();
  field.select();
  let isDone = false;
  const end = () => {
    const isLeft = !box.contains(document.activeElement); // somebody writes elsewhere already
    isDone = true;
    box.remove();
    if (!isLeft) host.focus({ preventScroll: true });
  };
  const keep = async () => {
    if (isDone || field.readOnly) return;
    if (field.value === before) return end();
    field.readOnly = true;
    try {
      await save(row.id, name, field.value);
      put(row, name, field.value);
      end();
    } catch (error) {
      refuse(field, problem, error);
    }
  };
  field.addEventListener("blur", () => void keep());
  field.addEventListener("input", () => settle(box, field, cell));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") end();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void keep();
    else return;
    event.preventDefault();
  });
}

/** The text of a cell in full: that of the table may be cut. @param {Row} row @param {string} name @returns {Promise<string>} */
export async function whole(row, name) {
  const text = String(row.value(name) ?? "");
  const kind = kindOf(name);
  if ([...text].length <= CHARACTERS || (!kind && name !== NAME)) return text;
  const said = await get(`runs/${row.id}`);
  return name === NAME ? said.run.run_name : (said[kind][keyOf(name)] ?? "");
}

/** @param {string} id @param {string} name @param {string} text */
function save(id, name, text) {
  return send("PATCH", `runs/${id}`, name === NAME ? { name: text } : { tags: { [keyOf(name)]: text } });
}

/** Show what was kept before the server is asked for it. @param {Row} row @param {string} name @param {string} text */
function put(row, name, text) {
  row.list.windows.put(row.index, name, text);
  renew();
}

/** @param {HTMLTextAreaElement} field @param {HTMLElement} problem @param {unknown} error */
function refuse(field, problem, error) {
  field.readOnly = false;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", problem.id);
  const hint = error instanceof ApiError ? error.hint : null;
  problem.textContent = [error instanceof Error ? error.message : String(error), hint].filter(Boolean).join(" ");
}

/** @param {HTMLElement} box @param {HTMLTextAreaElement} field @param {HTMLElement} cell */
function settle(box, field, cell) {
  const at = cell.getBoundingClientRect();
  box.style.left = `${at.left}px`;
  box.style.top = `${at.top}px`;
  box.style.width = `${Math.min(Math.max(at.width, 220), innerWidth - at.left - 8)}px`;
  field.style.height = "auto";
  field.style.height = `${Math.max(at.height, Math.min(field.scrollHeight + 2, 240))}px`;
}
