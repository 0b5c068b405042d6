"""Restarts of a container or of the machine under a store: what survives, and that the rest is said to be missing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.endurance import mounts, proofs

POINTS, UNSYNCED = 5_000, 700
BOOT_IDS = {"first": "11111111-1111-4111-8111-111111111111", "second": "22222222-2222-4222-8222-222222222222"}


def in_container(folder: Path, boot: str, host: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program with process ids of its own, under a host name, on a kernel that says it was booted as `boot`."""
    boot_id = folder / boot
    boot_id.write_text(BOOT_IDS[boot] + "\n")
    # No `exec`: the first process of a namespace cannot kill itself.
    script = f"set -e\nmount --bind '{boot_id}' /proc/sys/kernel/random/boot_id\nhostname {host}\n" + '"$@"'
    command = [sys.executable, "-m", "tests.endurance.boots", *arguments]
    return subprocess.run(
        ["unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh", *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": mounts.python_path()},
        check=False,
    )


@pytest.mark.parametrize(
    ("second_boot", "second_host", "kept"),
    [
        pytest.param("first", "box1", POINTS, id="the process is started again"),
        pytest.param("first", "box2", POINTS, id="the container is made anew"),
        pytest.param("second", "box1", POINTS - UNSYNCED, id="the machine is started again"),
        pytest.param(
            "second", "box2", POINTS - UNSYNCED, id="the machine is started again and the container made anew"
        ),
    ],
)
def test_after_a_restart_what_was_synced_is_there_and_the_rest_is_there_or_said_to_be_missing(
    tmp_path: Path, second_boot: str, second_host: str, kept: int
) -> None:
    mounts.require()
    lake = str(tmp_path / "lake")
    # The machine does not really stop, so nothing is lost; what no frame proves must not be believed all the same.
    logged = in_container(tmp_path, "first", "box1", "log", lake, str(POINTS), str(UNSYNCED))
    assert logged.returncode == 128 + signal.SIGKILL, logged.stderr
    for _ in range(2):
        found = in_container(tmp_path, second_boot, second_host, "read", lake)
        assert found.returncode == 0, found.stderr
        assert found.stdout.split() == ["FAILED", str(kept), "True", str(POINTS - kept)]
    proofs.say("restart", boot=second_boot, host=second_host, points=POINTS, kept=kept, said_missing=POINTS - kept)
