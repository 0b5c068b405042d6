// Pace of scrolling: whether the reader moves faster than anything could be read. What is made meanwhile is gone before it is
// painted, and makes the movement stumble.
// @ts-check

const FAST_PX = 150; // from one frame to the next; a notch of a wheel moves some 20
const CALM_MS = 60;

/** @type {WeakMap<Element, number>} where each part of the page that scrolls was last */
const tops = new WeakMap();
let lastFast = -Infinity;

if (typeof document !== "undefined") document.addEventListener("scroll", note, { capture: true, passive: true });

/** Whether the page was scrolled fast a moment ago. */
export function isFast() {
  return performance.now() - lastFast < CALM_MS;
}

/** @param {Event} event */
function note({ target }) {
  const part = target === document ? document.scrollingElement : target;
  if (!(part instanceof Element)) return;
  const top = part.scrollTop;
  if (Math.abs(top - (tops.get(part) ?? top)) > FAST_PX) lastFast = performance.now();
  tops.set(part, top);
}
