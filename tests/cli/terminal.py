"""A terminal to run the program on."""

import os
import pty
import subprocess
import sys


def on_terminal(arguments: list[str], *, columns: int, person: bool = False, **variables: str) -> str:
    """Run the program on a terminal of its own and return what appears there, without colours.

    Args:
        person: Whether somebody could type there.
    """
    controller, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "dumb", **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "runlake", *arguments],
        stdin=terminal if person else subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    ):
        os.close(terminal)
        screen = b""
        while piece := read(controller):
            screen += piece
    os.close(controller)
    return screen.decode()


def read(controller: int) -> bytes:
    """Read from a terminal; once nobody holds its other end, Linux answers with an error."""
    try:
        return os.read(controller, 65536)
    except OSError:
        return b""
