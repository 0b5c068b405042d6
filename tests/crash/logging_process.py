"""A process that logs from four threads until it is killed, and says in a file how far each thread came.

    python logging_process.py STORE ACKS [RUN_ID]

Without a run id it starts a run. It prints the id and begins at the first line it is sent. The acknowledgement of a
point is written, through a shared mapping, after its logging call has returned; both outlive the process.
"""

import mmap
import sys
import threading
from pathlib import Path

import runlake

THREADS = 4
COUNTER_BYTES = 8


def log_forever(run: runlake.ActiveRun, key: str, acks: memoryview, at: int) -> None:
    """Log the points (step, step / 4) from step 0 on."""
    handle = run.metric(key)
    step = 0
    while True:
        handle.log(step / 4, step)
        step += 1
        acks[at] = step  # one store; struct.pack_into would write a zero first


def main(store: str, ack_file: str, run_id: str | None = None) -> None:
    runlake.set_tracking_uri(store)
    run = runlake.start_run(run_id=run_id)
    path = Path(ack_file)
    path.write_bytes(bytes(COUNTER_BYTES * THREADS))
    with path.open("r+b") as file:
        acks = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    print(run.info.run_id, flush=True)
    sys.stdin.readline()  # the order to begin
    role = "first" if run_id is None else "joined"
    for number in range(THREADS):
        arguments = (run, f"{role}/{number}", acks, number)
        threading.Thread(target=log_forever, args=arguments).start()
    threading.Event().wait()


main(*sys.argv[1:])
