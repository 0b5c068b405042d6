"""Data sets of Polars data frames; Polars itself is not imported, as whoever has a frame has done that."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import Any

from runlake.data.dataset import Dataset
from runlake.data.dataset_source import DatasetSource
from runlake.data.digest import OBJECT_BYTES, Digest, sampled_rows
from runlake.data.pandas_dataset import require_columns
from runlake.data.schema import schema_of_frame
from runlake.errors import InvalidType
from runlake.extras import is_loaded_instance
from runlake.types.polars_columns import base_name
from runlake.types.schema import Schema

_NUMBER_BYTES = {f"{kind}{bits}": bits // 8 for kind in ("Int", "UInt", "Float") for bits in (8, 16, 32, 64)}
_TIMES = ("Date", "Datetime", "Duration", "Time")


class PolarsDataset(Dataset):
    """A data frame, with the names of the columns of targets and of predictions if it has them.

    Args:
        df: The data frame; a lazy one is to be collected first.
        source: Where the data comes from.
        targets: Column of what a model should give.
        name: Name for people.
        digest: Fingerprint; computed if not given.
        predictions: Column of what a model has given.

    Raises:
        InvalidType: not a Polars data frame.
        InvalidInput: a named column is not there.
    """

    def __init__(
        self,
        df: Any,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        if not is_loaded_instance(df, "polars", "DataFrame"):
            hint = "collect it first" if type(df).__name__ == "LazyFrame" else None
            raise InvalidType(f"a Polars data set is of a Polars data frame, not of {type(df).__name__}", hint=hint)
        require_columns(df.columns, targets=targets, predictions=predictions)
        self._df = df
        self._targets = targets
        self._predictions = predictions
        super().__init__(source, name, digest)

    @property
    def df(self) -> Any:
        """The data frame."""
        return self._df

    @property
    def targets(self) -> str | None:
        """Column of what a model should give."""
        return self._targets

    @property
    def predictions(self) -> str | None:
        """Column of what a model has given."""
        return self._predictions

    @property
    def profile(self) -> dict[str, int]:
        """Rows and cells."""
        return {"num_rows": self._df.height, "num_elements": self._df.height * self._df.width}

    def _compute_digest(self) -> str:
        digest = Digest("polars")
        digest.add_number(self._df.height)
        row_bytes = 0
        for name, dtype in self._df.schema.items():
            digest.add_text(f"{name}\0{dtype}")
            row_bytes += _NUMBER_BYTES.get(
                base_name(dtype), 8 if base_name(dtype) in (*_TIMES, "Boolean") else OBJECT_BYTES
            )
        (first, end), *others = sampled_rows(self._df.height, row_bytes)
        sample = self._df.slice(first, end - first)
        for first, end in others:
            sample = sample.vstack(self._df.slice(first, end - first))
        for series in sample.get_columns():
            _add_series(digest, series)
        return digest.text()

    @cached_property
    def schema(self) -> Schema | None:
        """Columns and their types, `required` where no value is missing; None if there are no columns."""
        return schema_of_frame(self._df)


def from_polars(
    df: Any,
    source: str | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PolarsDataset:
    """Describe a Polars data frame as a data set; arguments as for `PolarsDataset`.

    Args:
        df: The data frame.
        source: A path, a URI or a source; without one, the code that makes this call.
        targets: Column of what a model should give.
        name: Name for people.
        digest: Fingerprint; computed if not given.
        predictions: Column of what a model has given.
    """
    from runlake.data.resolve import source_or_code

    return PolarsDataset(df, source_or_code(source), targets, name, digest, predictions)


def _add_series(digest: Digest, series: Any) -> None:
    base = base_name(series.dtype)
    if base not in _NUMBER_BYTES and base not in _TIMES and base != "Boolean":
        digest.add_values(series.to_list())
        return
    if series.null_count():
        digest.add(bytes(series.is_null().to_list()))
    numbers = series.to_physical().fill_null(False if base == "Boolean" else 0)
    if base == "Boolean":
        digest.add(bytes(numbers.to_list()))
    else:
        digest.add(_number_bytes(numbers))


def _number_bytes(series: Any) -> bytes:
    """Give the values of a column of numbers as little-endian bytes, with NumPy or, much slower, without."""
    base = base_name(series.dtype)
    try:
        import numpy as np
    except ModuleNotFoundError:
        from array import array

        codes = {"Int": "bhiq", "UInt": "BHIQ", "Float": "??fd"}[base.rstrip("0123456789")]
        values = array(codes[_NUMBER_BYTES[base].bit_length() - 1], series.to_list())
        if sys.byteorder == "big":
            values.byteswap()
        return values.tobytes()
    numbers = series.to_numpy()
    return bytes(np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<")).tobytes())
