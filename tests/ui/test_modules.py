"""The pages' modules: how they import each other, how long they are, and what none of them does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runlake.server.page_files import AHEAD, FOLDER, PageFiles
from runlake.server.page_modules import closure, imports_of
from runlake.server.pages import PAGES

MOST_LINES = 300
MOST_EAGER = 40
MOST_BYTES = 110_000
"""As gzip, before the first row of a table; what the rest of 150 kB is for."""
START = "app.js"

SOURCES = {str(path.relative_to(FOLDER)): path.read_text() for path in sorted(FOLDER.rglob("*.js"))}
OWN = {path: source for path, source in SOURCES.items() if not path.startswith("vendor/")}
SHELL = (FOLDER / "index.html").read_text()

_LATER = re.compile(r'\bimport\(\s*"([^"]+)"\s*\)')
_WORKER = re.compile(r'new URL\(\s*"(\.{1,2}/[^"]+\.js)",\s*import\.meta\.url\s*\)')
_TYPE = re.compile(r"^\s*(?:/?\*+|//).*$", re.MULTILINE)
"""Comments, in which types are imported; our sources have none behind code on its line that would."""


def code_of(source: str) -> str:
    return _TYPE.sub("", source)


def later(path: str, source: str) -> list[str]:
    """Modules that a module fetches while it runs: with `import()`, or as a worker."""
    code = re.sub(r"/\*\*.*?\*/", "", code_of(source))
    named = [*_LATER.findall(code), *_WORKER.findall(code)]
    return [found for name in named for found in imports_of(path, f'import "{name}";')]


def scripts_of_shell() -> list[str]:
    return re.findall(r'<script[^>]* src="/static/__DIGEST__/([^"]+)"', SHELL)


def test_every_import_is_relative_and_leads_to_a_file() -> None:
    wrong = []
    for path, source in OWN.items():
        lines = re.findall(r'^(?:import|export)\b[^"\';]*?["\']([^"\']+)["\'];?$', source, re.MULTILINE)
        wrong += [f"{path}: {name}" for name in lines if re.match(r"[^.]", name) and f'from "{name}"' in source]
        wrong += [
            f"{path}: {found}" for found in (*imports_of(path, source), *later(path, source)) if found not in SOURCES
        ]
    assert not wrong


def test_imports_make_no_cycle() -> None:
    done: set[str] = set()

    def visit(path: str, way: tuple[str, ...]) -> None:
        assert path not in way, " → ".join((*way[way.index(path) :], path))
        if path not in done:
            for other in imports_of(path, SOURCES[path]):
                visit(other, (*way, path))
            done.add(path)

    for path in SOURCES:
        visit(path, ())


def test_modules_import_what_is_below_them_alone() -> None:
    """State knows nothing of what is drawn, parts nothing of pages, and the sections of pages nothing of each other."""
    order = {"vendor": 0, "lib": 1, "state": 2, "parts": 3, "pages": 5}

    def floor(path: str) -> int:
        return order.get(path.partition("/")[0], 4) if "/" in path else 6

    wrong = [
        f"{path} imports {found}"
        for path, source in OWN.items()
        for found in imports_of(path, source)
        if floor(found) > floor(path)
        or (floor(found) == floor(path) == 4 and found.partition("/")[0] not in (path.partition("/")[0], "charts"))
    ]
    assert not wrong


def test_every_file_is_reached_from_the_shell() -> None:
    reached: set[str] = set()
    waiting = [*scripts_of_shell(), *(path for paths in AHEAD.values() for path in paths)]
    assert START in waiting
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [*imports_of(path, SOURCES[path]), *later(path, SOURCES[path])]
    assert sorted(set(SOURCES) - reached) == [], "modules that nothing leads to"


def test_styles_are_named_by_the_shell_or_a_module() -> None:
    everything = SHELL + "".join(OWN.values())
    unused = {path.name for path in (FOLDER / "style").iterdir() if f"style/{path.name}" not in everything}
    assert not unused - {"uplot.css"}  # which comes with the charts


@pytest.mark.parametrize("page", PAGES)
def test_few_modules_are_needed_before_a_page_is_shown(page: str) -> None:
    needed = closure(SOURCES, START, PAGES[page])
    assert len(needed) <= MOST_EAGER, f"{len(needed)} modules: {needed}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light(page: str) -> None:
    release = PageFiles().look()
    shell = release.shell(PAGES[page])
    names = set(re.findall(r'(?:src|href)="/static/[0-9a-f]+/([^"]+)"', shell.content.decode()))
    files = [file for name in names if (file := release.find(name)) is not None]
    assert len(files) == len(names)
    weight = sum(len(file.compressed) for file in (shell, *files))
    assert weight <= MOST_BYTES, f"{weight} bytes as gzip"


def test_modules_stay_small_enough_to_read() -> None:
    long = {path: lines for path, source in OWN.items() if (lines := source.count("\n")) > MOST_LINES}
    assert not long


def test_every_module_is_checked_for_types() -> None:
    unchecked = [path for path, source in OWN.items() if "// @ts-check" not in source.splitlines()]
    assert not unchecked
    silenced = [path for path, source in OWN.items() if re.search(r"@ts-(?:ignore|nocheck)", source)]
    assert not silenced


@pytest.mark.parametrize(
    "written",
    [
        r"\b(?:inner|outer)HTML\b",
        r"\binsertAdjacentHTML\b",
        r"\bdocument\.write\b",
        r"\beval\(",
        r"\bnew Function\b",
        r"""\bstyle=["'`]""",
        r"""setAttribute\(\s*["']style["']""",
        r"\bjavascript:",
    ],
)
def test_nothing_is_written_that_the_policy_refuses(written: str) -> None:
    files = {**OWN, "index.html": SHELL, "icons.svg": (FOLDER / "icons.svg").read_text()}
    found = [path for path, source in files.items() if re.search(written, code_of(source))]
    if "HTML" in written:  # what Markdown became may be shown: it is of the type that the policy asks for
        found = [path for path in found if "vendor/markdown.js" not in files[path]]
    assert not found


def test_what_is_vendored_has_a_licence_that_comes_with_it() -> None:
    licences = (FOLDER / "vendor" / "LICENSES.txt").read_text()
    vendored = Path(FOLDER / "vendor" / "VENDORED.json").read_text()
    for name in re.findall(r'"name": "([^"]+)"', vendored):
        assert f"\n{name}\n{'=' * len(name)}\n" in f"\n{licences}"


def test_no_style_of_a_page_is_met_by_another_page() -> None:
    owners: dict[str, set[str]] = {}
    for path in sorted((FOLDER / "style").glob("*.css")):
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for selectors in re.findall(r"([^{}]+)\{", rules):
            for name in re.findall(r"(?:^|,)\s*\.([\w-]+)\s*(?=,|$)", selectors):
                owners.setdefault(name, set()).add(path.name)
    shared = {"base.css", "parts.css"}
    assert {name: found for name, found in owners.items() if len(found - shared) + bool(found & shared) > 1} == {}
