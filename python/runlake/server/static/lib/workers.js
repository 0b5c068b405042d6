// Workers: the one place that says which scripts may run beside the page. The policy of the pages lets nothing else say so.
// @ts-check

const HOME = new URL("../", import.meta.url).href;

const policy = window.trustedTypes?.createPolicy("runlake-workers", {
  createScriptURL(/** @type {string} */ url) {
    if (!url.startsWith(HOME) || !url.endsWith("_worker.js")) throw new TypeError(`${url} is no worker of these pages`);
    return url;
  },
});

/**
 * The address of a worker, as the browser takes it.
 *
 * @param {URL} url of one of our own modules: `new URL("./some_worker.js", import.meta.url)`
 * @returns {string}
 */
export function trusted(url) {
  return /** @type {any} */ (policy ? policy.createScriptURL(url.href) : url.href);
}

/** Start a worker, which may import modules. @param {URL} url as above */
export function startWorker(url) {
  return new Worker(trusted(url), { type: "module" });
}
