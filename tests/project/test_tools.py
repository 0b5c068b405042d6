"""The check of tools that `make` begins with: what is missing is named together with what mends it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELL_TOOLS = ("sh", "sort", "head", "cut", "sed")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for PATH that has what a shell script needs, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in SHELL_TOOLS:
        link(folder, tool)
    return folder


def link(folder: Path, tool: str) -> None:
    found = shutil.which(tool)
    assert found, tool
    (folder / tool).symlink_to(found)


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def check(path: Path | str, python: str = "python3") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(path), "PYTHON": python, "RUST_VERSION": "1.90"}
    return subprocess.run(["/bin/sh", ROOT / ".ci/tools"], env=environment, capture_output=True, text=True)


def test_a_machine_with_everything_passes_silently() -> None:
    done = check(os.environ["PATH"], sys.executable)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_everything_that_is_missing_is_named_with_the_command_that_mends_it(bare: Path) -> None:
    done = check(bare)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("missing:")] == [
        "missing: git",
        "missing: a C compiler (cc)",
        "missing: Rust 1.90 or newer (cargo and rustc)",
        "missing: Python 3.11 or newer (python3)",
    ]
    assert len([line for line in lines if line.startswith("   mend: ")]) == 4


@pytest.mark.parametrize(("version", "passes"), [("1.70.0", False), ("1.89.1", False), ("1.90.0", True)])
def test_versions_of_rust_are_compared_as_numbers(bare: Path, version: str, passes: bool) -> None:
    for tool in ("git", "cc", "cargo"):
        program(bare, tool, "exit 0")
    program(bare, "rustc", f"echo 'rustc {version} (abc 2025-01-01)'")
    done = check(bare, sys.executable)
    assert (done.returncode == 0) is passes
    assert passes or "mend: rustup update stable" in done.stderr


def test_a_python_without_venv_is_named(bare: Path) -> None:
    for tool in ("git", "cc", "cargo"):
        program(bare, tool, "exit 0")
    program(bare, "rustc", "echo 'rustc 1.99.0 (abc 2025-01-01)'")
    says = f"""case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac"""
    program(bare, "python-without-venv", says)
    done = check(bare, "python-without-venv")
    assert done.returncode == 1
    assert done.stderr.startswith("missing: venv for python-without-venv\n   mend: sudo ")
