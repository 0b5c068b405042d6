"""What a process does and another one finds after a restart: of itself, of its container, of the machine.

python -m tests.endurance.boots log STORE POINTS UNSYNCED
python -m tests.endurance.boots read STORE
"""

import os
import signal
import sys

import runlake


def log(store: str, points: str, unsynced: str) -> None:
    """Log so many points, sync all but the last ones, and die."""
    runlake.set_tracking_uri(store)
    run = runlake.start_run()
    loss, synced = run.metric("loss"), int(points) - int(unsynced)
    for step in range(synced):
        loss.log(step / 2, step)
    run.flush()
    for step in range(synced, int(points)):
        loss.log(step / 2, step)
    os.kill(os.getpid(), signal.SIGKILL)


def read(store: str) -> None:
    """Say what there is: the run's status, its points, whether they are the first ones, and how many are missing."""
    runlake.set_tracking_uri(store)
    (run,) = runlake.search_runs(output_format="list")
    steps = sorted(runlake.points(run.info.run_id).collect()["step"].to_list())
    from runlake.store import get_store

    missing = sum(gap.gap.upto - gap.gap.first for gap in get_store(store).catalog.gaps())
    print(run.info.status, len(steps), steps == list(range(len(steps))), missing)


if __name__ == "__main__":
    {"log": log, "read": read}[sys.argv[1]](*sys.argv[2:])
