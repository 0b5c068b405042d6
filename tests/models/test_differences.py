"""Differences: versions that are not those a model was saved with, and silence where it does not matter."""

import logging
import platform
import sys
from pathlib import Path

import pytest

from runlake.models.differences import Difference, differences, warn_of_differences
from runlake.models.environment import Environment
from tests.models import installing

HERE = platform.python_version()


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site-packages"
    for name, version in (("d-one", "1.0"), ("d-two", "2.1+cpu"), ("d-three", "3.0"), ("d-four", "4.0rc1")):
        installing.put(folder, name, version, {})
    monkeypatch.syspath_prepend(folder)


def test_the_same_versions_are_no_difference() -> None:
    same = ("D_One==1.0.0", "d-two==2.1", "d-three>=2,<4", "d-four>=4.0a1", "d-three[extra]==3.0", "--pre", "./x.whl")
    assert differences(Environment(HERE, (*same, "runlake==0.0.1", "mlflow==1.0", "-c constraints.txt"))) == []


def test_other_versions_and_missing_distributions_are_named() -> None:
    lines = ("d-one==1.1", "d-two==2.0", "d-three<3", "d-none==1", 'd-none-either>=1; python_version > "3"')
    assert differences(Environment(HERE, lines)) == [
        Difference("d-one", "1.1", "1.0"),
        Difference("d-two", "2.0", "2.1+cpu"),
        Difference("d-three", "<3", "3.0"),
        Difference("d-none", "1", None),
        Difference("d-none-either", ">=1", None),
    ]


def test_requirements_of_other_platforms_do_not_count() -> None:
    assert differences(Environment(HERE, ('d-none==1; sys_platform == "other"',))) == []


def test_another_release_of_the_same_python_is_no_difference_and_another_minor_version_is() -> None:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert differences(Environment(f"{minor}.99", ())) == []
    assert differences(Environment("3.9.1", ())) == [Difference("Python", "3.9.1", HERE)]


def test_one_warning_says_what_differs_and_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "a model"
    folder.mkdir()
    Environment("3.9.1", (*(f"d-none-{number}==1" for number in range(5)), "d-one==1.1")).write(folder)
    warn_of_differences(folder)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == (
        f"the model was saved in another environment than this: Python 3.9.1 (here {HERE}), d-none-0 1 (not installed "
        "here), d-none-1 1 (not installed here), d-none-2 1 (not installed here) and 3 more. "
        f"`pip install -r '{folder}/requirements.txt'` installs what it was saved with, in an environment of that "
        "Python"
    )


def test_nothing_is_said_of_a_model_that_fits_or_that_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_differences(tmp_path)
    Environment(HERE, ("d-one==1.0",)).write(tmp_path)
    warn_of_differences(tmp_path)
    assert caplog.records == []
