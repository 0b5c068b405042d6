// Files of a run: what is in a folder, and parts of what is in a file, as text.
// @ts-check
import { ApiError, get, urlOf } from "./api.js";

const AT_ONCE = 1000;

/** @typedef {{path: string, name: string, is_dir: boolean, size: number | null, kind: string}} File */

/** Where the native API has a run. @param {string} id */
export function pathOfRun(id) {
  return `runs/${encodeURIComponent(id)}`;
}

/** @param {string} run @param {string} path @param {number} offset @param {number} limit @param {AbortSignal} [signal] @returns {Promise<{files: File[], total: number}>} */
export function list(run, path, offset, limit, signal) {
  return get(`${pathOfRun(run)}/artifacts`, { path, offset, limit }, { signal });
}

/** The first files of a folder, however many that are. @param {string} run @param {string} path @param {number} limit @param {AbortSignal} [signal] @returns {Promise<{files: File[], total: number}>} */
export async function listAll(run, path, limit, signal) {
  const found = await list(run, path, 0, Math.min(limit, AT_ONCE), signal);
  while (found.files.length < Math.min(limit, found.total)) {
    const { files } = await list(run, path, found.files.length, Math.min(limit - found.files.length, AT_ONCE), signal);
    if (files.length === 0) break;
    found.files.push(...files);
  }
  return found;
}

/** What is at a path; null when nothing is. @param {string} run @param {string} path @param {AbortSignal} [signal] @returns {Promise<File | null>} */
export async function find(run, path, signal) {
  const parts = path.split("/");
  const { files } = await get(`${pathOfRun(run)}/artifacts`, { path: parts.slice(0, -1).join("/"), name: parts.at(-1) }, { signal });
  return files[0] ?? null;
}

/** Where a file is sent as it is. @param {string} run @param {string} path @param {boolean} [download] */
export function rawUrl(run, path, download = false) {
  return urlOf(`${pathOfRun(run)}/artifacts/raw`, { path, download: download ? 1 : null });
}

/**
 * Read a part of a file as text; bytes that are no UTF-8 are replaced.
 *
 * @param {string} run
 * @param {string} path
 * @param {{first: number} | {last: number}} part so many bytes of its beginning, or of its end
 * @param {AbortSignal} [signal]
 * @returns {Promise<{text: string, size: number, start: number}>} size: of the file; start: where the text begins, in bytes
 */
export async function readText(run, path, part, signal) {
  const range = "first" in part ? `bytes=0-${part.first - 1}` : `bytes=-${part.last}`;
  const answer = await fetch(rawUrl(run, path), { headers: { range }, signal });
  if (!answer.ok) throw new ApiError(answer.status === 404 ? `There is no file ${path}.` : `The file ${path} could not be read.`, answer.status);
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
  const bytes = await answer.arrayBuffer();
  return { text: new TextDecoder().decode(bytes), size: size === undefined ? bytes.byteLength : Number(size), start: Number(start ?? 0) };
}

/** The folder that a path is in, and every one above it, from the outermost. @param {string} path */
export function foldersOf(path) {
  const parts = path.split("/");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("/"));
}

/**
 * The file that an address in a document means, seen from the document's folder.
 *
 * @param {string} document path of the document
 * @param {string} address
 * @returns {string | null} null when it is no file of the run
 */
export function resolved(document, address) {
  if (address === "" || /^([a-z][a-z0-9+.-]*:|\/|#|\?|\\)/i.test(address)) return null;
  const parts = document.split("/").slice(0, -1);
  for (const part of decoded(address.split(/[?#]/)[0]).split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else if (part && part !== ".") parts.push(part);
  }
  return parts.join("/") || null;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
