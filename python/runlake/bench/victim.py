"""A process that logs until it is killed, and says in a file how far it came.

    python -m runlake.bench.victim STORE ACKNOWLEDGED

It prints the id of its run and begins. The count of acknowledged points is stored, through a shared mapping, when each
call has returned; like the journal it outlives the process.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Final

from runlake.bench.place import begin
from runlake.store import Store

KEY: Final = "bench/victim"
VALUES: Final = 4.0
"""The value at a step is the step divided by it, so that a reader can tell a wrong one."""


def main(store: str, acknowledged: str) -> None:
    """Log the points (step, step / 4) from step 0 on."""
    run = begin(Store.open(store))
    with Path(acknowledged).open("r+b") as file:
        count = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    sys.stdout.write(run.info.run_id + "\n")
    sys.stdout.flush()
    log, step = run.metric(KEY).log, 0
    while True:
        log(step / VALUES, step)
        step += 1
        count[0] = step


if __name__ == "__main__":
    main(*sys.argv[1:])
