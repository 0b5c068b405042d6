"""Plan: every proof of `make torture`, with what it must reach. Longest first, so that two at once end together."""

from __future__ import annotations

import sys
from typing import Final

from tests.torture.proof import Proof, Row, engine_command, pytest_command

_LONG: Final = {"RUNLAKE_TORTURE": "1"}
_ENDURANCE: Final = "tests/endurance/"

PROOFS: Final = (
    Proof(
        "sigkill",
        pytest_command("tests/crash/test_sigkill.py"),
        (
            Row(
                "SIGKILL at random moments, 4 writers: acknowledged points lost, corrupt files",
                "sigkill",
                "kills>=500 writers>=4 lost=0 corrupt=0",
            ),
        ),
        _LONG,
        limit_s=900,
    ),
    Proof(
        "soak",
        pytest_command(_ENDURANCE + "test_soak.py"),
        (Row("soak: 16 processes churn and are killed", "soak", "processes>=16 kills>=30 lost=0 doubled=0"),),
        _LONG,
    ),
    Proof(
        "api",
        pytest_command(_ENDURANCE + "test_api_model.py"),
        (Row("Python API against a dictionary, processes killed", "api_model", "examples>=120 differences=0"),),
        _LONG,
    ),
    Proof(
        "power",
        engine_command("power"),
        (
            Row("simulated power loss", "power-loss", "scenarios>=10000 durable-lost=0 doubled=0"),
            Row(
                "ledger of throttled series after simulated power loss",
                "ledger-after-power-loss",
                "scenarios>=10000 wrong=0",
            ),
        ),
        {"RUNLAKE_TORTURE": "400"},
    ),
    Proof(
        "damage",
        pytest_command("tests/checkup/test_random_damage.py"),
        (
            Row(
                "files damaged at random, store repaired: points invented, doubled, hidden",
                "damage",
                "examples>=300 invented=0 doubled=0 hidden=0",
            ),
        ),
        _LONG,
    ),
    Proof(
        "failpoints",
        engine_command("failpoints"),
        (
            Row("failpoint matrix: a kill at every step of every path", "failpoint-matrix", "lost=0 doubled=0"),
            Row("ledger of throttled series after a kill at every step", "ledger-after-kill", "kills>=100 wrong=0"),
        ),
        {"RUNLAKE_TORTURE": "12"},
    ),
    Proof(
        "orders",
        engine_command("shuttle", feature="shuttle"),
        (Row("threads in any order: publish, read, roll, rescue, adopt, resume", "thread-orders", "failures=0"),),
        {"RUNLAKE_TORTURE": "1500"},
    ),
    Proof(
        "steps",
        pytest_command("tests/crash/test_steps.py"),
        (
            Row(
                "a kill after every system call that changes a store, from opening it to closing it",
                "step-matrix",
                "kills>=300 lost=0 doubled=0",
            ),
        ),
        _LONG,
        limit_s=1200,
    ),
    Proof(
        "fuzz",
        engine_command("fuzz"),
        (Row("bytes of any kind for each decoder", "fuzz", "inputs>=60000 panics=0 memory-exceeded=0"),),
        {"RUNLAKE_TORTURE": "60"},
    ),
    Proof(
        "filters",
        pytest_command("tests/query/test_filter_fuzz.py"),
        (Row("texts of any kind as filters", "fuzz-filter", "texts>=300000 other=0"),),
        _LONG,
    ),
    Proof(
        "server",
        pytest_command("tests/replication/test_kills.py"),
        (Row("server and clients killed while points are on their way: none lost or doubled"),),
        {"RUNLAKE_TORTURE": "60"},
    ),
    Proof(
        "disk",
        pytest_command(_ENDURANCE + "test_full_disk.py"),
        (
            Row(
                "disk full, then space again: tmpfs", "full_disk_tmpfs", "turns>=5 raised=0 ended_lost=0 killed_lost=0"
            ),
            Row("disk full, then space again: ext4", "full_disk_ext4", "turns>=5 raised=0 ended_lost=0 killed_lost=0"),
        ),
        _LONG,
    ),
    Proof(
        "eio",
        pytest_command(_ENDURANCE + "test_bad_disk.py"),
        (Row("syncs fail with EIO", "eio", "turns>=60 lost=0 doubled=0"),),
        _LONG,
    ),
    Proof(
        "workers",
        pytest_command(_ENDURANCE + "test_workers.py", _ENDURANCE + "test_ranks.py"),
        (
            Row("16 ranks in one run, one of them killed", "ranks", "ranks>=16 lost=0"),
            Row("workers: forked, spawned, killed, daemonised, become another program"),
        ),
        _LONG,
    ),
    Proof(
        "restarts",
        pytest_command(_ENDURANCE + "test_clock.py", _ENDURANCE + "test_boots.py"),
        (
            Row("the wall clock jumps", "clock", "lost=0"),
            Row("machine and container start again: what was synced is there, the rest said to be missing", "restart"),
        ),
        _LONG,
    ),
    Proof(
        "faults",
        engine_command("faults", "model"),
        (Row("a disk that fills and fails at random, and any sequence of calls, against plain vectors"),),
        {"RUNLAKE_TORTURE": "400", "PROPTEST_CASES": "800"},
    ),
    Proof(
        "hypothesis",
        pytest_command("-m", "hypothesis", jobs=1),
        (Row("filters, formats, tables and readers, drawn at random"),),
        _LONG,
        times=4,
    ),
    Proof(
        "run tables",
        pytest_command("tests/query/test_run_table_model.py"),
        (Row("run tables after any sequence of changes, against plain Python"),),
        {"RUNLAKE_TEST_MODEL_STEPS": "200", "RUNLAKE_TEST_MODEL_SEEDS": "0:8"},
    ),
    Proof(
        "attack",
        (sys.executable, "-m", "tests.server.attack", "120"),
        (Row("random requests at a server: no answer that its description does not allow"),),
    ),
    Proof(
        "many writers",
        pytest_command(_ENDURANCE + "test_many_writers.py"),
        (
            Row(
                "64 processes × 100 runs × 1,000 points at once",
                "many_writers",
                "processes>=64 runs>=6400 points>=6400000 errors=0 lost=0",
            ),
        ),
        _LONG,
        alone=True,
    ),
    Proof("speed", (sys.executable, "-m", "benchmarks.targets", "--only", "latency", "compaction"), (), alone=True),
)
