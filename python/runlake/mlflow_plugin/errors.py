"""Errors of the plugin: MLflow's code catches its own exceptions, so ours become those, with code and sentence."""

from __future__ import annotations

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, NOT_IMPLEMENTED, ErrorCode

from runlake.errors import NoSuchFile, RunlakeError
from runlake.guard import shielded


class answered:  # noqa: N801  # reads as a statement: `with answered():`
    """A block whose errors become MLflow's; for reads and for what manages a store."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _raise_as_mlflow(error)


class recorded(shielded):  # noqa: N801
    """A block that logs: what the environment does is counted and does not raise, mistakes become MLflow's errors."""

    __slots__ = ()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if super().__exit__(kind, error, trace):
            return True
        _raise_as_mlflow(error)
        return False


def _raise_as_mlflow(error: BaseException | None) -> None:
    """Raise MLflow's exception for one of ours; a local file that is not there is Python's own error in MLflow, too."""
    if isinstance(error, RunlakeError) and not isinstance(error, NoSuchFile):
        raise as_mlflow(error) from error


def as_mlflow(error: RunlakeError) -> MlflowException:
    """Return MLflow's exception with the code and the words of one of ours."""
    known = error.error_code in ErrorCode.keys()  # noqa: SIM118  # an enum of protobuf, no dictionary
    return MlflowException(str(error), ErrorCode.Value(error.error_code) if known else INTERNAL_ERROR)


def absent(what: str, instead: str) -> MlflowException:
    """Return the error for what runlake does not have."""
    return MlflowException(f"runlake has no {what}; {instead}", NOT_IMPLEMENTED)
