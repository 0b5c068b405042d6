// Saving: a file that the browser keeps.
// @ts-check

const KEPT_MS = 60_000; // a browser may ask where to put it before it reads it

/** Let the browser keep a file. @param {Blob} content @param {string} name */
export function saveFile(content, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
