"""The kinds of sources, under the names that MLflow has for them."""

from __future__ import annotations

from runlake.data.code_dataset_source import CodeDatasetSource
from runlake.data.filesystem_dataset_source import (
    AzureBlobArtifactDatasetSource,
    AzureDataLakeArtifactDatasetSource,
    GCSArtifactDatasetSource,
    HdfsArtifactDatasetSource,
    LocalArtifactDatasetSource,
    S3ArtifactDatasetSource,
)
from runlake.data.http_dataset_source import HTTPDatasetSource

__all__ = [
    "AzureBlobArtifactDatasetSource",
    "AzureDataLakeArtifactDatasetSource",
    "CodeDatasetSource",
    "GCSArtifactDatasetSource",
    "HTTPDatasetSource",
    "HdfsArtifactDatasetSource",
    "LocalArtifactDatasetSource",
    "S3ArtifactDatasetSource",
]
