// Recipe: what was recorded of a run as lines of a shell. Every word of a store is quoted, so that it is only a word.
// @ts-check

/** @typedef {import("./run.js").Provenance} Provenance */

const HASH = /^[0-9a-f]{4,64}$/;
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A text as one word of a POSIX shell. @param {string} text */
export function word(text) {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

/** Lines that get the code as it was. @param {Provenance} provenance */
export function checkout({ git_repository: url, git_commit: commit, git_dirty: dirty, patch }) {
  const folder = url?.replace(/\/+$/, "").replace(/\.git$/, "").split(/[/:]/).at(-1);
  return [
    ...(url && folder ? [`git clone -- ${word(url)} ${word(folder)}`, `cd -- ${word(folder)}`] : []),
    ...(commit && HASH.test(commit) ? [`git checkout ${commit}`] : []),
    ...(dirty && patch ? [`git apply ${word(patch.split("/").at(-1) ?? patch)}`] : []),
  ].join("\n");
}

/** Lines that make an environment with the same packages. @param {Provenance} provenance */
export function install({ python }) {
  const version = /^\d+\.\d+/.exec(python ?? "")?.[0] ?? "3";
  return [`python${version} -m venv .venv`, ". .venv/bin/activate", "pip install -r requirements.txt"].join("\n");
}
