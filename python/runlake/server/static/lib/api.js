// Requests to the server that this page came from.
// @ts-check
import { batch, signal } from "../vendor/preact.js";
import { parse } from "./arrow.js";
import { ARROW, LONGEST, addressOf } from "./url.js";

export { addressOf as urlOf };

/** @typedef {import("../vendor/flechette.js").Table} Table */
/** @typedef {Record<string, any>} Fields */
/** @typedef {{parts: Table[], notes: any, tx: number, total: number}} Answer of a view: its streams, notes, transaction and number of rows */
/** @typedef {{signal?: AbortSignal}} Options */
/** @typedef {{address: string, answer: Promise<Response>, body: Promise<ArrayBuffer>}} Ahead what ahead.js has asked for */

/** Whether the last request reached the server. */
export const reachable = signal(true);

/** How the connection is on which changes are told. @type {import("../vendor/preact.js").Signal<import("./link.js").State>} */
export const connection = signal("connecting");

/** The earliest transaction of the catalog that an answer to this page was as of; NaN before the first. */
export const begun = { tx: NaN };

/** When the last answer came, in milliseconds since 1970; 0 before the first. */
export const answered = signal(0);

/** A refusal, with what the server says of it; `status` is 0 when it could not be reached. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {Fields} [fields] what else was said: `error_code`, `hint`, `span`, `report`
   */
  constructor(message, status, fields = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = String(fields.error_code ?? "");
    /** @type {string | null} */
    this.hint = fields.hint ?? null;
    /** @type {[number, number] | null} where a filter is wrong, in characters */
    this.span = fields.span ?? null;
    /** @type {any} why a promotion was refused */
    this.report = fields.report ?? null;
  }
}

/**
 * Ask for an object of JSON.
 *
 * @param {string} path below the native API
 * @param {Fields} [fields] a list is said several times; null and undefined are left out
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function get(path, fields = {}, options = {}) {
  return (await request("GET", addressOf(path, fields), undefined, "application/json", options)).json();
}

/**
 * Change something, or ask for an object of JSON with more than fits a URL.
 *
 * @param {"POST" | "PUT" | "PATCH" | "DELETE"} method
 * @param {string} path below the native API
 * @param {Fields} [fields]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function send(method, path, fields = {}, options = {}) {
  const gone = method === "DELETE"; // has its fields in the address
  const answer = await request(method, addressOf(path, gone ? fields : {}), gone ? undefined : fields, "application/json", options);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Ask for a view as Arrow streams.
 *
 * @param {string} path below the native API
 * @param {Fields} fields
 * @param {Options & {post?: boolean}} [options] `post`: the view takes nothing else, or the fields are too long for a URL
 * @returns {Promise<Answer>}
 */
export async function view(path, fields, options = {}) {
  const address = addressOf(path, options.post ? {} : fields);
  const posts = options.post || address.length > LONGEST;
  const answer = posts
    ? await request("POST", addressOf(path), fields, ARROW, options)
    : await request("GET", address, undefined, ARROW, options);
  const lengths = (answer.headers.get("x-runlake-parts") ?? "").split(",").filter(Boolean).map(Number);
  const { parts, notes } = parse(await bodyOf(answer), lengths);
  return { parts, notes, tx: header(answer, "x-runlake-tx"), total: header(answer, "x-runlake-total") };
}

/**
 * Ask for a frame as a file: one stream of Arrow.
 *
 * @param {string} name
 * @param {Fields} fields as the function of that name takes them
 * @returns {Promise<Blob>}
 */
export async function frame(name, fields) {
  return (await request("POST", addressOf(`frames/${name}`), fields, ARROW, {})).blob();
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/**
 * @param {string} method
 * @param {string} address
 * @param {Fields | undefined} fields
 * @param {string} accept
 * @param {Options} options
 */
async function request(method, address, fields, accept, options) {
  const headers = /** @type {Record<string, string>} */ ({ accept });
  if (fields !== undefined) headers["content-type"] = "application/json";
  const body = fields === undefined ? undefined : JSON.stringify(fields);
  let answer;
  try {
    answer = await (askedAhead(address, accept) ?? fetch(address, { method, headers, body, signal: options.signal }));
  } catch (error) {
    if (isAbort(error)) throw error;
    reachable.value = false;
    throw new ApiError("The server cannot be reached.", 0, { hint: "It is asked again by itself as soon as it answers." });
  }
  batch(() => {
    reachable.value = true;
    answered.value = Date.now();
  });
  if (!answer.ok) throw await refusal(answer);
  const tx = header(answer, "x-runlake-tx");
  if (!Number.isNaN(tx) && !(begun.tx <= tx)) begun.tx = tx;
  return answer;
}

/** The answer that ahead.js has asked for, once. @param {string} address @param {string} accept @returns {Promise<Response> | null} */
function askedAhead(address, accept) {
  const { ahead } = /** @type {{ahead?: Ahead}} */ (globalThis);
  if (accept !== ARROW || ahead?.address !== address) return null;
  ahead.address = "";
  ahead.answer.then((answer) => readAhead.set(answer, ahead.body), () => undefined);
  return ahead.answer;
}

/** Bodies that are read already. @type {WeakMap<Response, Promise<ArrayBuffer>>} */
const readAhead = new WeakMap();

/** @param {Response} answer */
function bodyOf(answer) {
  return readAhead.get(answer) ?? answer.arrayBuffer();
}

/** @param {Response} answer */
async function refusal(answer) {
  const text = new TextDecoder().decode(await bodyOf(answer));
  try {
    const fields = JSON.parse(text);
    return new ApiError(String(fields.message ?? text), answer.status, fields);
  } catch {
    return new ApiError(text.slice(0, 500) || `The server answered ${answer.status}.`, answer.status);
  }
}

/**
 * @param {Response} answer
 * @param {string} name
 */
function header(answer, name) {
  const value = answer.headers.get(name);
  return value === null ? NaN : Number(value);
}
