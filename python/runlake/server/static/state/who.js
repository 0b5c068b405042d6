// Who: what the reader is called where nobody signs in, so that the log of a registry can say it.
// @ts-check
import { signal } from "../vendor/preact.js";

const KEY = "runlake.who";

/** A name as it is typed, or nothing. Where people sign in the server knows better, and does not look at it. */
export const who = signal(stored());

/** Remember a name in this browser. @param {string} name */
export function remember(name) {
  who.value = name;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Storage is refused: the name holds as long as the page.
  }
}

/** A field of a request that changes something. */
export function asMe() {
  const name = who.peek().trim();
  return name ? { user_id: name } : {};
}

function stored() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
