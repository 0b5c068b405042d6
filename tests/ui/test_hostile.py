"""Every page on a store whose every text wants to be a script: nothing runs, and nothing is out of its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from runlake.server.page_files import FOLDER
from runlake.server.pages import PAGES
from tests.browser import Visitor
from tests.server.wire import Server, served
from tests.ui import hostile
from tests.ui.hostile import KEYS, MODEL, SCRIPTS, TEXTS, Hostile
from tests.ui.lakes import lake
from tests.ui.settling import settle, watch

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (1440, 390)
TABS = ("params", "metrics", "points", "artifacts", "console", "system", "ledger", "reproduce")

# Nothing but files of the server is a script, nothing has a handler, and no text has become a place to go to.
INTRUDERS = """() => {
  const bad = "script:not([src^='/static/']), style, iframe[srcdoc], object, embed, [onload], [onerror]";
  const scheme = /^\\s*(javascript|vbscript|data):/i;
  const links = [...document.querySelectorAll("[href]")].filter((one) => scheme.test(one.getAttribute("href")));
  return [...document.querySelectorAll(bad), ...links].map((one) => one.outerHTML.slice(0, 200));
}"""
WIDE = """() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > most + 1);
  return wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 160));
}"""


@dataclass
class Haunted:
    """A server on the hostile store, and what is in it."""

    server: Server
    store: Hostile


@pytest.fixture(scope="module")
def haunted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haunted]:
    folder = tmp_path_factory.mktemp("hostile")
    with lake(folder / "lake") as filled:
        store = hostile.fill(filled)
    hostile.guard(folder / "lake")
    with served(folder) as server:
        for name in (*SCRIPTS, "__proto__", "constructor", "..%2f", "\u202egnp"):
            _save_view(server, name)
        yield Haunted(server, store)


def _save_view(server: Server, name: str) -> None:
    body = json.dumps({"page": "runs", "state": f"where={quote(SCRIPTS[1])}"})
    answer = server.send(
        "PUT", f"/api/runlake/v1/views/{quote(name, safe='')}", body, {"Content-Type": "application/json"}
    )
    assert answer.status == 200, answer.body


def places(store: Hostile) -> dict[str, str]:
    """Where there is something to see, with the template of the page that shows it."""
    runs = [*store.runs[:6], store.far, store.nan]
    clause = f"tags.`a b` = {json.dumps(SCRIPTS[0])} OR metrics.`וזן` > 1"
    asked = [
        ("experiment", store.experiment),
        *[("column", f"{kind}.`{key}`") for kind in ("params", "metrics", "tags") for key in KEYS],
        ("sort", "metrics.`__proto__` DESC"),
    ]
    return {
        "/": "/",
        f"/runs?{urlencode(asked)}": "/runs",
        f"/runs?{urlencode({'experiment': store.other})}": "/runs",
        f"/runs?{urlencode({'experiment': store.experiment, 'group': 'tags.`__proto__`'})}": "/runs",
        f"/runs?{urlencode({'where': clause, 'column': SCRIPTS[0], 'brush': SCRIPTS[1]})}": "/runs",
        f"/runs/{store.runs[0]}": "/runs/{run_id}",
        f"/runs/{store.wide}": "/runs/{run_id}",
        f"/runs/{store.far}": "/runs/{run_id}",
        f"/runs/{store.nan}": "/runs/{run_id}",
        f"/runs/{quote(SCRIPTS[1], safe='')}": "/runs/{run_id}",
        f"/compare?{urlencode([('run', run) for run in runs])}": "/compare",
        "/models": "/models",
        f"/models/{quote(MODEL, safe='')}": "/models/{name}",
        f"/models/{quote(MODEL, safe='')}/1": "/models/{name}/{version}",
        f"/models/{quote('100%', safe='')}": "/models/{name}",
        f"/models/{quote('a?b#c&d=e', safe='')}": "/models/{name}",
        "/models/__proto__": "/models/{name}",
    }


def shown(store: Hostile) -> list[str]:
    """Of these, those of which there is a page yet, with every part of the page of a run and every file there."""
    found = [place for place, template in places(store).items() if (FOLDER / PAGES[template]).exists()]
    run = f"/runs/{store.runs[0]}"
    found += [f"{run}?tab={tab}" for tab in TABS]
    return [*found, *(f"{run}?tab=artifacts&path={quote(path, safe='')}" for path in store.files)]


@pytest.mark.timeout(180)
def test_no_text_of_a_store_becomes_a_script_or_pushes_a_page_apart(visitor: Visitor, haunted: Haunted) -> None:
    # what is asked for by names that are none, and files that are not what they are called
    visitor.expect(r"^(400|404|422) (GET|POST) .*(%3C|series|crossfilter|columns|filter|broken|odd|path=x\b)")
    visitor.expect("^Blocked script execution in .* sandboxed")
    visitor.expect(r"Failed to load resource: the server responded with a status of (400|404|422)")
    visitor.page.on("dialog", lambda dialog: pytest.fail(f"{dialog.type}: {dialog.message}"))
    watch(visitor.context)
    wrong: dict[str, list[str]] = {}
    visitor.page.goto(f"{haunted.server.url}/")
    for place in shown(haunted.store):
        go(visitor.page, place)
        settle(visitor.page)
        if found := looked_at(visitor.page):
            wrong[place[:120]] = found
    assert not wrong, "\n".join(f"{place}: {found}" for place, found in wrong.items())


def go(page: Page, place: str) -> None:
    """Go to another page of the same document, as a link does."""
    page.evaluate(
        "(place) => { history.pushState(null, '', place); dispatchEvent(new PopStateEvent('popstate')); }", place
    )


def looked_at(page: Page) -> list[str]:
    """What is wrong with a page, at every width."""
    found: list[str] = page.evaluate(INTRUDERS)
    if page.evaluate("() => window.ran !== undefined || ({}).ran !== undefined"):
        found.append("a script has run")
    if not page.locator("main").inner_text().strip():
        found.append("the page is empty")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found += [f"wider than {width}: {one}" for one in page.evaluate(WIDE)]
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    return found


def test_texts_are_shown_as_they_are(page: Page, haunted: Haunted) -> None:
    page.goto(f"{haunted.server.url}/")
    page.get_by_role("link", name=SCRIPTS[0], exact=True).wait_for()
    assert len(TEXTS) == len(set(TEXTS))
