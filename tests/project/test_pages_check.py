"""The check of the pages' modules: it fails for mistakes, and says in one line when it cannot be done."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
SHELL_TOOLS = ("sh", "sed", "cmp", "cp", "dirname", "cat")
CHECKED = "types and units are checked"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository in which there is nothing but what the check looks at, and a PATH without Node."""
    for folder in (".ci", "ui/node_modules", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "pages", tmp_path / ".ci")
    (tmp_path / "ui" / "package-lock.json").write_text("{}")
    for tool in SHELL_TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def program(tree: Path, name: str, says: str) -> None:
    path = tree / "bin" / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def check(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(tree / "bin")}
    return subprocess.run([tree / ".ci" / "pages"], env=environment, capture_output=True, text=True)


def npm(tree: Path, install: str, then: int = 0) -> None:
    """Stand in for npm: how an installation goes, and how the checks do."""
    program(tree, "node", "echo v20.1.0")
    program(tree, "npm", f'case "$1" in ci) {install};; *) echo "{CHECKED}"; exit {then};; esac')


def test_without_node_it_says_so_in_a_line_and_passes(tree: Path) -> None:
    done = check(tree)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert "there is no Node here" in done.stderr


def test_an_old_node_is_named(tree: Path) -> None:
    npm(tree, "exit 0")
    program(tree, "node", "echo v18.19.1")
    done = check(tree)
    assert (done.returncode, done.stdout) == (0, "")
    assert "this is Node 18; 20 or newer is needed" in done.stderr


@pytest.mark.parametrize("code", ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT"])
def test_without_a_network_it_says_so_in_a_line_and_passes(tree: Path, code: str) -> None:
    npm(tree, f"echo npm error code {code}; echo npm error more; exit 1")
    done = check(tree)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert "cannot be reached" in done.stderr


def test_a_lockfile_that_does_not_fit_is_a_mistake(tree: Path) -> None:
    npm(tree, "echo npm error code EUSAGE; exit 1")
    done = check(tree)
    assert (done.returncode, "EUSAGE" in done.stderr) == (1, True)


def test_a_mistake_in_a_module_fails_and_packages_are_installed_once(tree: Path) -> None:
    npm(tree, "echo x >> ../installations", then=2)
    assert [check(tree).returncode for _ in range(2)] == [2, 2]
    npm(tree, "echo x >> ../installations")
    done = check(tree)
    assert (done.returncode, done.stdout.strip()) == (0, CHECKED)
    assert (tree / "installations").read_text() == "x\n"
    (tree / "ui" / "package-lock.json").write_text('{"changed": true}')
    check(tree)
    assert (tree / "installations").read_text() == "x\nx\n"


def test_the_lockfile_names_exact_versions_and_no_private_host() -> None:
    locked = json.loads((ROOT / "ui" / "package-lock.json").read_text())["packages"]
    asked = json.loads((ROOT / "ui" / "package.json").read_text())["devDependencies"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    hosts = {urlsplit(entry["resolved"]).netloc for entry in locked.values() if "resolved" in entry}
    assert hosts <= {"registry.npmjs.org"}
    assert all("integrity" in entry for path, entry in locked.items() if path)
