"""A process that does everything that can be logged, from three threads, and says through a pipe what has returned.

Each acknowledgement is written after its call has returned, so what the parent process reads from the pipe after a kill
was promised to be kept. This module is imported by every such process and brings nothing that logging does without.
"""

import os
import struct
import threading
from array import array
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import runlake

ACK = struct.Struct("<cq")
ARRAY = 100
"""Points of one call of `log_arrays`."""

_COUNTS = {b"h": "handle", b"r": "row", b"a": "arrays", b"p": "param", b"t": "tag", b"e": "ended"}

SETTINGS = {
    "RUNLAKE_SEAL_BYTES": str(256 << 10),
    "RUNLAKE_ADOPT_JOURNALS": "8",
    "RUNLAKE_CLOSE_SEAL_BYTES": str(64 << 10),
}
"""Small, so that kills meet a store that seals, adopts and trims all the time."""


@dataclass
class Acknowledged:
    """What one process was told is kept. Each counts up from 0, so a number stands for all below it."""

    run_id: str = ""
    handle: int = 0
    """Points of the metric `<name>/handle`, steps from 0 on."""
    row: int = 0
    """Points of each of `<name>/row` and `<name>/other`."""
    arrays: int = 0
    """Calls that each logged `ARRAY` points of `<name>/array`."""
    param: int = 0
    tag: int = 0
    ended: int = 0

    def take(self, message: bytes) -> None:
        """Take note of one acknowledgement."""
        kind, number = ACK.unpack_from(message)
        if kind == b"s":
            self.run_id = message[ACK.size :].decode()
        else:
            setattr(self, _COUNTS[kind], number)


def log_until_killed(store: Path, name: str, run_id: str | None, steps: int, pipe: "Connection[Any, Any]") -> None:
    """Log into a run of one's own, or join one, and end it after so many steps, when nobody has killed this process."""
    os.environ.update(SETTINGS)
    runlake.set_tracking_uri(store)
    lock = threading.Lock()

    def told(kind: bytes, number: int, text: str = "") -> None:
        with lock:
            pipe.send_bytes(ACK.pack(kind, number) + text.encode())

    run = runlake.start_run(run_id=run_id)
    told(b"s", 0, run.id)
    handle = run.metric(f"{name}/handle")

    def log_points() -> None:
        for step in range(steps):
            handle.log(step / 4, step)
            told(b"h", step + 1)
            run.log({f"{name}/row": step / 4, f"{name}/other": -step}, step=step)
            told(b"r", step + 1)

    def log_arrays() -> None:
        for number in range(steps // ARRAY):
            places = range(number * ARRAY, (number + 1) * ARRAY)
            run.log_arrays(f"{name}/array", array("q", places), array("d", [step / 4 for step in places]))
            told(b"a", number + 1)

    threads = [threading.Thread(target=work) for work in (log_points, log_arrays)]
    for thread in threads:
        thread.start()
    for number in range(steps // 50):
        runlake.log_param(f"{name}/{number}", number)
        told(b"p", number + 1)
        runlake.set_tag(f"{name}/tag", number)
        told(b"t", number + 1)
    for thread in threads:
        thread.join()
    run.end()
    told(b"e", 1)
