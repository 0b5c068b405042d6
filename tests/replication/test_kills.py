"""Kills: server and clients die at random moments, and in the end every point that was logged is there once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from runlake import config
from tests.replication.seen import opened
from tests.replication.test_trouble import free_port
from tests.store.reading import numbered, points

KILLS = int(os.environ.get("RUNLAKE_TORTURE", "4"))

CLIENT = """
import mmap, struct, sys, time, runlake
with open(sys.argv[1], "r+b") as file:
    told = mmap.mmap(file.fileno(), 40)
with runlake.start_run() as run:
    told[8:40] = run.id.encode()
    log, step, end = run.metric("x").log, 0, time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        for _ in range(500):
            log(step / 2, step)
            step += 1
            told[:8] = struct.pack("<q", step)
        if step % 5000 == 0:
            runlake.set_tag("step", step)
        time.sleep(0.002)
"""


@dataclass
class Client:
    """A process that logs; `told` survives its death: how many points were logged, and the id of the run."""

    process: subprocess.Popen[bytes]
    told: Path

    def logged(self) -> tuple[str, int]:
        content = self.told.read_bytes()
        return content[8:].decode().strip("\0"), struct.unpack("<q", content[:8])[0]


def serve(lake: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "runlake", "server", "--store", str(lake), "--port", str(port), "--workers", "2"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)


def stop(server: subprocess.Popen[bytes], how: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, how)
    server.wait(30)


def client(url: str, told: Path, draw: random.Random) -> Client:
    told.write_bytes(bytes(40))
    environment = config.environment_with(RUNLAKE_TRACKING_URI=url)
    command = [sys.executable, "-c", CLIENT, str(told), str(draw.uniform(0.5, 3))]
    return Client(subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment), told)


def test_whoever_is_killed_nothing_is_lost_or_doubled(spools: Path, tmp_path: Path) -> None:
    draw, lake, port = random.Random(), tmp_path / "lake", free_port()
    url = f"http://127.0.0.1:{port}"
    server, clients = serve(lake, port), list[Client]()
    try:
        for kill in range(KILLS):
            while sum(each.process.poll() is None for each in clients) < 2:
                clients.append(client(url, tmp_path / f"client-{len(clients)}", draw))
            time.sleep(draw.uniform(0.1, 0.8))  # when they die is what is drawn here
            if kill % 2:
                draw.choice(clients).process.kill()
            else:
                stop(server, signal.SIGKILL)
                server = serve(lake, port)
        assert [each.process.wait(90) for each in clients].count(1) == 0
        (spool,) = spools.iterdir()
        subprocess.run([sys.executable, "-m", "runlake", "sync", str(spool), url], check=True)
    finally:
        for each in clients:
            each.process.kill()
            each.process.wait()
        stop(server, signal.SIGTERM)
    with opened(lake) as store:
        every = numbered(store)
        assert len(every) == len(set(every))
        steps: dict[str, list[int]] = {}
        for run_id, _, step, _ in points(store):
            steps.setdefault(run_id, []).append(step)
    for run_id, logged in (each.logged() for each in clients):
        there = steps.get(run_id, [])
        assert there == list(range(len(there)))
        assert logged <= len(there) <= logged + 1  # one may have been logged and not told yet
