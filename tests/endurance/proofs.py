"""Proofs: tests that are small in every run, large in `make torture`, and print what they found.

A proof says its figures in one line, `proof: name key=value …`, which `python -m tests.torture` collects.
"""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from runlake import _engine
from runlake.store import Store
from tests.store.reading import numbered, segment_files

LONG = "RUNLAKE_TORTURE" in os.environ  # read now: tests themselves see no such variable


def size(quick: int, long: int) -> int:
    """Return how much of something a proof does: a little in every run of the tests, all of it in `make torture`."""
    return long if LONG else quick


def say(name: str, **figures: object) -> None:
    """Print the figures of a proof."""
    print(f"\nproof: {name} " + " ".join(f"{key}={value}" for key, value in figures.items()), flush=True)


def chance(name: str) -> random.Random:
    """Return random numbers of a proof, which `RUNLAKE_SEED` repeats; the seed is printed for when it fails."""
    seed = os.environ.get("RUNLAKE_SEED") or str(random.SystemRandom().randrange(2**32))
    print(f"{name}: RUNLAKE_SEED={seed}")
    return random.Random(f"{name} {seed}")


def assert_sound(root: Path) -> Mapping[str, int]:
    """Check a store that nobody uses, down to every byte of its files; return what was counted."""
    doctor = subprocess.run(
        [sys.executable, "-m", "runlake", "doctor", "--store", root], capture_output=True, text=True
    )
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    damaged = sorted(path.name for path in root.rglob("*.damaged"))
    assert not damaged
    with contextlib.closing(sqlite3.connect(root / "catalog.db")) as catalog:
        assert catalog.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert catalog.execute("SELECT count(*) FROM gap").fetchone() == (0,)
    store = Store.open(root)
    try:
        segments = {segment.path for segment in store.catalog.plan().segments}
        assert segments <= segment_files(store)
        for path in segments:
            _engine.verify_segment(str(root / "segments" / path))
        every = numbered(store)
        assert len(every) == len(set(every)), "a point is there twice"
    finally:
        store.close()
    return {"points": len(every), "segments": len(segments), "journals": len(list(root.glob("journals/*.journal")))}
