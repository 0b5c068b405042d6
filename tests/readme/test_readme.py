"""Every snippet of the README runs, in the order of the page, in one folder."""

import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

# Commands that build or install would build and install while they are tested; these are what CI itself runs.
NOT_RUN = ("make", "pip", "duckdb")


def test_every_snippet_names_its_language() -> None:
    assert README.count("```") == 2 * len(SNIPPETS)
    assert {language for language, _ in SNIPPETS} <= {"python", "sh"}


def test_every_snippet_runs(tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as servers:
        for language, snippet in SNIPPETS:
            code = snippet.replace(":5000", f":{port}").replace("--port 5000", f"--port {port}")
            if language == "python":
                run_python(code, tmp_path)
            else:
                for line in code.splitlines():
                    run_command(line, tmp_path, servers)


def run_python(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{code}\n{done.stderr}"


def run_command(line: str, folder: Path, servers: ExitStack) -> None:
    words = shlex.split(line, comments=True)
    if not words or words[0] in NOT_RUN:
        return
    assert words[0] == "runlake", f"the README has a command that is not tested: {line}"
    if words[-1] == "&":
        servers.enter_context(served(words[:-1], folder))
        return
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert done.stdout or done.stderr, f"{line} printed nothing"


@contextmanager
def served(words: list[str], folder: Path) -> Iterator[None]:
    """Start a command that goes on; it says where it is when it is there."""
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            greeting = process.stderr.readline()
            assert "http://" in greeting, greeting
            yield
        finally:
            process.terminate()
            process.communicate(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert target.startswith("https://") or (ROOT / target).exists()


def test_the_make_targets_that_documents_name_exist() -> None:
    make = shutil.which("make")
    assert make, "make is needed to build this project"
    listed = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"^make (\w+)", (ROOT / name).read_text(), re.MULTILINE):
            assert f"make {target}" in listed, f"{name} names the target {target}"


def test_the_first_screen_has_a_sentence_a_program_and_a_table() -> None:
    first_screen = "\n".join(README.splitlines()[:45])
    assert "```python" in first_screen
    assert "| tracker |" in first_screen
