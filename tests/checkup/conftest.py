"""A store with everything that can break, made once and copied for each test."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runlake.catalog.copying import copy_catalog
from runlake.config import Config
from runlake.store import Store
from tests.checkup.material import Patient, Point

QUIET = Config(adopt_journals=10**6, close_seal_bytes=1 << 40)
VALUES = (0.5, -0.0, 0.0, math.inf, -math.inf, 1e300, 5e-324, math.nan)


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Patient:
    """Two experiments, four runs, two writers; three seals, and a journal that is closed and not sealed.

    `catalogs` has its catalog as it was before the first seal, and before the last one.
    """
    folder = tmp_path_factory.mktemp("patients")
    root = folder / "lake"
    model: list[Point] = []
    with_two_runs = Store.open(root, config=QUIET)
    other = with_two_runs.catalog.create_experiment("other", now_ms=1000)
    begin(with_two_runs, "a" * 32, "0")
    begin(with_two_runs, "b" * 32, other)
    keep_catalog(root, folder / "before-all.db")
    for part in range(3):
        log(with_two_runs, "a" * 32, part, 100, model)
        if part < 2:
            log(with_two_runs, "b" * 32, part, 50, model)
        if part == 2:
            keep_catalog(root, folder / "before-last.db")
        with_two_runs.seal()
    for run_id in ("a" * 32, "b" * 32):
        with_two_runs.record(run_id, status="FINISHED", end_time=5000)
    with_two_runs.close()
    unsealed = Store.open(root, config=QUIET)
    begin(unsealed, "c" * 32, "0")
    begin(unsealed, "d" * 32, other)
    log(unsealed, "c" * 32, 0, 40, model)
    log(unsealed, "d" * 32, 0, 3, model)
    unsealed.record("c" * 32, status="FINISHED", end_time=5000)
    unsealed.close()
    artifacts = root / "artifacts" / "0" / ("a" * 32)
    artifacts.mkdir(parents=True)
    (artifacts / "note.txt").write_text("kept")
    return Patient(root, model, {path.stem: path for path in folder.glob("*.db")})


def begin(store: Store, run_id: str, experiment_id: str) -> None:
    store.create_run(run_id, experiment_id, name=f"name-{run_id[0]}", user_id="u", start_time=1000, owned=False)
    store.record(run_id, params={"lr": "0.1"}, tags={"team": "vision"})


def log(store: Store, run_id: str, part: int, count: int, model: list[Point]) -> None:
    logger = store.run_logger(run_id)
    for step in range(part * count, (part + 1) * count):
        for key in ("loss", "val/acc"):
            value = VALUES[step % len(VALUES)]
            logger.log_metric(key, value, step, 2000 + step)
            model.append((run_id, key, step, Patient.shown(value)))


def keep_catalog(root: Path, target: Path) -> None:
    """Copy the catalog of a store that this process has open."""
    with TemporaryDirectory() as folder:
        copy_catalog(root, Path(folder))
        shutil.copyfile(Path(folder) / "catalog.db", target)


@pytest.fixture
def patient(healthy: Patient, tmp_path: Path) -> Patient:
    """A copy of the store, to be damaged."""
    root = tmp_path / "lake"
    shutil.copytree(healthy.root, root)
    return Patient(root, healthy.model, healthy.catalogs)
