"""How many instructions of the extension a logging call takes: the same on every machine of one compiler.

The calls are made under callgrind and compared with `counts.txt`, so that what makes them longer is seen where timing
would see noise. What the interpreter and libc do for them is left out. `make counts` writes the file anew.
"""

import collections
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import runlake
from runlake import _engine

TOLERANCE = 0.03
CALLS = 500
EXPECTED = Path(__file__).with_name("counts.txt")
KINDS = ("handle.log", "log_metric", "run.log_a_value")

ENTRIES = ("metric_log", "log_metric", "row_log")
MARK = "*set_active_logger*"
"""A function between the kinds of calls, at which callgrind ends one part of its profile and begins the next."""

PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(runlake.__file__).parents[1])!r})
from runlake import _engine

run = _engine.Writer(sys.argv[1], "0" * 32).run("f" * 32)
handle, log_metric, row = run.metric("loss"), _engine.log_metric, {{f"key-{{number}}": 0.5 for number in range(10)}}
_engine.set_active_logger(run)
run.log(row, 0)
handle.log(0.5, 0)
log_metric("fluent", 0.5, step=0)
_engine.set_active_logger(run)
for step in range({CALLS}):
    handle.log(0.5, step)
_engine.set_active_logger(run)
for step in range({CALLS}):
    log_metric("fluent", 0.5, step=step)
_engine.set_active_logger(run)
for step in range({CALLS // 10}):
    run.log(row, step)
_engine.set_active_logger(run)
"""


def counted(folder: Path) -> dict[str, float]:
    """Make the calls under callgrind; return instructions of the extension a call, and a value of a row."""
    # Where the clock is read anew depends on time, so that is left out.
    toggles = [f"--toggle-collect=_engine::fast::entry::{entry}" for entry in ENTRIES] + ["--toggle-collect=*refresh*"]
    parts = ["--dump-before=" + MARK, f"--callgrind-out-file={folder / 'out'}"]
    options = ["--quiet", "--tool=callgrind", "--compress-strings=no", "--collect-atstart=no", *toggles, *parts]
    command = ["valgrind", *options, sys.executable, "-I", "-S", "-c", PROGRAM, str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    # The first two parts are what comes before the mark between the warm-up and the calls.
    return {name: instructions(folder / f"out.{part}") / CALLS for part, name in enumerate(KINDS, start=3)}


def instructions(part: Path) -> int:
    """Return the instructions of the extension's own functions in one part of a profile."""
    own: collections.Counter[str] = collections.Counter()
    library, called = "", False
    for line in part.read_text().splitlines():
        if line.startswith("ob="):
            library = Path(line[3:]).name
        elif line.startswith("calls="):
            called = True  # the next line is the cost of the callee
        elif line.startswith(tuple("0123456789+-*")):
            own[library] += 0 if called else int(line.split()[1])
            called = False
    return own[Path(_engine.__file__).name]


def why_not() -> str | None:
    """Return why nothing can be compared here."""
    if platform.machine() != "x86_64":
        return "the counts are of x86-64"
    if shutil.which("valgrind") is None:
        return "valgrind is missing; apt-get install valgrind"
    if (of := EXPECTED.read_text().splitlines()[0]) != compiler():
        return f"the counts are of {of}, and the extension is of {compiler()}"
    return None


def compiler() -> str:
    """Return what the linker has noted of the compiler in the extension."""
    noted = re.findall(rb"rustc version [^\0]+", Path(_engine.__file__).read_bytes())
    return noted[-1].decode() if noted else "an unknown compiler"


def test_a_logging_call_takes_as_many_instructions_as_before(tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    expected = {name: float(count) for name, count in map(str.split, EXPECTED.read_text().splitlines()[1:])}
    found = counted(tmp_path)
    changed = {name: count for name, count in found.items() if abs(count / expected[name] - 1) > TOLERANCE}
    assert not changed, f"expected {expected}, found {found}; `make counts` keeps what is meant"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"{name:16} {count:.1f}\n" for name, count in counted(Path(folder)).items()]
    EXPECTED.write_text("".join([compiler() + "\n", *lines]))
