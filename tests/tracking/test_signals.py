"""Signal handlers that start and end runs, wherever they interrupt the main thread: at worst an error, never a hang."""

from pathlib import Path

from tests.modes import needs_wal
from tests.tracking import programs

EVERY_LINE = """
import faulthandler, sys, threading
import runlake

faulthandler.dump_traceback_later(50, exit=True)  # a hang names its place
met, nested = set(), 0

def handler():
    global nested
    try:
        with runlake.start_run(nested=True) as run:
            runlake.log_param("by", "handler")
            runlake.log_metric("x", 1.0)
            runlake.get_run(run.info.run_id)
            nested += 1
    except runlake.MlflowException:
        pass  # what is in the middle of a transaction keeps the catalog: the handler gives up at once

def trace(frame, event, argument):
    code = frame.f_code
    waits = code.co_filename == threading.__file__ and code.co_qualname.startswith(("Event.", "Condition."))
    if not waits and "/runlake/" not in code.co_filename:
        return None
    def lines(frame, event, argument):
        place = (code.co_filename, frame.f_lineno)
        if event == "line" and place not in met:
            met.add(place)
            handler()
        return lines
    return lines

def train():
    with runlake.start_run() as run:
        runlake.log_params({"a": 1})
        runlake.log_metric("m", 1.0)
        runlake.log_metric("n", 2.0, run_id=run.info.run_id)
        runlake.set_tag("t", "1", synchronous=False).wait()
        runlake.log_text("x", "a.txt")
        runlake.get_run(run.info.run_id)
        runlake.errors_seen()
        runlake.flush()
    return run.info.run_id

sys.settrace(trace)
first = train()
second = train()
sys.settrace(None)
runs = {run.info.run_id: run for run in runlake.search_runs(output_format="list")}
for run in (first, second):
    assert runs[run].info.status == "FINISHED" and runs[run].data.metrics == {"m": 1.0, "n": 2.0}, runs[run]
    assert (runs[run].data.params, runs[run].data.tags["t"]) == ({"a": "1"}, "1")
assert all(run.info.status != "RUNNING" for run in runs.values() if run.data.params.get("by")), "a run was left open"
assert len(met) > 300 and nested > len(met) // 2, (len(met), nested)
"""


@needs_wal
def test_a_handler_may_start_a_run_at_any_line_of_another_s_start(tmp_path: Path) -> None:
    program = programs.run(tmp_path / "lake", EVERY_LINE)
    assert program.returncode == 0, program.stderr
