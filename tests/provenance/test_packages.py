"""Installed packages: the names of folders say the same as Python's own, slow, list."""

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from runlake.provenance.packages import requirements


def lines(text: str) -> dict[str, str]:
    return dict(line.split("==") for line in text.splitlines())


def test_the_list_is_the_one_python_has() -> None:
    expected: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        expected.setdefault(re.sub(r"[-_.]+", "-", distribution.name).lower(), distribution.version)
    found = lines(requirements())
    assert found.keys() == expected.keys()
    # Names of folders have "_" where versions have "-", which no version on PyPI has.
    assert found == expected


def test_packages_are_sorted_and_the_first_of_a_name_counts(tmp_path: Path) -> None:
    for name in (
        "one/Zope.Interface-5.0.dist-info",
        "one/a_b-1.0+cu121.dist-info",
        "two/a_b-2.0.dist-info",
        "two/old-0.1-py3.11.egg-info",
        "two/plain.egg-info",
        "two/not-a-package",
        "two/~broken-1.0.dist-info",
    ):
        (tmp_path / name).mkdir(parents=True)
    folders = [str(tmp_path / name) for name in ("one", "two", "missing")]
    assert requirements(folders) == "a-b==1.0+cu121\nold==0.1\nzope-interface==5.0\n"


def test_a_file_on_the_path_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.zip").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "x.zip")])
    assert requirements() == ""
