"""Whatever happens to files: checking changes nothing, repair invents and doubles nothing, and what is gone is said."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runlake.doctor import State, repair
from tests.doctor.material import Patient
from tests.journals import write_at

KINDS = ("flip", "cut", "delete", "copy", "rename", "exchange", "empty", "zeros")
DAMAGE = st.tuples(st.sampled_from(KINDS), st.floats(0, 0.999), st.floats(0, 0.999))


def damage(root: Path, kind: str, which: float, where: float) -> None:
    """Do something to one file of the store."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")
    path = files[int(which * len(files))]
    size = path.stat().st_size
    at = int(where * size)
    match kind:
        case "flip" if size:
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
            write_at(path, at, b"\0" * min(4096, size - at))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=st.lists(DAMAGE, min_size=1, max_size=3))
def test_whatever_happens_nothing_is_invented_doubled_or_hidden(
    healthy: Patient, done: list[tuple[str, float, float]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "lake"
        shutil.copytree(healthy.root, root)
        patient = Patient(root, healthy.model, healthy.catalogs)
        for one in done:
            damage(root, *one)
        patient.examine()
        repair(root)
        again = patient.examine()
        left = patient.points()
        assert set(left) <= set(patient.model), "nothing is invented"
        assert len(left) == len(set(left)), "nothing is doubled"
        if len(left) < len(patient.model):
            assert any(not finding.is_healthy for finding in again), "nothing is hidden"
        assert not any(finding.check == "open" and finding.state is State.WRONG for finding in again)
        patient.check_summaries()
