// Scrolled: where the reader was on each page of the history. Pages scroll in an element of their own, and of that browsers
// keep nothing.
// @ts-check
import { place } from "../lib/router.js";

const PAUSE_MS = 100; // browsers refuse to note more than some places a second
const LONGEST_MS = 5000; // that a page may take to be as high as it was

/** Note where the reader is from now on, and lead back there. @param {HTMLElement} main what all pages scroll in */
export function begin(main) {
  let { path } = place.peek();
  let due = -Infinity; // until when the reader is led back
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {number} top */
  const lead = (top) => {
    if (performance.now() > due) return; // it is lower now, or the reader has gone elsewhere
    if (main.scrollHeight - main.clientHeight < top) requestAnimationFrame(() => lead(top));
    else {
      main.scrollTop = top;
      due = -Infinity;
    }
  };
  const note = () => {
    clearTimeout(timer);
    if (performance.now() > due) timer = setTimeout(() => history.replaceState({ ...history.state, top: main.scrollTop }, ""), PAUSE_MS);
  };
  main.addEventListener("scroll", note, { passive: true });
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(name, () => { due = -Infinity; }, { capture: true, passive: true });
  place.subscribe((now) => {
    if (now.path !== path) {
      clearTimeout(timer); // it would be noted of the next page
      const top = now.isBack ? Number(history.state?.top ?? 0) : 0;
      due = top > 0 ? performance.now() + LONGEST_MS : -Infinity;
      main.scrollTop = 0;
      if (top > 0) requestAnimationFrame(() => lead(top)); // what was shown before is gone then
    }
    path = now.path;
  });
}
