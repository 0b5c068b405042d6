"""The source of a data set when the user has named one, and when not."""

from __future__ import annotations

from typing import Any

from runlake.data.code_dataset_source import CodeDatasetSource
from runlake.data.dataset_source import DatasetSource
from runlake.data.dataset_source_registry import resolve_dataset_source


def source_or_code(source: Any) -> DatasetSource:
    """Resolve what the user wrote; without it, describe the code that is calling runlake.

    Raises:
        InvalidInput: it is no source.
    """
    return CodeDatasetSource.here() if source is None else resolve_dataset_source(source)
