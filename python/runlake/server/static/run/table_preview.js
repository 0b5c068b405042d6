// Preview of a table in a file: a page of rows and of columns, and any cell in full.
// @ts-check
import { h, useState } from "../vendor/preact.js";
import { view } from "../lib/api.js";
import { columns } from "../lib/arrow.js";
import { pathOfRun } from "../lib/files.js";
import { Code } from "../parts/copy.js";
import { Dialog } from "../parts/dialog.js";
import { Pager } from "../parts/pager.js";
import { Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";

const ROWS = 100;
const COLUMNS = 30;
const CHARACTERS = 120;
const MOST_CHARACTERS = 10_000;
const NUMBERS = /^(U?Int|Float|Decimal)/;

/** @typedef {{cells: (string | null)[][], heads: {name: string, type: string}[], width: number, whole: boolean, rows: number, offset: number, column: number}} Part cells: by column, from the row `offset` and the column `column` on */

/** @param {{id: string, path: string}} props */
export function TablePreview({ id, path }) {
  const [offset, setOffset] = useState(0);
  const [column, setColumn] = useState(0);
  const [cell, setCell] = useState(/** @type {{row: number, column: number, name: string} | null} */ (null));
  const { state, again } = useResource((signal) => ask(id, { path, offset, limit: ROWS, column, columns: COLUMNS, characters: CHARACTERS }, signal), [id, path, offset, column], [id, path]);
  const { data, error } = state.value;
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Reading the table" });
  return h(
    "div",
    { class: "table-preview" },
    error && h(Failure, { error, onRetry: again }),
    h(
      "div",
      { class: "part-bar" },
      h(Pager, { offset, limit: ROWS, total: data.rows, what: "rows", onMove: setOffset }),
      data.width > COLUMNS && h(Pager, { offset: column, limit: COLUMNS, total: data.width, what: "columns", onMove: setColumn }),
      !data.whole && h("span", { class: "quiet" }, "The beginning of a long file."),
    ),
    h(
      "div",
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Table" },
      h(
        "table",
        { class: "list cells" },
        h("thead", {}, h("tr", {}, h("td", {}), data.heads.map(({ name, type }, i) => h("th", { key: i, scope: "col", class: NUMBERS.test(type) ? "number" : "" }, h("span", { dir: "auto" }, name), h("div", { class: "quiet small" }, type))))),
        h("tbody", {}, Array.from({ length: data.cells[0]?.length ?? 0 }, (_, row) =>
          h(
            "tr",
            { key: row },
            h("th", { scope: "row", class: "number quiet" }, data.offset + row + 1),
            data.heads.map(({ name, type }, i) => h(Cell, { key: i, text: data.cells[i][row], isNumber: NUMBERS.test(type), onOpen: () => setCell({ row: data.offset + row, column: data.column + i, name }) })),
          ))),
      ),
    ),
    cell && h(WholeCell, { id, path, cell, onClose: () => setCell(null) }),
  );
}

/** @param {{text: string | null, isNumber: boolean, onOpen: () => void}} props */
function Cell({ text, isNumber, onOpen }) {
  if (text === null) return h("td", { class: "quiet" }, "null");
  const cut = text.length > CHARACTERS;
  return h("td", { class: isNumber ? "number" : "", dir: "auto" }, cut && [h("button", { type: "button", class: "link small", onClick: onOpen }, "all"), " "], text);
}

/** @param {{id: string, path: string, cell: {row: number, column: number, name: string}, onClose: () => void}} props */
function WholeCell({ id, path, cell, onClose }) {
  const { state, again } = useResource((signal) => ask(id, { path, offset: cell.row, limit: 1, column: cell.column, columns: 1, characters: MOST_CHARACTERS }, signal), []);
  const { data, error } = state.value;
  const text = data?.cells[0]?.[0] ?? "";
  return h(
    Dialog,
    { title: `${cell.name}, row ${cell.row + 1}`, onClose, wide: true },
    error ? h(Failure, { error, onRetry: again }) : data ? h(Code, { text, what: "the cell", wraps: true }) : h(Loading, { what: "Reading" }),
  );
}

/** @param {string} id @param {{offset: number, column: number, [name: string]: unknown}} fields @param {AbortSignal} signal @returns {Promise<Part>} */
async function ask(id, fields, signal) {
  const { parts: [table], notes, total } = await view(`${pathOfRun(id)}/artifacts/table`, fields, { signal });
  return { cells: [...columns(table).values()], heads: notes.columns, width: notes.width, whole: notes.whole, rows: total, offset: fields.offset, column: fields.column };
}
