"""Data sets of pandas data frames."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from runlake.data.dataset import Dataset
from runlake.data.dataset_source import DatasetSource
from runlake.data.digest import OBJECT_BYTES, Digest, sampled_rows
from runlake.data.schema import schema_of_frame
from runlake.errors import InvalidInput, InvalidType
from runlake.extras import import_extra
from runlake.types.schema import Schema


class PandasDataset(Dataset):
    """A data frame, with the names of the columns of targets and of predictions if it has them.

    Args:
        df: The data frame.
        source: Where the data comes from.
        targets: Column of what a model should give.
        name: Name for people.
        digest: Fingerprint; computed if not given.
        predictions: Column of what a model has given.

    Raises:
        InvalidType: not a pandas data frame.
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
        if not isinstance(df, import_extra("pandas", "for a pandas data set").DataFrame):
            raise InvalidType(f"a pandas data set is of a pandas data frame, not of {type(df).__name__}")
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
        return {"num_rows": len(self._df), "num_elements": int(self._df.size)}

    def _compute_digest(self) -> str:
        digest = Digest("pandas")
        _add_frame(digest, self._df)
        if not _is_counting(self._df.index):
            _add_frame(digest, self._df.index.to_frame(index=False))
        return digest.text()

    @cached_property
    def schema(self) -> Schema | None:
        """Columns and their types, from the rows that the digest is of; None if there are no columns."""
        return schema_of_frame(_sample(self._df))


def from_pandas(
    df: Any,
    source: str | DatasetSource | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """Describe a pandas data frame as a data set; arguments as for `PandasDataset`.

    Args:
        df: The data frame.
        source: A path, a URI or a source; without one, the code that makes this call.
        targets: Column of what a model should give.
        name: Name for people.
        digest: Fingerprint; computed if not given.
        predictions: Column of what a model has given.
    """
    from runlake.data.resolve import source_or_code

    return PandasDataset(df, source_or_code(source), targets, name, digest, predictions)


def require_columns(columns: Any, **roles: str | None) -> None:
    """Check that the columns that have a role are there.

    Raises:
        InvalidInput: one is not.
    """
    for role, name in roles.items():
        if name is not None and name not in columns:
            raise InvalidInput(f"the data frame has no column {name!r} for the {role}")


def _sample(frame: Any) -> Any:
    """Give the rows of a frame that its digest is of."""
    row_bytes = sum(dtype.itemsize if _is_plain(dtype) else OBJECT_BYTES for dtype in frame.dtypes)
    parts = [frame.iloc[first:end] for first, end in sampled_rows(len(frame), row_bytes)]
    return parts[0] if len(parts) == 1 else import_extra("pandas", "for a pandas data set").concat(parts)


def _add_frame(digest: Digest, frame: Any) -> None:
    digest.add_number(len(frame))
    for name in frame.columns:
        digest.add_text(str(name))
    sample = _sample(frame)
    for at in range(sample.shape[1]):
        _add_series(digest, sample.iloc[:, at])


def _add_series(digest: Digest, series: Any) -> None:
    dtype = series.dtype
    zone = getattr(dtype, "tz", None)
    plain = getattr(dtype, "numpy_dtype", None)
    if zone is not None:
        digest.add_text(f"time zone {zone}")
        digest.add_array(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    elif _is_plain(dtype):
        digest.add_array(series.to_numpy())
    elif plain is not None and plain.kind in "biuf":
        digest.add(series.isna().to_numpy().tobytes())
        digest.add_array(series.to_numpy(dtype=plain, na_value=plain.type(0)))
    else:
        digest.add_values(series.tolist())


def _is_plain(dtype: Any) -> bool:
    """Tell a dtype of NumPy whose values are bytes."""
    return hasattr(dtype, "newbyteorder") and dtype.kind in "biufcmM"


def _is_counting(index: Any) -> bool:
    """Tell the index that a frame gets when nobody gives it one."""
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
