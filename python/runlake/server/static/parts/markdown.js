// Markdown, rendered when the module that does it has come.
// @ts-check
import { h, useEffect, useRef, useState } from "../vendor/preact.js";

/**
 * @param {{text: string, image?: (address: string) => string | null}} props image: what an image's address stands for; null: it
 *   is not shown
 */
export function Markdown({ text, image }) {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let gone = false;
    import("../vendor/markdown.js").then(
      ({ toHtml }) => {
        // It is sanitised, and of the type that the policy of the pages asks for.
        if (!gone && ref.current) ref.current.innerHTML = /** @type {string} */ (/** @type {unknown} */ (toHtml(text, image ? { image } : {})));
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
    };
  }, [text]);
  return failed ? h("pre", { class: "plain" }, text) : h("div", { class: "markdown", dir: "auto", ref });
}
