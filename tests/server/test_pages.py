"""Runlake's own pages as files: what is served, how browsers may keep it, and that nothing else of the machine is."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runlake.server.page_files import FOLDER, TYPES, PageFiles
from runlake.server.page_modules import closure, imports_of
from runlake.server.pages import PAGES, POLICY
from tests.server.people import people
from tests.server.wire import Answer, Server, served

PATHS = [path.format(run_id="0" * 32, name="churn", version="1") for path in PAGES]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def static(server: Server) -> str:
    """The address of the files."""
    found = re.search(r"/static/[0-9a-f]{16}", server.send("GET", "/").body.decode())
    assert found is not None
    return found[0]


def named(page: Answer) -> list[str]:
    """What a document asks a browser to fetch."""
    return re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_one_document_that_names_only_files_that_are_there(server: Server, path: str) -> None:
    page = server.send("GET", path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["referrer-policy"] == "same-origin"
    types = {name.rpartition(".")[2]: server.send("GET", name) for name in named(page)}
    assert {kind: answer.headers["content-type"] for kind, answer in types.items()} == {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
    assert {answer.status for answer in types.values()} == {200}


def test_who_looks_for_a_page_where_there_is_none_gets_one_that_says_so(server: Server) -> None:
    page = server.send("GET", "/elsewhere/1", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == POLICY
    assert all(server.send("GET", name).status == 200 for name in named(page))
    program = server.send("GET", "/elsewhere/1")
    assert (program.status, program.headers["content-type"]) == (404, "application/json")


def test_a_page_names_every_module_that_it_needs_before_it_runs(server: Server, static: str) -> None:
    fetched = named(server.send("GET", "/"))
    assert f"{static}/pages/experiments.js" in fetched
    for name in fetched:
        if name.endswith(".js"):
            for needed in imports_of(name, server.send("GET", name).body.decode()):
                assert needed in fetched, f"{name} needs {needed}"
    twice = {name for name in fetched if fetched.count(name) > 1}
    assert twice == {f"{static}/app.js", f"{static}/pages/experiments.js"}, "as scripts, and as what to fetch at once"


def test_a_page_has_its_styles_in_one_file_in_the_order_of_the_shell(server: Server, static: str) -> None:
    page = server.send("GET", "/").body.decode()
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', page) == [f"{static}/style.css"]
    answer = server.send("GET", f"{static}/style.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    style = answer.body.decode()
    sheets = re.findall(
        r'<link rel="stylesheet" href="/static/__DIGEST__/([^"]+)"', (FOLDER / "index.html").read_text()
    )
    assert len(sheets) > 5
    assert style == "\n".join((FOLDER / sheet).read_text() for sheet in sheets)


def test_browsers_keep_files_for_ever_and_ask_again_for_pages(server: Server, static: str) -> None:
    assert server.send("GET", f"{static}/app.js").headers["cache-control"] == "max-age=31536000, immutable"
    for path in ("/runs", f"{static}/app.js"):
        first = server.send("GET", path)
        again = server.send("GET", path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert server.send("GET", path, headers={"If-None-Match": 'W/"other"'}).status == 200


@pytest.mark.parametrize("name", ["", "app.js", "vendor/preact.js", "style/base.css", "icons.svg"])
def test_who_takes_gzip_gets_the_same_in_fewer_bytes(server: Server, static: str, name: str) -> None:
    path = f"{static}/{name}" if name else "/"
    plain = server.send("GET", path)
    packed = server.send("GET", path, headers={"Accept-Encoding": "br, gzip"})
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    for refused in ("gzip;q=0", "br, GZIP; q=0.000", "xgzip", ""):
        assert server.send("GET", path, headers={"Accept-Encoding": refused}).body == plain.body
    head = server.send("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(plain.body)))


@pytest.mark.parametrize(
    "path",
    [
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/%2e%2e/__init__.py",
        "..\\pages.py",
        "/etc/passwd",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "lib/../../pages.py",
        "lib/../app.js",
        "app.js%00.css",
        "vendor",
        "vendor/preact.d.ts",
        "index.html",
        "",
        "nothing.js",
        "x" * 5000,
    ],
)
def test_no_other_file_is_served(server: Server, static: str, path: str) -> None:
    assert server.send("GET", f"{static}/{path}").mistake == (404, "ENDPOINT_NOT_FOUND")


def test_files_of_another_version_are_not_taken_for_those_of_this_one(server: Server) -> None:
    answer = server.send("GET", "/static/0123456789abcdef/app.js")
    assert answer.mistake == (404, "ENDPOINT_NOT_FOUND")
    assert "cache-control" not in answer.headers


def test_a_file_that_is_changed_is_served_under_a_new_address_without_a_restart(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "static")
    files = PageFiles(tmp_path / "static")
    before = files.look()
    assert files.look() is before
    (tmp_path / "static" / "app.js").write_text('import "./lib/url.js";\n')
    after = files.look()
    assert after.digest != before.digest
    assert after.digest.encode() in after.shell("pages/none.js").content
    assert b"lib/api.js" not in after.shell("pages/none.js").content


def test_every_file_of_the_pages_has_a_known_type() -> None:
    unknown = {path.suffix for path in FOLDER.rglob("*") if path.is_file()} - set(TYPES)
    assert unknown <= {".ts"}, "files that are not served"


def test_import_lines_are_found_however_they_are_written() -> None:
    source = """
// import "./comment.js";
/** @import {A} from "./types.js" */
import "./effect.js";
import { a } from "../lib/a.js";
import {
  b,
  c,
} from "./several.js";
export { d } from "./again.js";
export const name = "./not-a-module.js";
const later = () => import("./later.js");
  import("./later-too.js");
"""
    found = list(imports_of("pages/x.js", source))
    assert found == ["pages/effect.js", "lib/a.js", "pages/several.js", "pages/again.js"]
    sources = {"a.js": 'import "./b.js";', "b.js": 'import "./a.js";\nimport "./c.js";', "c.js": "", "d.js": ""}
    assert closure(sources, "a.js", "none.js") == ["a.js", "b.js", "c.js"]


def test_pages_and_their_files_are_for_those_who_sign_in(tmp_path: Path) -> None:
    headers = people(tmp_path)["stranger"]
    with served(tmp_path, "--auth") as server:
        for path in PATHS:
            refused = server.send("GET", path)
            assert (refused.status, "basic" in refused.headers["www-authenticate"].lower()) == (401, True)
        page = server.send("GET", "/", headers=headers)
        assert page.status == 200
        assert server.send("GET", named(page)[-1]).status == 401
        assert server.send("GET", named(page)[-1], headers=headers).status == 200


def test_pages_are_served_to_nobody_who_calls_by_another_name(server: Server, static: str) -> None:
    for path in (*PATHS, f"{static}/app.js"):
        assert server.send("GET", path, headers={"Host": "evil.example"}).status == 403
