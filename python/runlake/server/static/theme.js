// Theme before the first paint: a script that is no module, so that nothing is drawn in the wrong one.
// @ts-check
(() => {
  try {
    const chosen = localStorage.getItem("runlake.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage is refused: the theme of the system is taken.
  }
})();
