// Recorder: what a benchmark wants to know of a page, noted in the page itself. It runs before the page's own scripts.
//
// Times are milliseconds since the navigation began (`performance.now()`).
(() => {
  const seen = { firstRow: null, changed: 0, drawn: 0, asked: [], open: 0, move: 0, key: 0, frames: [], long: [], blanks: [], mounted: 0, recording: false };
  Object.assign(window, { __seen: seen });

  // The first row is there when a cell of it has a text, and seen when the next frame has been drawn. Looking in every
  // frame would cost frames, and asking from outside a script that has to be compiled.
  const frames = new MessageChannel(); // what is posted in a frame comes when it has been drawn
  frames.port1.onmessage = () => {
    seen.firstRow = performance.now();
    console.info("first row", seen.firstRow);
  };
  let isThere = false;
  const look = () => {
    const row = document.querySelector('[role="grid"] [role="row"][aria-rowindex="2"]:not([hidden])');
    if (!row?.textContent?.trim()) return;
    isThere = true;
    requestAnimationFrame(() => frames.port2.postMessage(null));
  };
  new MutationObserver(() => {
    seen.changed = performance.now();
    if (!isThere) look();
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });

  // What is drawn on a canvas changes no element; each drawing begins with an empty canvas.
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function clearRect(...box) {
    seen.drawn = performance.now();
    return clear.apply(this, box);
  };

  const fetched = window.fetch;
  window.fetch = async (...given) => {
    const url = String(given[0] instanceof Request ? given[0].url : given[0]);
    const one = { url: url.replace(/^.*\/v1\//, "").replace(/\?.*$/s, ""), begun: performance.now(), ended: null, move: seen.move };
    seen.asked.push(one);
    seen.open += 1;
    try {
      return await fetched(...given);
    } finally {
      one.ended = performance.now();
      seen.open -= 1;
    }
  };

  addEventListener("pointermove", (event) => { seen.move = event.timeStamp; }, true);
  addEventListener("keydown", (event) => { seen.key = event.timeStamp; }, true);

  new PerformanceObserver((list) => {
    if (seen.recording) for (const entry of list.getEntries()) seen.long.push(entry.duration);
  }).observe({ type: "long-animation-frame" });

  /** How many rows in view have no text. */
  const blank = () => {
    const grid = document.querySelector('[role="grid"]');
    if (!grid) return 0;
    const { top, bottom } = grid.getBoundingClientRect();
    let found = 0;
    let rows = 0;
    for (const row of grid.querySelectorAll('[role="row"][aria-rowindex]:not([hidden])')) {
      const box = row.getBoundingClientRect();
      if (box.bottom <= top || box.top >= bottom) continue;
      rows += 1;
      if (!row.textContent.trim()) found += 1;
    }
    return rows > 1 ? found : 1;
  };

  /** Note the length of each frame, how long rows stay blank, and how many charts there are, until `stop`. */
  window.__record = (what) => {
    Object.assign(seen, { frames: [], long: [], blanks: [], mounted: 0, recording: true });
    let before = performance.now();
    let since = null;
    const frame = (now) => {
      if (!seen.recording) return;
      seen.frames.push(now - before);
      before = now;
      if (what === "rows") {
        const is = blank() > 0;
        if (is) since ??= now;
        else if (since !== null) { seen.blanks.push(now - since); since = null; }
      }
      if (what === "charts") seen.mounted = Math.max(seen.mounted, document.querySelectorAll(".charts .uplot").length);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame((now) => { before = now; requestAnimationFrame(frame); });
  };
  window.__stop = () => { seen.recording = false; return { frames: seen.frames.slice(1), long: seen.long, blanks: seen.blanks, mounted: seen.mounted }; };

  /** Wait until nothing has been asked, changed or drawn for `quietMs`, and return when the last of it was. */
  window.__settled = async (quietMs) => {
    for (;;) {
      const last = Math.max(seen.changed, seen.drawn, ...seen.asked.slice(-8).map((one) => one.ended ?? 0));
      if (!seen.open && performance.now() - last > quietMs) return last;
      await new Promise((done) => setTimeout(done, 20));
    }
  };
})();
