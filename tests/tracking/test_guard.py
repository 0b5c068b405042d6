"""The error policy by itself: what raises, what is counted, what is said."""

import errno
import logging
import sqlite3
from collections.abc import Iterator

import pytest

import runlake
from runlake.errors import CatalogLocked, InvalidInput, InvalidType, NotFound, ParameterChanged, StoreUnavailable
from runlake.guard import ErrorPolicy, shielded

MISTAKES = [InvalidInput("x"), InvalidType("x"), ParameterChanged("x"), NotFound("x"), TypeError("x"), ValueError("x")]
ENVIRONMENT = [
    CatalogLocked("x"),
    StoreUnavailable("x"),
    OSError(errno.ENOSPC, "disk full"),
    sqlite3.OperationalError("x"),
    RuntimeError("a defect of ours"),
]


@pytest.fixture(autouse=True)
def _policy_is_put_back() -> Iterator[None]:
    yield
    runlake.set_error_policy("default")


def passes(error: Exception, policy: ErrorPolicy) -> bool:
    """Whether training goes on after `error`."""
    runlake.set_error_policy(policy)
    try:
        with shielded("test"):
            raise error
    except type(error):
        return False
    return True


def counted() -> int:
    return sum(seen.count for seen in runlake.errors_seen())


@pytest.mark.parametrize("error", MISTAKES, ids=lambda error: type(error).__name__)
def test_mistakes_raise_unless_nothing_may(error: Exception) -> None:
    assert [passes(error, policy) for policy in ("default", "never", "all")] == [False, True, False]


@pytest.mark.parametrize("error", ENVIRONMENT, ids=lambda error: type(error).__name__)
def test_what_the_environment_does_never_raises_into_training_and_is_counted(error: Exception) -> None:
    before = counted()
    assert [passes(error, policy) for policy in ("default", "never", "all")] == [True, True, False]
    assert counted() == before + 2


def test_ctrl_c_is_never_swallowed() -> None:
    runlake.set_error_policy("never")
    with pytest.raises(KeyboardInterrupt), shielded("test"):
        raise KeyboardInterrupt


def test_a_cause_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "runlake"):
        for _ in range(3):
            with shielded("said_once"):
                raise CatalogLocked("locked by others")
    assert [record.getMessage().count("locked by others") for record in caplog.records] == [1]
    seen = next(seen for seen in runlake.errors_seen() if seen.cause.startswith("said_once"))
    assert (seen.cause, seen.count, seen.message) == ("said_once: CatalogLocked", 3, "locked by others")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'default', 'never' and 'all'"):
        runlake.set_error_policy("sometimes")  # type: ignore[arg-type]
