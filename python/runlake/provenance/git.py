"""The state of the git repository that the program is in: commit, branch, whether files differ, and how.

Only git itself is asked, in processes of its own with a time limit; nothing in the repository is locked or changed,
nothing is asked of the user, and no program that the repository's settings name for showing differences is run.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlake import config
from runlake.provenance.secrets import without_credentials

if TYPE_CHECKING:
    import subprocess

MAX_DIFF_BYTES = 2 << 20
"""Most that is kept of a diff."""

_GIT = (
    "git",
    "--no-optional-locks",
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "color.ui=false",
)
_NOTHING = b""


@dataclass(frozen=True, slots=True)
class Repository:
    """What was found in a repository; a commit is missing before the first one, a branch when HEAD is detached."""

    root: Path
    commit: str | None
    branch: str | None
    dirty: bool
    url: str | None
    diff: bytes

    def tags(self) -> dict[str, str]:
        """Give MLflow's tags of it."""
        found = {
            "mlflow.source.git.commit": self.commit,
            "mlflow.source.git.branch": self.branch,
            "mlflow.source.git.dirty": "true" if self.dirty else "false",
            "mlflow.source.git.repoURL": self.url,
        }
        return {key: value for key, value in found.items() if value}


def read_repository(folder: Path, *, deadline: float) -> Repository | None:
    """Read the state of the repository that a folder belongs to; None if it is in none, or git is not installed.

    Args:
        folder: Any folder in the work tree.
        deadline: Value of `time.monotonic()` at which git is stopped; what is not known by then is left out.
    """
    root = _work_tree(folder)
    if root is None:
        return None
    status = _git(
        root,
        ["status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=untracked"],
        deadline,
    )
    if not status:
        return None
    head = _headers(status)
    commit = head.get("branch.oid")
    dirty = any(line and not line.startswith(b"#") for line in status.split(b"\n"))
    return Repository(
        root=root,
        commit=None if commit == "(initial)" else commit,
        branch=None if head.get("branch.head") == "(detached)" else head.get("branch.head"),
        dirty=dirty,
        url=_remote_url(root, deadline),
        diff=_diff(root, deadline) if dirty and commit != "(initial)" else _NOTHING,
    )


def _work_tree(folder: Path) -> Path | None:
    """Find the folder with `.git`, this one or the first above it, without starting git for those who use none."""
    return next((tree for tree in (folder, *folder.parents) if os.path.exists(tree / ".git")), None)


def _headers(status: bytes) -> dict[str, str]:
    lines = (line[2:].decode(errors="replace") for line in status.split(b"\n") if line.startswith(b"# "))
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def _remote_url(folder: Path, deadline: float) -> str | None:
    """Give the URL of the remote `origin`, or else of the first one, without credentials."""
    lines = _git(folder, ["config", "--get-regexp", r"^remote\..*\.url$"], deadline).decode(errors="replace")
    urls = {name: url for name, _, url in (line.partition(" ") for line in lines.splitlines())}
    url = urls.get("remote.origin.url") or next(iter(urls.values()), None)
    return without_credentials(url) if url else None


def _diff(folder: Path, deadline: float) -> bytes:
    """Give the difference of tracked files to the commit; of binary files only that they differ."""
    arguments = ["diff", "HEAD", "--no-ext-diff", "--no-textconv", "--ignore-submodules=untracked", "--src-prefix=a/"]
    diff = _git(folder, [*arguments, "--dst-prefix=b/"], deadline, limit_bytes=MAX_DIFF_BYTES + 1)
    if len(diff) <= MAX_DIFF_BYTES:
        return diff
    whole_lines = diff[:MAX_DIFF_BYTES].rpartition(b"\n")[0]
    return whole_lines + f"\n# runlake: the diff is larger than {MAX_DIFF_BYTES} bytes; the rest is left out\n".encode()


def _git(folder: Path, arguments: Sequence[str], deadline: float, *, limit_bytes: int = 64 << 20) -> bytes:
    """Run git and give what it prints, cut at `limit_bytes`; nothing if it fails, is missing or takes too long."""
    import subprocess

    try:
        process = subprocess.Popen(
            [*_GIT, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=config.environment_with(GIT_TERMINAL_PROMPT="0", LC_ALL="C"),
        )
    except OSError:
        return _NOTHING
    with process:
        output = _read(process, limit_bytes, deadline)
        if output is None or len(output) == limit_bytes:
            process.kill()
    if output is None or (process.returncode != 0 and len(output) < limit_bytes):
        return _NOTHING
    return output


def _read(process: subprocess.Popen[bytes], limit_bytes: int, deadline: float) -> bytes | None:
    """Read what a process prints up to its end or a limit; None if the time is up before."""
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    ready = select.poll()
    ready.register(pipe, select.POLLIN | select.POLLHUP)
    output = bytearray()
    while len(output) < limit_bytes:
        left_ms = (deadline - time.monotonic()) * 1000
        if left_ms <= 0 or not ready.poll(left_ms):
            return None
        chunk = os.read(pipe, limit_bytes - len(output))
        if not chunk:
            break
        output += chunk
    return bytes(output)
