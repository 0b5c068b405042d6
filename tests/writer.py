"""A process of its own that logs into a store, line by line, while pages show it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PROGRAM = """
import sys, runlake
runlake.set_tracking_uri(sys.argv[1])
for line in sys.stdin:  # each is something to do, and answered when it is done
    exec(line)
    print(flush=True)
"""


class Writer:
    """A process that logs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, line: str) -> str:
        """Let it run a line of Python, in which there is `runlake`; return what that has printed."""
        into, out = self._pipes()
        into.write(line + "\n")
        into.flush()
        said = []
        while (answer := out.readline()) != "\n":
            assert answer, "the writer is dead"
            said.append(answer.strip())
        return " ".join(said)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


@contextmanager
def writing(store: Path) -> Iterator[Writer]:
    """Start a process that logs into a store."""
    command = [sys.executable, "-c", _PROGRAM, str(store)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield Writer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
