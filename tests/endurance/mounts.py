"""Small file systems that are there for one program only, mounted in a namespace of its own and gone when it ends."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

_IN_NAMESPACE = ("unshare", "--mount", "--propagation", "private")
_ROOT = Path(__file__).parents[2]


@cache
def _refusal() -> str | None:
    """Say why nothing can be mounted here; None where it can."""
    try:
        tried = subprocess.run(
            [*_IN_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        return f"there is no {error.filename}"
    return tried.stderr.strip() or None if tried.returncode else None


def require() -> None:
    """Skip the test where nothing can be mounted, as only root can."""
    if (refusal := _refusal()) is not None:
        pytest.skip(f"needs a mount of its own: {refusal}")


def python_path() -> str:
    """Return the PYTHONPATH with which programs find these tests."""
    return os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))


def run(mount: str, module: str, *arguments: str, **environment: str) -> str:
    """Run `python -m module arguments` after the shell commands `mount`, in a namespace; return what it printed.

    It must end well.
    """
    program = [sys.executable, "-m", module, *arguments]
    script = f'set -e\n{mount}\nexec "$@"'
    done = subprocess.run(
        [*_IN_NAMESPACE, "sh", "-c", script, "sh", *program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": python_path(), **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tmpfs(folder: Path, size: str) -> str:
    """Commands that mount a file system in memory."""
    folder.mkdir()
    return f"mount -t tmpfs -o size={size} none '{folder}'"


def ext4(folder: Path, size: str) -> str:
    """Commands that mount a file system in a file beside the folder, with its journal, as a disk has one."""
    folder.mkdir()
    image = folder.with_suffix(".img")
    return f"truncate -s {size} '{image}'\nmkfs.ext4 -q -m 0 '{image}'\nmount -o loop '{image}' '{folder}'"
