"""Data that code has made: which code, and where in it."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Self

from runlake.data.dataset_source import DatasetSource
from runlake.errors import InvalidInput
from runlake.provenance import standard_tags

LOCATION_TAG = "runlake.code.location"
"""File and line of the call that made the data set."""


class CodeDatasetSource(DatasetSource):
    """The script or notebook that made a data set.

    Args:
        tags: Tags that describe the code, as runs have them.
    """

    def __init__(self, tags: dict[str, str]) -> None:
        self._tags = dict(tags)

    @staticmethod
    def _get_source_type() -> str:
        return "code"

    @classmethod
    def here(cls) -> Self:
        """Describe the code that is calling runlake now."""
        tags = {key: value for key, value in standard_tags().items() if key.startswith("mlflow.")}
        location = _calling_line()
        return cls({**tags, LOCATION_TAG: location} if location else tags)

    def to_dict(self) -> dict[str, Any]:
        """Give the tags."""
        return {"tags": self._tags}

    @classmethod
    def from_dict(cls, source_dict: dict[str, Any]) -> Self:
        """Make the source again from its tags."""
        return cls(source_dict["tags"])

    def load(self, dst_path: str | None = None) -> str:
        """Refuse: code is not run again.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput("data that code has made cannot be loaded; run the code again", hint=str(self._tags))


def _calling_line() -> str | None:
    """Give `file:line` of the innermost frame that is not runlake's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith("runlake."):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None
