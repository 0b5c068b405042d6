"""The command line: `runlake`, and `python -m runlake`."""

from runlake.cli.app import main

__all__ = ["main"]
