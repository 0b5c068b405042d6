// The application: what is around every page, and which page is shown.
// @ts-check
import { h, render, signal, useErrorBoundary, useEffect } from "./vendor/preact.js";
import { begin, go, match, place } from "./lib/router.js";
import { IconButton } from "./parts/icon.js";
import { Empty, Failure, Loading } from "./parts/state.js";
import { Toasts } from "./parts/toast.js";
import { begin as obey, offer } from "./state/keys.js";
import { close, open, overlay } from "./state/overlay.js";
import { seen } from "./state/resource.js";
import { choose, theme } from "./state/theme.js";
import { follow } from "./state/view.js";

/** @typedef {{params: Record<string, string>}} PageProps */
/** @typedef {import("./vendor/preact.js").ComponentType<PageProps>} Page */

/** @type {Record<string, () => Promise<{default: Page}>>} each is fetched when it is first shown */
const PAGES = {
  experiments: () => import("./pages/experiments.js"),
  runs: () => import("./pages/runs.js"),
  run: () => import("./pages/run.js"),
  compare: () => import("./pages/compare.js"),
  models: () => import("./pages/models.js"),
  model: () => import("./pages/model.js"),
  version: () => import("./pages/version.js"),
};

/** So long the first page is waited for, with nothing on the screen, before it is said that it is awaited. */
const PATIENCE_MS = 100;

/** Pages that are here. */
const loaded = new Map(/** @type {[string, Page][]} */ ([]));
const arrived = signal(0);
/** @type {import("./vendor/preact.js").Signal<Error | null>} */
const failed = signal(null);

/** What tells how the connection is; it is fetched when the page is there. @type {import("./vendor/preact.js").Signal<typeof import("./parts/live.js") | null>} */
const live = signal(null);

const THEMES = /** @type {const} */ ({
  light: { next: "dark", icon: "sun", label: "Light; change to dark" },
  dark: { next: "system", icon: "moon", label: "Dark; change to what the system says" },
  system: { next: "light", icon: "monitor", label: "As the system; change to light" },
});

/** @param {string} name */
async function load(name) {
  failed.value = null;
  try {
    loaded.set(name, (await PAGES[name]()).default);
    arrived.value += 1;
  } catch {
    failed.value = new Error("This page could not be fetched; the server may be away, or have been started anew in another version.");
  }
}

/** Fetch a page that could not be fetched; of another version of the server all has to be fetched anew. @param {string} name */
async function retry(name) {
  await load(name);
  if (failed.value && navigator.onLine) location.reload();
}

function App() {
  const route = match(place.value.path);
  return h(
    "div",
    { class: "app" },
    h("a", { class: "skip", href: "#main" }, "Skip to the page"),
    h(Header, { page: route?.name ?? "" }),
    live.value && h(live.value.Away, {}),
    h("main", { id: "main", tabIndex: -1 }, route ? h(Shown, { key: place.value.path, name: route.name, params: route.params }) : h(Nowhere, {})),
    h(Toasts, {}),
    overlay.value && h(overlay.value, { onClose: close }),
  );
}

/** @param {{name: string, params: Record<string, string>}} props */
function Shown({ name, params }) {
  const [error, reset] = useErrorBoundary();
  arrived.value; // a page that has arrived is drawn
  const Found = loaded.get(name);
  useEffect(() => {
    if (!Found) load(name);
  }, [name, Found]);
  if (error) return h(Failure, { error, onRetry: reset });
  if (Found) return h(Found, { params });
  return failed.value ? h(Failure, { error: failed.value, onRetry: () => void retry(name) }) : h(Loading, { what: "Loading" });
}

function Nowhere() {
  return h(Empty, { title: "There is no such page." }, h("p", {}, h("a", { href: "/" }, "All experiments")));
}

/** @param {{page: string}} props */
function Header({ page }) {
  const shown = THEMES[theme.value];
  return h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: "/" }, "runlake"),
    h(
      "nav",
      { "aria-label": "Pages" },
      h(Tab, { href: "/", text: "Experiments", here: page === "experiments" }),
      h(Tab, { href: "/runs", text: "Runs", here: ["runs", "run", "compare"].includes(page) }),
      h(Tab, { href: "/models", text: "Models", here: ["models", "model", "version"].includes(page) }),
    ),
    h("span", { class: "spacer" }),
    live.value && h(live.value.LiveState, {}),
    h(IconButton, { icon: "command", label: "Find or do anything", onClick: () => void open("palette") }),
    h(IconButton, { icon: shown.icon, label: `Theme: ${shown.label}`, onClick: () => choose(shown.next) }),
  );
}

/** @param {{href: string, text: string, here: boolean}} props */
function Tab({ href, text, here }) {
  return h("a", { href, "aria-current": here ? "page" : undefined }, text);
}

offer([
  { keys: "mod+k", label: "Find or do anything", group: "Everywhere", run: () => void open("palette") },
  { keys: "?", label: "Show the keys", group: "Everywhere", run: () => void open("keymap") },
  { keys: "g e", label: "Go to experiments", group: "Everywhere", run: () => go("/") },
  { keys: "g r", label: "Go to runs", group: "Everywhere", run: () => go("/runs") },
  { keys: "g m", label: "Go to models", group: "Everywhere", run: () => go("/models") },
  { keys: "t", label: "Change the theme", group: "Everywhere", run: () => choose(THEMES[theme.value].next) },
]);
begin();
obey();
place.subscribe(follow);
const first = match(place.value.path);
if (first) await Promise.race([load(first.name), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
render(h(App, {}), /** @type {HTMLElement} */ (document.getElementById("app")));
// Without these all pages can be read.
const drawn = seen();
drawn.then(() => import("./parts/live.js")).then((parts) => { live.value = parts; }, () => undefined);
drawn.then(() => import("./state/scrolled.js")).then(({ begin: note }) => note(/** @type {HTMLElement} */ (document.getElementById("main"))), () => undefined);
