"""A data set of which only the source is known."""

from __future__ import annotations

from runlake.data.dataset import Dataset
from runlake.data.dataset_source import DatasetSource
from runlake.data.digest import Digest
from runlake.types.schema import Schema


class MetaDataset(Dataset):
    """A source with a name and perhaps a schema; the digest is of these, as there is no content.

    Args:
        source: Where the data is.
        name: Name for people.
        digest: Fingerprint of the data, if you have one.
        schema: Columns of the data, if you know them.
    """

    def __init__(
        self,
        source: DatasetSource,
        name: str | None = None,
        digest: str | None = None,
        schema: Schema | None = None,
    ) -> None:
        self._schema = schema
        super().__init__(source, name, digest)

    def _compute_digest(self) -> str:
        digest = Digest("meta")
        for text in (self.name, self._get_source_type(), self.source.to_json(), self._schema_json() or ""):
            digest.add_text(text)
        return digest.text()

    @property
    def profile(self) -> None:
        """Nothing is known of the data's size."""
        return

    @property
    def schema(self) -> Schema | None:
        """The columns that were given."""
        return self._schema
