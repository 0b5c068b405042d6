// Writes what runlake's pages take from others: vendor/*.js, style/uplot.css and icons.svg, each whole and on its own;
// and axe, with which tests judge whether pages are accessible.
//
//   node vendor.mjs           write the files anew, from the packages of the lockfile
//   node vendor.mjs --check   compare, write nothing, and fail when one differs

import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const HERE = new URL("./", import.meta.url);
const STATIC = new URL("../python/runlake/server/static/", HERE);

/** What each file is made of. The pages use nothing else of these packages. */
const FILES = {
  "vendor/preact.js": ["preact", "@preact/signals", "@preact/signals-core"],
  "vendor/uplot.js": ["uplot"],
  "vendor/flechette.js": ["@uwdata/flechette"],
  "vendor/markdown.js": ["marked", "dompurify"],
  "style/uplot.css": ["uplot"],
  "icons.svg": ["lucide-static"],
};

const ICONS = [
  ..."bookmark box chart-line check chevron-down chevron-left chevron-right chevron-up".split(" "),
  ..."circle-alert columns-3 command copy download ellipsis external-link eye eye-off file filter folder".split(" "),
  ..."git-branch grip-vertical image info link list maximize-2 monitor moon package pause pin play".split(" "),
  ..."plus rotate-ccw search settings-2 sliders-horizontal star sun table tag trash-2 user x".split(" "),
];
const STROKES = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';

const text = (/** @type {string} */ path) => readFile(new URL(path, HERE), "utf8");

const locked = JSON.parse(await text("package-lock.json")).packages;

async function about(/** @type {string} */ name) {
  const { version, license, integrity } = locked[`node_modules/${name}`];
  const installed = JSON.parse(await text(`node_modules/${name}/package.json`));
  if (installed.version !== version) {
    throw new Error(`${name} ${installed.version} is installed and ${version} is locked; run npm ci`);
  }
  return { name, version, licence: license.replace(/[()]/g, ""), integrity };
}

async function header(/** @type {string} */ path) {
  const lines = (await Promise.all(FILES[path].map(about))).map((it) => `${it.name} ${it.version} (${it.licence})`);
  return `${lines.join(", ")}; licences are in vendor/LICENSES.txt. Written by ui/vendor.mjs.`;
}

async function bundle(/** @type {string} */ path) {
  const made = await build({
    entryPoints: [new URL(path.replace("vendor/", "entries/"), HERE).pathname],
    banner: { js: `// ${await header(path)}` },
    bundle: true,
    format: "esm",
    legalComments: "inline",
    minify: true,
    platform: "browser",
    target: "es2022",
    write: false,
  });
  return made.outputFiles[0].text;
}

async function style(/** @type {string} */ path) {
  return `/* ${await header(path)} */\n${(await text("node_modules/uplot/dist/uPlot.min.css")).trimEnd()}\n`;
}

async function icon(/** @type {string} */ name) {
  const drawing = await text(`node_modules/lucide-static/icons/${name}.svg`);
  const shapes = drawing.slice(drawing.indexOf(">", drawing.indexOf("<svg")) + 1, drawing.indexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24" ${STROKES}>${shapes.replace(/\s*\n\s*/g, "").replaceAll(" />", "/>")}</symbol>`;
}

async function sprite(/** @type {string} */ path) {
  const symbols = (await Promise.all(ICONS.map(icon))).join("\n");
  return `<!-- ${await header(path)} -->\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols}\n</svg>\n`;
}

async function licences() {
  const names = [...new Set(Object.values(FILES).flat())].sort();
  const texts = names.map(async (name) => `${name}\n${"=".repeat(name.length)}\n\n${(await text(`node_modules/${name}/LICENSE`)).trim()}\n`);
  return (await Promise.all(texts)).join("\n\n");
}

async function list() {
  const files = Object.entries(FILES).map(async ([path, names]) => [path, await Promise.all(names.map(about))]);
  return `${JSON.stringify(Object.fromEntries(await Promise.all(files)), null, 2)}\n`;
}

async function everything() {
  const made = Object.keys(FILES).map(async (path) => {
    const write = path.endsWith(".css") ? style : path.endsWith(".svg") ? sprite : bundle;
    return [path, await write(path)];
  });
  return [
    ...(await Promise.all(made)),
    ["vendor/LICENSES.txt", await licences()],
    ["vendor/VENDORED.json", await list()],
    ["../../../../tests/ui/axe.min.js", await text("node_modules/axe-core/axe.min.js")],
  ];
}

async function differs([path, content]) {
  return content !== (await readFile(new URL(path, STATIC), "utf8").catch(() => ""));
}

const files = await everything();
if (process.argv.includes("--check")) {
  const stale = (await Promise.all(files.map(async (file) => ((await differs(file)) ? file[0] : "")))).filter(Boolean);
  if (stale.length > 0) {
    console.error(`these files are not what ui/vendor.mjs makes of the lockfile: ${stale.join(", ")}\nhint: npm run --prefix ui vendor`);
    process.exit(1);
  }
} else {
  await Promise.all(files.map(([path, content]) => writeFile(new URL(path, STATIC), content)));
}
