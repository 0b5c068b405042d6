"""A disk that fills up, and gets room again: training goes on, what is lost is counted exactly, logging resumes."""

from pathlib import Path

import pytest

from tests.endurance import mounts, proofs

TURNS = proofs.size(1, 5)
DISKS = ["tmpfs", "ext4"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", DISKS if proofs.LONG else ["tmpfs"])
def test_a_training_on_a_full_disk_goes_on_and_counts_what_it_loses(tmp_path: Path, kind: str) -> None:
    mounts.require()
    folder, size = tmp_path / "disk", "200M"
    mount = {"tmpfs": mounts.tmpfs, "ext4": mounts.ext4}[kind](folder, size)
    said = mounts.run(
        mount, "tests.endurance.full_disk", str(folder), str(TURNS), kind, RUNLAKE_SEAL_BYTES=str(1 << 20)
    )
    assert f"proof: full_disk_{kind}" in said
    print(said)
