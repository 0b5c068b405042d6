"""The official package, as the judge of schemas and signatures."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest


def their_types() -> Any:
    """MLflow's module of types, which has the names of ours."""
    pytest.importorskip("mlflow")
    return quietly(lambda: __import__("mlflow.types.schema", fromlist=["schema"]))


def their_signature(*arguments: Any) -> Any:
    """The signature that MLflow infers."""
    pytest.importorskip("mlflow")

    def infer() -> Any:
        from mlflow.models import infer_signature

        return infer_signature(*arguments)

    return quietly(infer)


def quietly(call: Callable[[], Any]) -> Any:
    """What a call gives, without the warnings that MLflow and what it imports have."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()
