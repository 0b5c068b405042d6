"""The command line: `runlake`, and `python -m runlake`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit status.

    The commands are loaded here, so that Ctrl-C in the first half second ends as quietly as it does later.
    """
    _replace_closed_streams()
    try:
        from runlake.cli.app import status_of

        status = status_of(arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)


def _replace_closed_streams() -> None:
    """Let what is written to a closed stdout or stderr vanish, instead of into a file that is opened next."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
