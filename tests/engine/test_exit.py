"""Interpreters that exit while runs, handles and threads are still there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from runlake import _engine

BEGIN = """
import sys, threading
from runlake import _engine
writer = _engine.Writer(sys.argv[1], "0" * 32)
run = writer.run("r")
handle = run.metric("k")
_engine.set_active_logger(run)
handle.log(1.0, 0)
_engine.log_metric("k", 1.0, step=1)
"""

ENDS = {
    "nothing closed": "",
    "a reference cycle": "cycle = [handle, run, writer]; cycle.append(cycle); del handle, run, writer",
    "an exception": "raise SystemExit(0)",
    "a thread with an active logger of its own": """
def work():
    _engine.set_active_logger(writer.run("other"))
    _engine.log_metric("k", 1.0, step=2)
thread = threading.Thread(target=work)
thread.start()
thread.join()
""",
    "a daemon thread that logs on": """
started = threading.Event()
def work():
    started.set()
    while True:
        handle.log(1.0, 3)
threading.Thread(target=work, daemon=True).start()
started.wait()
""",
    "a daemon thread in a wait": """
started = threading.Event()
def work():
    started.set()
    writer.wait_unsealed(1 << 40, 3_600_000)
threading.Thread(target=work, daemon=True).start()
started.wait()
""",
    "a log at exit": "import atexit; atexit.register(handle.log, 1.0, 4)",
    "a log from a destructor": """
class Last:
    def __del__(self, log=handle.log):
        log(1.0, 5)
last = Last()
sys.modules["kept"] = last
""",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_an_exit_is_quiet_and_keeps_every_point(journals: Path, end: str) -> None:
    program = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BEGIN + end, str(journals)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (program.returncode, program.stderr) == (0, "")
    frame = pl.DataFrame(_engine.Journals(str(journals)).read({}))
    assert frame["step"].to_list()[:2] == [0, 1]
    if "2" in end or "4)" in end:
        assert frame.height == 3
