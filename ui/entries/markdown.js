// @ts-check
// Markdown of people that nobody vouches for, as HTML that can do nothing: no script, no style, no form, nothing fetched.

import createDOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = [
  ..."a b blockquote br code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s".split(" "),
  ..."samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split(" "),
];
const ATTRIBUTES = ["align", "alt", "colspan", "dir", "height", "href", "lang", "open", "rowspan", "src", "start", "title", "width"];

/** @typedef {(address: string) => string | null} Resolve what an image's address stands for; null: it is not shown */

/** @type {Resolve} */
let resolve = inlined;

const purify = createDOMPurify(window);
purify.setConfig({
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ATTRIBUTES,
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_TRUSTED_TYPE: true,
});
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") openElsewhere(node);
  if (node.tagName === "IMG") show(node);
});

const marked = new Marked({
  gfm: true,
  renderer: { checkbox: ({ checked }) => (checked ? "☑ " : "☐ "), html: ({ text }) => tamed(text) },
});

/**
 * Render Markdown as HTML that is safe to assign to `innerHTML`.
 *
 * Images are shown when they are `data:` addresses, or when `image` gives another address for theirs.
 *
 * @param {string} text
 * @param {{ image?: Resolve }} [options]
 * @returns {TrustedHTML} a plain string where the browser knows no Trusted Types
 */
export function toHtml(text, { image = inlined } = {}) {
  resolve = image;
  try {
    return /** @type {TrustedHTML} */ (/** @type {unknown} */ (purify.sanitize(marked.parse(text, { async: false }))));
  } finally {
    resolve = inlined;
  }
}

/** @type {Resolve} */
function inlined(address) {
  return address.startsWith("data:image/") ? address : null;
}

/**
 * Leave of raw HTML the tags and attributes that may stay. The sanitiser would remove the others too, but it parses
 * them first, and the page's policy complains of what is parsed: the console of a harmless page would be red.
 *
 * @param {string} raw
 */
function tamed(raw) {
  return raw
    .replace(/<!--[^]*?(?:-->|$)/g, "")
    .replace(/<(script|style|title|textarea|xmp|noscript|template)\b[^]*?(?:<\/\1\s*>|$)/gi, "")
    .replace(/<(\/?)([a-z][a-z0-9]*)(\s[^>]*|\/?)>|</gi, (_, end, name, rest) => {
      if (name === undefined) return "&lt;";
      return TAGS.includes(name.toLowerCase()) ? `<${end}${name}${end ? "" : kept(rest)}>` : "";
    });
}

/** @param {string} attributes */
function kept(attributes) {
  const found = attributes.matchAll(/([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/gi);
  return [...found]
    .filter(([, name]) => ATTRIBUTES.includes(name.toLowerCase()))
    .map(([, name, double, single, bare]) => ` ${name}="${(double ?? single ?? bare ?? "").replaceAll('"', "&quot;")}"`)
    .join("");
}

/** @param {Element} link */
function openElsewhere(link) {
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
}

/** @param {Element} image */
function show(image) {
  const address = resolve(image.getAttribute("src") ?? "");
  if (address === null) image.replaceWith(image.getAttribute("alt") ?? "");
  else image.setAttribute("src", address);
}
