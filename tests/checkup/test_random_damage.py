"""Whatever happens to files: checking changes nothing, repair invents and doubles nothing, and what is gone is said."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runlake.checkup import State, repair
from tests.checkup.material import Patient
from tests.endurance.proofs import LONG, say, size
from tests.journals import write_at

KINDS = ("flip", "cut", "delete", "copy", "rename", "exchange", "empty", "zeros")
DAMAGE = st.tuples(st.sampled_from(KINDS), st.floats(0, 0.999), st.floats(0, 0.999))


def damage(root: Path, kind: str, which: float, where: float) -> None:
    """Do something to one file of the store."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")
    path = files[int(which * len(files))]
    in_bytes = path.stat().st_size
    at = int(where * in_bytes)
    match kind:
        case "flip" if in_bytes:
            write_at(path, at, bytes([path.read_bytes()[at] ^ 0xFF]))
        case "cut":
            path.write_bytes(path.read_bytes()[:at])
        case "delete":
            path.unlink()
        case "copy":
            shutil.copyfile(path, path.with_name(f"copy of {path.name}"))
        case "rename":
            path.rename(path.with_name(f"other {path.name}"))
        case "exchange":
            other = files[int(where * len(files))]
            content = path.read_bytes()
            path.write_bytes(other.read_bytes())
            other.write_bytes(content)
        case "empty":
            path.write_bytes(b"")
        case "zeros":
            write_at(path, at, b"\0" * min(4096, in_bytes - at))


@pytest.mark.timeout(900 if LONG else 120)
def test_whatever_happens_nothing_is_invented_doubled_or_hidden(healthy: Patient) -> None:
    examples = 0

    @settings(max_examples=size(12, 300), deadline=None)
    @example(done=[("flip", 0.125, 0.0), ("exchange", 0.0, 0.75)])  # the catalog, and the last segment of a writer
    @example(done=[("zeros", 0.25, 0.0)])  # the header of a journal
    @given(done=st.lists(DAMAGE, min_size=1, max_size=3))
    def suffer(done: list[tuple[str, float, float]]) -> None:
        nonlocal examples
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "lake"
            shutil.copytree(healthy.root, root)
            for one in done:
                damage(root, *one)
            check_repaired(Patient(root, healthy.model, healthy.catalogs))
        examples += 1

    suffer()
    say("damage", examples=examples, invented=0, doubled=0, hidden=0)


def check_repaired(patient: Patient) -> None:
    """Examine a store, repair it, and compare what is left with what was logged."""
    patient.examine()
    repair(patient.root)
    again = patient.examine()
    left = patient.points()
    assert set(left) <= set(patient.model), "nothing is invented"
    assert len(left) == len(set(left)), "nothing is doubled"
    if len(left) < len(patient.model):
        assert any(not finding.is_healthy for finding in again), "nothing is hidden"
    assert not any(finding.check == "open" and finding.state is State.WRONG for finding in again)
    patient.check_summaries()
