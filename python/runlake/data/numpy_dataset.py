"""Data sets of NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from runlake.data.dataset import Dataset
from runlake.data.dataset_source import DatasetSource
from runlake.data.digest import BLOCKS, MAX_BYTES, OBJECT_BYTES, Digest, sampled_rows
from runlake.data.schema import TensorDatasetSchema
from runlake.errors import InvalidType
from runlake.types.schema import Schema
from runlake.types.tensors import tensor_spec


class NumpyDataset(Dataset):
    """Features, and targets if there are any: an array, or a dictionary of named arrays.

    Args:
        features: What a model reads; the first dimension is of samples.
        source: Where the data comes from.
        targets: What a model should give.
        name: Name for people.
        digest: Fingerprint; computed from both if not given.

    Raises:
        InvalidType: something else than an array, or a dictionary of them.
    """

    def __init__(
        self,
        features: Any,
        source: DatasetSource,
        targets: Any = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        self._features = features
        self._targets = targets
        for values in (features, targets):
            _check_arrays(values)
        super().__init__(source, name, digest)

    @property
    def features(self) -> Any:
        """What a model reads."""
        return self._features

    @property
    def targets(self) -> Any:
        """What a model should give; may be None."""
        return self._targets

    def _compute_digest(self) -> str:
        digest = Digest("numpy")
        for role, values in (("features", self._features), ("targets", self._targets)):
            for name, array in _named(values):
                digest.add_text(f"{role} {name!r} {array.shape}")
                add_sampled(digest, array, MAX_BYTES)
        return digest.text()

    @property
    def profile(self) -> dict[str, Any]:
        """Shapes, numbers of values and bytes, by role and name."""
        profile: dict[str, Any] = {}
        for role, values in (("features", self._features), ("targets", self._targets)):
            if values is not None:
                profile[f"{role}_shape"] = _each(values, lambda array: list(array.shape))
                profile[f"{role}_size"] = _each(values, lambda array: int(array.size))
                profile[f"{role}_nbytes"] = _each(values, lambda array: int(array.nbytes))
        return profile

    @cached_property
    def schema(self) -> TensorDatasetSchema:
        """Dtypes and shapes."""
        return TensorDatasetSchema(_schema(self._features), None if self._targets is None else _schema(self._targets))

    def _schema_json(self) -> str:
        return json.dumps(self.schema.to_dict())


def from_numpy(
    features: Any,
    source: str | DatasetSource | None = None,
    targets: Any = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """Describe arrays as a data set; arguments as for `NumpyDataset`.

    Args:
        features: An array or a dictionary of arrays.
        source: A path, a URI or a source; without one, the code that makes this call.
        targets: An array or a dictionary of arrays.
        name: Name for people.
        digest: Fingerprint; computed if not given.
    """
    from runlake.data.resolve import source_or_code

    return NumpyDataset(features, source_or_code(source), targets, name, digest)


def add_sampled(digest: Digest, values: Any, max_bytes: int) -> None:
    """Add an array to a digest, or evenly spread parts of one that is larger than `max_bytes`."""
    item_bytes = OBJECT_BYTES if values.dtype.hasobject or values.dtype.kind in "UST" else values.dtype.itemsize
    if values.ndim == 0 or values.size * item_bytes <= max_bytes:
        digest.add_array(values)
    elif values.ndim > 1 and len(values) <= BLOCKS:
        for row in values:
            add_sampled(digest, row, max_bytes // len(values))
    else:
        row_bytes = values.size // len(values) * item_bytes
        for first, end in sampled_rows(len(values), row_bytes, max_bytes):
            part = values[first:end]
            if part.size * item_bytes <= max_bytes:
                digest.add_array(part)
            else:
                add_sampled(digest, part, max_bytes // BLOCKS)


def _check_arrays(values: Any) -> None:
    for name, array in _named(values):
        if type(array).__module__.partition(".")[0] != "numpy" or not hasattr(array, "dtype"):
            raise InvalidType(f"a NumPy data set is of arrays, not of {type(array).__name__} ({name!r})")


def _named(values: Any) -> list[tuple[str, Any]]:
    if values is None:
        return []
    if isinstance(values, Mapping):
        return sorted(((str(name), array) for name, array in values.items()), key=lambda pair: pair[0])
    return [("", values)]


def _each(values: Any, measure: Any) -> Any:
    if isinstance(values, Mapping):
        return {str(name): measure(array) for name, array in values.items()}
    return measure(values)


def _schema(values: Any) -> Schema:
    if isinstance(values, Mapping):
        return Schema([tensor_spec(array, str(name)) for name, array in values.items()])
    return Schema([tensor_spec(values)])
