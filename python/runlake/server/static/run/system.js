// System of a run: the machine and the environment that it ran in, and what was measured of them.
// @ts-check
import { h, useMemo, useState } from "../vendor/preact.js";
import { plural } from "../lib/format.js";
import { copy } from "../parts/copy.js";
import { Empty } from "../parts/state.js";
import { MetricTable } from "./metrics.js";
import { useHere } from "./run.js";

const MEASURED = "system/";

/** @param {{to: (tab: string) => string}} props */
export default function System({ to }) {
  const { provenance, metrics } = useHere().run;
  const measured = useMemo(() => metrics.filter(({ key }) => key.startsWith(MEASURED)), [metrics]);
  const facts = [["Host", provenance.host], ["User", provenance.user], ["Python", provenance.python], ["Program", provenance.source_name], ["Started as", provenance.source_type?.toLowerCase() ?? null]];
  const known = facts.filter(([, value]) => value);
  return h(
    "div",
    { class: "system" },
    known.length === 0 && measured.length === 0 && h(Empty, { title: "Nothing was recorded of the machine." }),
    known.length > 0 && h("dl", { class: "facts" }, known.map(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)])),
    measured.length > 0 && [h("h2", {}, "Measured"), h(MetricTable, { to, metrics: measured, none: "" })],
    h(Packages, {}),
  );
}

function Packages() {
  const { packages } = useHere().run.provenance;
  const [text, setText] = useState("");
  const all = Object.entries(packages);
  if (all.length === 0) return null;
  const found = all.filter(([name]) => name.includes(text.toLowerCase().trim()));
  return h(
    "section",
    { "aria-labelledby": "packages" },
    h("h2", { id: "packages" }, "Packages"),
    h(
      "div",
      { class: "part-bar" },
      h("input", { type: "search", "aria-label": "Find packages", placeholder: "Find a package", value: text, onInput: (/** @type {any} */ event) => setText(event.target.value) }),
      h("span", { class: "quiet", role: "status" }, plural(found.length, "package")),
      h("button", { type: "button", onClick: () => void copy(found.map(([name, version]) => `${name}==${version}\n`).join(""), "the packages") }, "Copy"),
    ),
    h("ul", { class: "packages" }, found.map(([name, version]) => h("li", { key: name }, name, " ", h("code", {}, version)))),
  );
}
