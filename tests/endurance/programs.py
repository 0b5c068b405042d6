"""Programs of their own files, as users write them: what `multiprocessing` starts imports them by name."""

import os
import subprocess
import sys
from pathlib import Path

from runlake import config

_ROOT = Path(__file__).parents[2]
BEGIN = "import multiprocessing, os, random, signal, sys, threading, time, runlake\n"


def write(folder: Path, code: str) -> Path:
    """Write a program whose `main()` runs when it is the main one."""
    path = folder / "program.py"
    path.write_text(f"{BEGIN}{code}\nif __name__ == '__main__':\n    main()\n")
    return path


def finished(lake: Path, program: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, however that is, with the store `lake` in force."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        env={**config.environment_with(RUNLAKE_TRACKING_URI=str(lake), PYTHONPATH=path), **environment},
        check=False,
    )


def run(lake: Path, program: Path, *arguments: str, expected: str = "", **environment: str) -> str:
    """Run a program with the store `lake` in force, and return what it printed.

    It must end well and say nothing on stderr but where its runs are kept, and lines with `expected` in them.
    """
    done = finished(lake, program, *arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("runlake: run ")]
    wrong = [line for line in lines if not expected or expected not in line]
    assert not wrong, done.stderr
    return done.stdout


def alive(pid: int) -> bool:
    """Tell whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and pid != os.getpid()
