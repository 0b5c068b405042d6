"""The program: its commands, and what its mistakes look like.

Data goes to stdout, everything else to stderr. Exit status: 0, 1 when something is wrong with the store or the machine,
2 when something is wrong with the command, 130 after Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

import runlake
from runlake.cli.bench import bench
from runlake.cli.compact import compact
from runlake.cli.compare import compare
from runlake.cli.demo import demo
from runlake.cli.doctor import doctor
from runlake.cli.export import export
from runlake.cli.gc import gc
from runlake.cli.grant import grant
from runlake.cli.models import models
from runlake.cli.output import message
from runlake.cli.points import points
from runlake.cli.registry import registry
from runlake.cli.runs import runs
from runlake.cli.seal import seal
from runlake.cli.server import server
from runlake.cli.show import show
from runlake.cli.status import status
from runlake.cli.sync import sync
from runlake.cli.tokens import tokens
from runlake.cli.ui import ui
from runlake.cli.users import users
from runlake.errors import (
    AlreadyExists,
    InvalidInput,
    MissingExtra,
    NotFound,
    RunlakeError,
    ServerUnavailable,
    StoreUnavailable,
)

_MISUSE = (InvalidInput, AlreadyExists, NotFound, StoreUnavailable, MissingExtra)
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(runlake.__version__, message="runlake %(version)s")
def runlake_command() -> None:
    """Look into a store of runs, serve it to others, or fill one with the demo."""


for command in (
    demo,
    ui,
    runs,
    show,
    points,
    compare,
    export,
    seal,
    compact,
    gc,
    server,
    sync,
    models,
    registry,
    status,
    users,
    tokens,
    grant,
    doctor,
    bench,
):
    runlake_command.add_command(command)


def status_of(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit status."""
    try:
        status = runlake_command.main(arguments, prog_name="runlake", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.UsageError as error:
        return _refuse_usage(error, sys.argv[1:] if arguments is None else arguments)
    except click.ClickException as error:
        message(f"error: {error.format_message()}")
        return 1
    except RunlakeError as error:
        message(f"error: {error}")
        return 2 if isinstance(error, _MISUSE) and not isinstance(error, ServerUnavailable) else 1
    except OSError as error:
        return _give_up(error)
    except (click.Abort, KeyboardInterrupt):
        message("interrupted")
        return 130
    except SystemExit:  # click's answer to `runlake points ... | head`: the reader has seen enough
        return 0


def _give_up(error: OSError) -> int:
    """Say what the environment did; most often it is stdout on a disk that is full."""
    reason = _sentence(error.strerror or str(error))
    if error.filename is not None:
        message(f"error: {error.filename}: {reason}")
    elif error.errno in _CANNOT_WRITE:
        message(f"error: stdout cannot be written to: {reason}")
        _forget_stdout()
    else:
        message(f"error: {reason}")
    return 1


def _forget_stdout() -> None:
    """Keep the interpreter from writing once more what stdout did not take."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _refuse_usage(error: click.UsageError, arguments: Sequence[str]) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        message(error.format_message())
        return error.exit_code
    near = getattr(error, "possibilities", None)
    hint = f"did you mean {near[0]}?" if near else f"{_command_of(arguments)} --help says what there is"
    message(f"error: {_sentence(error.message if near else error.format_message())}\nhint: {hint}")
    return error.exit_code


def _command_of(arguments: Sequence[str]) -> str:
    """Return the command that is meant; click's own context is that of the program when an option lacks its value."""
    meant: click.Command = runlake_command
    names = ["runlake"]
    for name in arguments:
        if isinstance(meant, click.Group) and name in meant.commands:
            meant = meant.commands[name]
            names.append(name)
    return " ".join(names)


def _sentence(text: str) -> str:
    """Our messages begin small and end without a full stop; click's do neither."""
    text = text.strip().removesuffix(".")
    return text[:1].lower() + text[1:]
