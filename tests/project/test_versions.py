"""One version everywhere."""

import tomllib
from pathlib import Path

import runlake

ROOT = Path(__file__).parents[2]
# Gigabytes for graphics processors; xgboost-cpu stands in for the one, and tests of the other are skipped without it.
NOT_INSTALLED = {"pytorch", "xgboost"}


def test_package_workspace_and_module_have_one_version() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    assert package == workspace == runlake.__version__


def test_the_changelog_tells_of_this_version() -> None:
    assert f"\n## {runlake.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_every_package_that_tests_install_is_pinned() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    installed = [needs for extra, needs in extras.items() if extra not in NOT_INSTALLED]
    wanted = {need.partition(">=")[0].lower() for needs in installed for need in needs}
    assert wanted <= pinned
