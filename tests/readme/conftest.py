"""The demo's store, made by the demo with a few short runs instead of ninety-six."""

import shutil
from pathlib import Path

import pytest

import runlake
from runlake.demo import program
from runlake.demo.settings import Settings
from runlake.fluent import experiments
from runlake.store import get_store

_GRID = [
    *((0.000316, 16, 0.0), (0.003162, 16, 0.9), (0.031623, 64, 0.9)),
    *((0.031623, 32, 0.0), (0.1, 64, 0.0), (0.316228, 64, 0.9)),
]
RUNS = [Settings(*values, seed, epochs=3) for seed, values in enumerate(_GRID)]


@pytest.fixture(scope="session")
def demo_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nobody uses, to be copied."""
    root = tmp_path_factory.mktemp("demo") / "lake"
    program.run(root, RUNS)
    get_store(root).close()
    return root


@pytest.fixture
def demo_store(demo_made: Path, tmp_path: Path) -> Path:
    """`./lake`, as a reader of the documentation has it after the demo."""
    root = Path(shutil.copytree(demo_made, tmp_path / "lake"))
    runlake.set_tracking_uri("")
    experiments.forget_choice()
    return root
