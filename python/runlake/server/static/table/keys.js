// Keys of the grid, as the pattern "grid" of the ARIA practices has them.
// @ts-check

/** @typedef {import("./grid.js").Grid} Grid */

/**
 * Where a key leads; null when it leads nowhere.
 *
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean}} event
 * @param {{row: number, column: number}} at row -1 is the head
 * @param {{rows: number, columns: number, page: number}} size page: rows that fit the view
 * @returns {{row: number, column: number} | null}
 */
export function towards({ key, ctrlKey, metaKey }, { row, column }, { rows, columns, page }) {
  const far = ctrlKey || metaKey;
  switch (key) {
    case "ArrowDown": return { row: far ? rows - 1 : row + 1, column };
    case "ArrowUp": return { row: far ? 0 : row - 1, column };
    case "ArrowRight": return { row, column: far ? columns - 1 : column + 1 };
    case "ArrowLeft": return { row, column: far ? 0 : column - 1 };
    case "PageDown": return { row: row + page, column };
    case "PageUp": return { row: Math.max(Math.min(row, 0), row - page), column };
    case "Home": return far ? { row: 0, column: 0 } : { row, column: 0 };
    case "End": return far ? { row: rows - 1, column: columns - 1 } : { row, column: columns - 1 };
    default: return null;
  }
}

/**
 * Make the grid answer to keys.
 *
 * @param {Grid} grid
 * @param {(event: KeyboardEvent, at: {row: number, column: number}) => boolean} act what other keys do; true when done
 * @returns {() => void}
 */
export function listen(grid, act) {
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.target !== grid.host) return;
    const done = act(event, grid.active) || go(grid, event);
    if (done) event.preventDefault();
  };
  grid.host.addEventListener("keydown", onKeyDown);
  return () => grid.host.removeEventListener("keydown", onKeyDown);
}

/** @param {Grid} grid @param {KeyboardEvent} event */
function go(grid, event) {
  if (event.altKey || event.shiftKey) return false;
  const layout = grid.source.layout();
  const page = Math.max(1, Math.floor(grid.height / grid.rowHeight) - 1);
  const size = { rows: grid.source.rows(), columns: layout.frozen.length + layout.free.length, page };
  const next = towards(event, grid.active, size);
  if (next) grid.activate(next.row, next.column);
  return next !== null;
}
