// Later: what is not needed for the first look is fetched when it is first drawn.
// @ts-check
import { h, signal } from "../vendor/preact.js";

/**
 * A component that is in a module of its own, fetched when it is first drawn; until then nothing that is seen stands there.
 *
 * @template {object} P
 * @param {() => Promise<import("../vendor/preact.js").ComponentType<P>>} load
 * @returns {(props: P) => import("../vendor/preact.js").VNode<any>}
 */
export function later(load) {
  /** @type {import("../vendor/preact.js").Signal<import("../vendor/preact.js").ComponentType<P> | null>} */
  const found = signal(null);
  let isAsked = false;
  return (props) => {
    if (!isAsked) {
      isAsked = true;
      load().then(
        (component) => { found.value = component; },
        () => { isAsked = false; }, // asked for again when it is next drawn
      );
    }
    return found.value ? h(/** @type {any} */ (found.value), props) : h("span", { class: "later", hidden: true });
  };
}
