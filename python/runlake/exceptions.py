"""Errors under MLflow's names: every error of runlake is an `MlflowException`. The tree is in `runlake.errors`.

The other classes are there for scripts that say `except mlflow.exceptions.RestException`; nothing raises them.
"""

from runlake.errors import MlflowException

__all__ = [
    "ExecutionException",
    "InvalidUrlException",
    "MissingConfigException",
    "MlflowException",
    "RestException",
]


class RestException(MlflowException):
    """What a server answers in MLflow; here it is the error that the server has raised."""


class ExecutionException(MlflowException):
    """What a project's run fails with in MLflow; there are no projects yet."""


class MissingConfigException(MlflowException):
    """A setting is missing, in MLflow."""


class InvalidUrlException(MlflowException):
    """A URL cannot be used, in MLflow."""
