"""A data set that a run uses: its name, digest, source, schema and profile, without the data."""

from __future__ import annotations

import json
import warnings
from abc import ABC, abstractmethod
from typing import Any

from runlake.data.dataset_source import DatasetSource
from runlake.entities import Dataset as DatasetEntity
from runlake.errors import InvalidInput

MAX_NAME_CHARACTERS = 500
MAX_DIGEST_CHARACTERS = 36
MAX_SCHEMA_CHARACTERS = 1_048_575
"""The lengths that MLflow's stores take; a longer schema is left out with a warning."""


class Dataset(ABC):
    """Base of all data sets.

    Args:
        source: Where the data comes from.
        name: Name for people; "dataset" if there is none. At most 500 characters.
        digest: Fingerprint of the content, at most 36 characters; computed if not given.

    Raises:
        InvalidInput: the name or the digest is too long.
    """

    def __init__(self, source: DatasetSource, name: str | None = None, digest: str | None = None) -> None:
        self._source = source
        self._name = "dataset" if name is None else name
        self._digest = self._compute_digest() if digest is None else digest
        _check_length("name", self._name, MAX_NAME_CHARACTERS)
        _check_length("digest", self._digest, MAX_DIGEST_CHARACTERS)

    @abstractmethod
    def _compute_digest(self) -> str:
        """Fingerprint the content; see `digest` for what that means."""

    @property
    def name(self) -> str:
        """Name for people."""
        return self._name

    @property
    def digest(self) -> str:
        """Fingerprint of the content."""
        return self._digest

    @property
    def source(self) -> DatasetSource:
        """Where the data comes from."""
        return self._source

    @property
    @abstractmethod
    def profile(self) -> Any:
        """Sizes of the data, ready for JSON; None if nothing is known."""

    @property
    @abstractmethod
    def schema(self) -> Any:
        """Columns or tensors of the data; None if nothing is known."""

    def _schema_json(self) -> str | None:
        """Give the schema as MLflow stores it."""
        return None if self.schema is None else json.dumps({"mlflow_colspec": self.schema.to_dict()})

    def to_dict(self) -> dict[str, str | None]:
        """Give name, digest, source and source type, schema and profile as texts (the last two may be None)."""
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self._get_source_type(),
            "schema": self._schema_json(),
            "profile": None if self.profile is None else json.dumps(self.profile),
        }

    def to_json(self) -> str:
        """Give `to_dict` as JSON."""
        return json.dumps(self.to_dict())

    def _get_source_type(self) -> str:
        return self.source._get_source_type()

    def _to_mlflow_entity(self) -> DatasetEntity:
        """Give what a run stores of the data set."""
        schema, profile = self._schema_json(), self.profile
        if schema is not None and len(schema) > MAX_SCHEMA_CHARACTERS:
            warnings.warn(
                f"the schema of data set {self.name!r} has {len(schema)} characters; the limit is "
                f"{MAX_SCHEMA_CHARACTERS}, and it is left out",
                stacklevel=4,
            )
            schema = None
        return DatasetEntity(
            name=self.name,
            digest=self.digest,
            source_type=self._get_source_type(),
            source=self.source.to_json(),
            schema=schema,
            profile=None if profile is None else json.dumps(profile),
        )


def _check_length(what: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        raise InvalidInput(f"the {what} of a data set has 1 to {limit} characters, not {len(text)}: {text[:40]!r}")
