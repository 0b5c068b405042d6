"""Data sets that runs use: what they are, fingerprinted, and where they come from; MLflow's `mlflow.data`."""

from __future__ import annotations

from typing import Any

from runlake.data import sources
from runlake.data.dataset import Dataset
from runlake.data.dataset_source import DatasetSource
from runlake.data.dataset_source_registry import (
    get_dataset_source_from_json,
    get_registered_sources,
    register_dataset_source,
    resolve_dataset_source,
)
from runlake.data.meta_dataset import MetaDataset
from runlake.data.numpy_dataset import NumpyDataset, from_numpy
from runlake.data.pandas_dataset import PandasDataset, from_pandas
from runlake.data.polars_dataset import PolarsDataset, from_polars
from runlake.entities import Dataset as DatasetEntity
from runlake.entities import DatasetInput
from runlake.errors import InvalidType

__all__ = [
    "Dataset",
    "DatasetSource",
    "MetaDataset",
    "NumpyDataset",
    "PandasDataset",
    "PolarsDataset",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "get_dataset_source_from_json",
    "get_registered_sources",
    "get_source",
    "register_dataset_source",
    "resolve_dataset_source",
    "sources",
]

_MISSING = ("from_huggingface", "from_spark", "from_tensorflow", "load_delta")


def get_source(dataset: DatasetEntity | DatasetInput | Dataset) -> DatasetSource:
    """Give the source of a data set, of the one that a run stores, or of the input that it is.

    Raises:
        InvalidType: none of these.
        NotFound: a stored source of a kind that is not known here.
    """
    stored = dataset.dataset if isinstance(dataset, DatasetInput) else dataset
    if isinstance(stored, Dataset):
        return stored.source
    if isinstance(stored, DatasetEntity):
        return get_dataset_source_from_json(stored.source, stored.source_type)
    raise InvalidType(f"a data set is needed, not {type(dataset).__name__}")


def __getattr__(name: str) -> Any:
    fact = f"module {__name__!r} has no attribute {name!r}"
    if name not in _MISSING:
        raise AttributeError(fact)
    hint = "describe the data with from_pandas, from_numpy or from_polars, or name its source with MetaDataset"
    raise AttributeError(f"{fact}, which MLflow has\nhint: {hint}")
