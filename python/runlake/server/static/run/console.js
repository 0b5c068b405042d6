// Console of a run: the end of what its program printed, followed while it runs.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";
import { rawUrl, readText } from "../lib/files.js";
import { size } from "../lib/format.js";
import { Icon } from "../parts/icon.js";
import { Empty, Failure, Loading } from "../parts/state.js";
import { useResource } from "../state/resource.js";
import { useHere } from "./run.js";
import { TextLines } from "./text_lines.js";

const TAIL = 128 << 10;
const MOST = 4 << 20;
const EVERY_MS = 3000;
const NEAR_PX = 40; // of the end

export default function Console() {
  const { run } = useHere();
  const id = run.run.run_id;
  const path = run.console;
  const [last, setLast] = useState(TAIL);
  const isRunning = run.run.status === "RUNNING";
  const [follows, setFollows] = useState(isRunning);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const { state, again } = useResource((signal) => (path === null ? Promise.resolve(null) : readText(id, path, { last }, signal)), [id, path, last], [id, path]);
  const { data, error } = state.value;
  useEffect(() => {
    if (!follows || !isRunning) return undefined;
    const timer = setInterval(() => { if (document.visibilityState === "visible") again(); }, EVERY_MS);
    return () => clearInterval(timer);
  }, [follows, isRunning, again]);
  const height = useRef(0); // of all lines, before those that have come
  useEffect(() => {
    const lines = box.current?.querySelector(".lines");
    if (!lines) return;
    const wasAtEnd = lines.scrollTop + lines.clientHeight >= height.current - NEAR_PX; // who reads further up is left there
    if (wasAtEnd && (follows || last === TAIL)) lines.scrollTop = lines.scrollHeight;
    height.current = lines.scrollHeight;
  }, [data?.text]);
  if (path === null) return h(Empty, { title: "The run has no console." }, h("p", { class: "quiet" }, "Log what a program prints as the artifact console.log, or below logs/, to see it here."));
  if (error && !data) return h(Failure, { error, onRetry: again });
  if (!data) return h(Loading, { what: "Reading" });
  const text = data.start > 0 ? data.text.slice(data.text.indexOf("\n") + 1) : data.text; // it may begin in the middle of a line
  return h(
    "section",
    { class: "console filling", "aria-label": "Console", ref: box },
    h(
      TextLines,
      { text, label: path },
      data.start > 0 && h("span", { class: "quiet" }, `the last ${size(last)} of ${size(data.size)}`),
      data.start > 0 && last < MOST && h("button", { type: "button", onClick: () => setLast(Math.min(MOST, last * 8)) }, "Earlier"),
      isRunning && h("button", { type: "button", "aria-pressed": follows, onClick: () => setFollows(!follows) }, h(Icon, { name: follows ? "pause" : "play", size: 14 }), follows ? "Following" : "Follow"),
      h("a", { class: "button", href: rawUrl(id, path, true), download: path.split("/").at(-1) }, "Download"),
    ),
  );
}
