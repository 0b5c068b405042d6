"""Errors under MLflow's name: every error of runlake is an `MlflowException`. The tree is in `runlake.errors`."""

from runlake.errors import MlflowException

__all__ = ["MlflowException"]
