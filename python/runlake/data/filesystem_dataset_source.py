"""Sources that a path or a URI names: local files, and stores such as s3 or gs."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from runlake.artifacts import Artifacts
from runlake.data.dataset_source import DatasetSource
from runlake.errors import InvalidInput, NotFound


class FileSystemDatasetSource(DatasetSource):
    """Data at a URI; each subclass has its schemes.

    Args:
        uri: The path or URI as the user wrote it; it is kept so.
    """

    schemes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, uri: str) -> None:
        self._uri = uri

    @property
    def uri(self) -> str:
        """The path or URI of the data."""
        return self._uri

    @classmethod
    def _can_resolve(cls, raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.partition("://")[0].lower() in cls.schemes

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        return cls(os.fspath(raw_source))

    def to_dict(self) -> dict[str, Any]:
        """Give the URI."""
        return {"uri": self.uri}

    @classmethod
    def from_dict(cls, source_dict: dict[str, Any]) -> Self:
        """Make the source again from its URI."""
        return cls(source_dict["uri"])

    def load(self, dst_path: str | None = None) -> str:
        """Refuse: only local and http sources can be loaded.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            f"data at {self.uri!r} cannot be loaded by runlake", hint="read it with the library of that service"
        )


class LocalArtifactDatasetSource(FileSystemDatasetSource):
    """A file or folder of this machine, as a path or a `file:` URI."""

    @staticmethod
    def _get_source_type() -> str:
        return "local"

    @classmethod
    def _can_resolve(cls, raw_source: Any) -> bool:
        if isinstance(raw_source, os.PathLike):
            return True
        if not isinstance(raw_source, str):
            return False
        return raw_source.startswith("file:") or ":" not in raw_source.partition("/")[0]

    def load(self, dst_path: str | None = None) -> str:
        """Give the path of the data, or of a copy below `dst_path`.

        Raises:
            NotFound: the data is not there.
        """
        path = unquote(urlsplit(self.uri).path) if self.uri.startswith("file:") else self.uri
        if not os.path.exists(path):
            raise NotFound(f"there is no data at {self.uri!r}")
        if dst_path is None:
            return path
        target = Artifacts(dst_path)
        target.log_file(path)
        return target.uri(os.path.basename(os.path.abspath(path)))


class S3ArtifactDatasetSource(FileSystemDatasetSource):
    """An object of Amazon S3 or a store that speaks its protocol."""

    schemes = ("s3", "s3a")

    @staticmethod
    def _get_source_type() -> str:
        return "s3"


class GCSArtifactDatasetSource(FileSystemDatasetSource):
    """An object of Google Cloud Storage."""

    schemes = ("gs",)

    @staticmethod
    def _get_source_type() -> str:
        return "gs"


class AzureDataLakeArtifactDatasetSource(FileSystemDatasetSource):
    """A file of Azure Data Lake."""

    schemes = ("abfss",)

    @staticmethod
    def _get_source_type() -> str:
        return "abfss"


class AzureBlobArtifactDatasetSource(FileSystemDatasetSource):
    """A blob of Azure."""

    schemes = ("wasbs",)

    @staticmethod
    def _get_source_type() -> str:
        return "wasbs"


class HdfsArtifactDatasetSource(FileSystemDatasetSource):
    """A file of HDFS."""

    schemes = ("hdfs",)

    @staticmethod
    def _get_source_type() -> str:
        return "hdfs"
