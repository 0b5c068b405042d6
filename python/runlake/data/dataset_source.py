"""Where a data set comes from: the base of all sources."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Self


class DatasetSource(ABC):
    """A place that a data set was read from, or the code that made it; subclasses say which."""

    @staticmethod
    @abstractmethod
    def _get_source_type() -> str:
        """Give the name of the kind of source: "local", "s3", "http", "code"."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Give what is stored about the source, ready for JSON."""

    @classmethod
    @abstractmethod
    def from_dict(cls, source_dict: dict[str, Any]) -> Self:
        """Make the source again from what `to_dict` gave."""

    @abstractmethod
    def load(self, dst_path: str | None = None) -> str:
        """Give a local path to the data, in the folder `dst_path` if one is given."""

    @classmethod
    def _can_resolve(cls, raw_source: Any) -> bool:
        """Tell whether `_resolve` would take this; sources that nobody writes as text take nothing."""
        return False

    @classmethod
    def _resolve(cls, raw_source: Any) -> Self:
        """Make the source from what a user wrote, such as a URI."""
        raise NotImplementedError(f"{cls.__name__} is not made from text")

    def to_json(self) -> str:
        """Give what is stored about the source as JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, source_json: str) -> Self:
        """Make the source again from what `to_json` gave."""
        return cls.from_dict(json.loads(source_json))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((type(self), self.to_json()))
