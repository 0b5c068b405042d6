"""From what a user wrote, or a store kept, to the source of a data set."""

from __future__ import annotations

from typing import Any

from runlake.data.code_dataset_source import CodeDatasetSource
from runlake.data.dataset_source import DatasetSource
from runlake.data.filesystem_dataset_source import (
    AzureBlobArtifactDatasetSource,
    AzureDataLakeArtifactDatasetSource,
    GCSArtifactDatasetSource,
    HdfsArtifactDatasetSource,
    LocalArtifactDatasetSource,
    S3ArtifactDatasetSource,
)
from runlake.data.http_dataset_source import HTTPDatasetSource
from runlake.errors import InvalidInput, NotFound

_SOURCES: list[type[DatasetSource]] = [
    LocalArtifactDatasetSource,
    S3ArtifactDatasetSource,
    GCSArtifactDatasetSource,
    AzureDataLakeArtifactDatasetSource,
    AzureBlobArtifactDatasetSource,
    HdfsArtifactDatasetSource,
    HTTPDatasetSource,
    CodeDatasetSource,
]


def register_dataset_source(source: type[DatasetSource]) -> None:
    """Add a kind of source; it is asked before those that were there."""
    _SOURCES.append(source)


def get_registered_sources() -> list[type[DatasetSource]]:
    """List the kinds of sources, the last of which is asked first."""
    return list(_SOURCES)


def resolve_dataset_source(raw_source: Any) -> DatasetSource:
    """Make a source from a path, a URI or a source (which is given back).

    Raises:
        InvalidInput: no kind of source takes it.
    """
    if isinstance(raw_source, DatasetSource):
        return raw_source
    for kind in reversed(_SOURCES):
        if kind._can_resolve(raw_source):
            return kind._resolve(raw_source)
    raise InvalidInput(f"the source of a data set is a path, a URI or a DatasetSource, not {raw_source!r}")


def get_dataset_source_from_json(source_json: str, source_type: str) -> DatasetSource:
    """Make a source again from what a store kept.

    Raises:
        NotFound: there is no kind of source of that name.
    """
    for kind in reversed(_SOURCES):
        if kind._get_source_type() == source_type:
            return kind.from_json(source_json)
    raise NotFound(f"there is no kind of data source named {source_type!r}")
