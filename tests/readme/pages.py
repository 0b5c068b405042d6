"""Pages of the documentation as programs: their snippets, run in the order of the page."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runlake.cli.app import status_of

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Snippet:
    """A piece of code of a page."""

    page: str
    line: int
    section: str
    language: str
    code: str


def snippets(page: str) -> Iterator[Snippet]:
    """Every piece of code of a page of `docs`, with the section that it stands in."""
    text = (DOCS / page).read_text()
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        before = text[: found.start()]
        section = re.findall(r"^#+ (.+)$", before, re.MULTILINE)[-1]
        yield Snippet(page, before.count("\n") + 1, section, found[1], found[2])


def run_all(parts: list[Snippet], **given: Any) -> dict[str, Any]:
    """Run Python in one namespace, which is returned, and commands in between; each in the working directory.

    Args:
        given: What is in the namespace before.
    """
    names: dict[str, Any] = {"__name__": "__main__", **given}
    for part in parts:
        if part.language == "python":
            # Lines are those of the page, so that a traceback leads there.
            exec(compile("\n" * part.line + part.code, DOCS / part.page, "exec"), names)
        else:
            for line in part.code.splitlines():
                run_command(line)
    return names


def run_command(line: str) -> None:
    """Run a line of a page; a comment is none."""
    words = shlex.split(line, comments=True)
    if words:
        assert words[0] == "runlake", f"a page has a command that is not tested: {line}"
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout or done.stderr, f"{line} printed nothing"


def run_here(line: str) -> None:
    """Run a line of a page in this process, in the store that is in force."""
    program, *words = shlex.split(line, comments=True)
    assert (program, status_of(words)) == ("runlake", 0), line
