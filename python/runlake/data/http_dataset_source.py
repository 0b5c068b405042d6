"""Data at a web address."""

from __future__ import annotations

import tempfile
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from runlake.artifacts import Artifacts
from runlake.data.dataset_source import DatasetSource
from runlake.errors import NotFound

_SCHEMES = ("http", "https")
_TIMEOUT_S = 60.0


class HTTPDatasetSource(DatasetSource):
    """Data that an http or https URL names.

    Args:
        url: The URL as the user wrote it; it is kept so.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The URL of the data."""
        return self._url

    @staticmethod
    def _get_source_type() -> str:
        return "http"

    @classmethod
    def _can_resolve(cls, raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.partition("://")[0].lower() in _SCHEMES

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        return cls(raw_source)

    def to_dict(self) -> dict[str, Any]:
        """Give the URL."""
        return {"url": self.url}

    @classmethod
    def from_dict(cls, source_dict: dict[str, Any]) -> Self:
        """Make the source again from its URL."""
        return cls(source_dict["url"])

    def load(self, dst_path: str | None = None) -> str:
        """Download the data into `dst_path` (or a new temporary folder), under the last name of the URL's path.

        Raises:
            NotFound: the server does not give it.
        """
        from urllib.error import URLError
        from urllib.request import urlopen

        name = unquote(urlsplit(self.url).path).rpartition("/")[2].replace("\\", "_").lstrip(".") or "dataset_source"
        target = Artifacts(dst_path or tempfile.mkdtemp(prefix="runlake-"))
        try:
            with urlopen(self.url, timeout=_TIMEOUT_S) as response:  # only http(s): what _can_resolve takes
                target.write_stream(response, name)
        except URLError as error:
            raise NotFound(f"the data at {self.url!r} cannot be downloaded: {error.reason}") from error
        return target.uri(name)
