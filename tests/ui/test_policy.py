"""The policy of the pages, in a browser: scripts that are not files of the server do not run, whoever asks for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from runlake.server.pages import PAGES
from tests.browser import Visitor
from tests.server.wire import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What a script in the page would try; each gives what came of it. The page says on its console what was refused.
ATTEMPTS = {
    "an inline script": """() => {
        const script = document.createElement("script");
        script.append("window.ran = true");
        document.body.append(script);
    }""",
    "an inline handler": """() => {
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.ran = true");
        image.src = "data:,";
        document.body.append(image);
    }""",
    "eval": """() => eval("window.ran = true")""",
    "a function of text": """() => new Function("window.ran = true")()""",
    "a timer of text": """() => setTimeout("window.ran = true", 0)""",
    "markup of text": """() => { document.body.innerHTML = "<img src=x onerror='window.ran = true'>" }""",
    "markup of text, inserted": """() => document.body.insertAdjacentHTML("beforeend", "<p>text</p>")""",
    "a script of a blob": """() => {
        const script = new Blob(["window.ran = true"], { type: "text/javascript" });
        return import(URL.createObjectURL(script));
    }""",
    "a script from elsewhere": """() => {
        const script = document.createElement("script");
        script.src = "https://evil.example/x.js";
        document.body.append(script);
    }""",
    "a policy of one's own": """() => trustedTypes.createPolicy("mine", { createHTML: (text) => text })""",
    "a style attribute": """() => document.getElementById("app").setAttribute("style", "display: none")""",
    "a picture from elsewhere": """() => { new Image().src = "https://evil.example/x.png" }""",
    "a request elsewhere": """() => fetch("https://evil.example/")""",
    "a worker of a blob": """() => { new Worker(URL.createObjectURL(new Blob([""]))) }""",
    "a frame from elsewhere": """() => {
        const frame = document.createElement("iframe");
        frame.src = "https://evil.example/";
        document.body.append(frame);
    }""",
    "a form": """() => {
        const form = document.createElement("form");
        document.body.append(form);
        form.submit();
    }""",
    "another base": """() => {
        const base = document.createElement("base");
        base.href = "https://evil.example/";
        document.head.append(base);
        if (document.baseURI.startsWith("https://evil")) window.ran = true;
    }""",
}


@pytest.fixture
def shown(page: Page, empty: Server) -> Page:
    page.goto(f"{empty.url}/")
    page.get_by_role("navigation").wait_for()
    return page


# In a task of the page's own: what a debugger calls directly may do more.
TRY = """(attempt) => new Promise((done) => {
  addEventListener("securitypolicyviolation", () => done(true), { once: true });
  setTimeout(async () => { try { await attempt() } catch {} }, 0);
  setTimeout(() => done(false), 3000);
})"""


def test_what_is_no_file_of_the_server_does_nothing(shown: Page, visitor: Visitor) -> None:
    visitor.expect("")
    refused = {name: shown.evaluate(f"() => ({TRY})({attempt})") for name, attempt in ATTEMPTS.items()}
    assert [name for name, was in refused.items() if not was] == []
    assert not shown.evaluate("window.ran === true")
    assert shown.evaluate("document.getElementById('app').style.display") == ""


def test_every_page_is_drawn_without_a_refusal_or_an_error(page: Page, visitor: Visitor, empty: Server) -> None:
    visitor.expect("404")  # of the run, the model and the version that are not there
    for path in PAGES:
        page.goto(empty.url + path.format(run_id="0" * 32, name="none", version="1"))
        page.get_by_role("navigation").wait_for()


def test_everything_that_a_page_fetches_comes_from_its_server(page: Page, empty: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{empty.url}/")
    page.get_by_role("navigation").wait_for()
    page.wait_for_load_state("load")
    assert [url for url in asked if not url.startswith((f"{empty.url}/", "data:", "blob:"))] == []
    assert len(asked) > 5


MARKDOWN = """# A report

**Bold**, `code`, [a link](https://example.org/), and ![a plot](data:image/gif;base64,R0lGODlhAQABAAAAACw=).

| a | b |
|---|---|
| 1 | 2 |

- [x] done
- [ ] open

<script>window.ran = true</script>
<img src=x onerror="window.ran = true">
<img src="https://evil.example/pixel.png" alt="a pixel">
<a href="javascript:window.ran = true">click</a>
<svg onload="window.ran = true"><script>window.ran = true</script></svg>
<iframe srcdoc="<script>parent.ran = true</script>"></iframe>
<form action="https://evil.example/"><input name=password><button>Go</button></form>
<style>body { display: none }</style><p style="position: fixed; inset: 0" id="app" class="top">covered</p>
<math><mtext><table><mglyph><style><img src=x onerror="window.ran = true">
"""


@pytest.fixture
def rendered(shown: Page) -> Any:
    """Markdown as the pages show it, as HTML."""

    def render(text: str) -> str:
        module = shown.evaluate("document.querySelector('script[src$=\"/app.js\"]').src").replace(
            "app.js", "vendor/markdown.js"
        )
        html: str = shown.evaluate(
            """async ([module, text]) => {
              const { toHtml } = await import(module);
              const html = toHtml(text);
              if (!(html instanceof TrustedHTML)) throw new Error("not trusted");
              const box = document.createElement("div");
              box.innerHTML = html;
              document.body.append(box);
              return box.innerHTML;
            }""",
            [module, text],
        )
        return html

    return render


def test_markdown_is_shown_and_nothing_in_it_acts(rendered: Any, shown: Page) -> None:
    html = rendered(MARKDOWN)
    assert "<h1>A report</h1>" in html
    assert "<strong>Bold</strong>" in html
    assert "<td>1</td>" in html
    assert "☑ done" in html
    assert 'src="data:image/gif' in html
    assert "a pixel" in html
    assert 'href="https://example.org/"' in html
    assert html.count("<a ") == html.count("noopener noreferrer") == html.count('target="_blank"')
    assert not re.search(r"<(script|svg|iframe|form|input|style|math)|on\w+=|style=|id=|class=|javascript:|evil", html)
    shown.get_by_text("covered").wait_for()
    assert not shown.evaluate("window.ran === true")


def test_text_without_markup_is_text(rendered: Any) -> None:
    assert rendered("5 < 6 & 7 > 6").strip() == "<p>5 &lt; 6 &amp; 7 &gt; 6</p>"
    assert rendered("") == ""
