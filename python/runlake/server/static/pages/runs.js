// Page of runs: the filter, the table, and the charts beside it.
// @ts-check
import { h, useEffect, useMemo } from "../vendor/preact.js";
import { count } from "../lib/format.js";
import { begin, total } from "../state/runs.js";
import { forget } from "../state/visible.js";
import { Table } from "../table/table.js";

export default function RunsPage() {
  const end = useMemo(begin, []); // asked before anything is drawn
  useEffect(() => () => { end(); forget(); }, [end]);
  return h(
    "div",
    { class: "runs-page" },
    h("h1", { class: "visually-hidden" }, "Runs"),
    h("p", { class: "runs-count", role: "status" }, Number.isNaN(total.value) ? "" : `${count(total.value)} runs`),
    h(Table, {}),
  );
}
