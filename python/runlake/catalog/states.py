"""States: runs and experiments as they are sent, and what is remembered of a run once a server has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runlake.catalog.writers import WriterInfo
from runlake.entities import DatasetInput

if TYPE_CHECKING:
    from runlake.catalog.session import Row


@dataclass(frozen=True)
class ExperimentState:
    """An experiment as it is sent: `tags` are those that are new.

    `acknowledged` is what is remembered of its tags once a server has it: a digest of each.
    """

    experiment_id: str
    name: str
    tags: Mapping[str, str]
    tx: int = 0
    acknowledged: Mapping[str, str] = field(default_factory=dict)

    def known_tags(self) -> str:
        """Return what is remembered of the tags."""
        return json.dumps(dict(self.acknowledged), separators=(",", ":"))


@dataclass(frozen=True)
class RunState:
    """What is new of one run. `version` is the transaction that changed it last; times are ms since 1970.

    `status`, with its `end_time`, and `deleted` are None when they have not changed; tags, parameters, inputs and
    writers are there when they are new. `acknowledged` is what is remembered once a server has it, which had
    `known_version` before.
    """

    run_id: str
    experiment_id: str
    version: int
    name: str
    user_id: str
    start_time: int
    status: str | None
    end_time: int | None
    deleted: bool | None
    tags: Mapping[str, str]
    deleted_tags: Sequence[str]
    params: Mapping[str, str]
    inputs: Sequence[DatasetInput]
    writers: Sequence[WriterInfo]
    acknowledged: Acknowledged
    known_version: int = 0

    def without_end(self) -> RunState | None:
        """Return the state without the run's end, to be sent while points of it are still on their way.

        Its version is the one before, so that the end counts as new when it is sent; None when the server has that.
        """
        if self.status is None or self.status in ("RUNNING", "SCHEDULED"):
            return self
        if self.version - 1 <= self.known_version:
            return None
        before = replace(self.acknowledged, tx=self.version - 1, status="RUNNING", end_ms=None)
        return replace(self, version=self.version - 1, status="RUNNING", end_time=None, acknowledged=before)


@dataclass(frozen=True)
class Acknowledged:
    """What is remembered of a run once a server has it: digests of tags by key, and of its inputs."""

    tx: int = 0
    status: str = ""
    end_ms: int | None = None
    deleted: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: str = ""
    writers: int = 0

    def to_row(self) -> Row:
        """Return the columns of `sent_run` after its keys."""
        tags = json.dumps(dict(self.tags), separators=(",", ":"))
        return (self.tx, self.status, self.end_ms, self.deleted, tags, self.inputs, self.writers)

    @staticmethod
    def of_row(row: Row) -> Acknowledged:
        """Read the columns of `sent_run` after its keys; all are None of a run that was never sent."""
        tx, status, end_ms, deleted, tags, inputs, writers = row
        if status is None:
            return Acknowledged()
        return Acknowledged(tx, status, end_ms, bool(deleted), json.loads(str(tags)), inputs, writers)


@dataclass(frozen=True)
class UnsentCounts:
    """What a server has not acknowledged yet: runs with changes, and the store's knowledge of each writer.

    `server` is its number, 0 of one that has never answered. `sent` is, by writer, the first seq that it is not known
    to have.
    """

    server: int
    url: str
    runs: int
    acknowledged_ms: int | None
    sent: Mapping[str, int]


def digests_of(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each text, by its key."""
    return {key: digest_of(text) for key, text in texts.items()}


def digest_of(text: str) -> str:
    """Return 16 hexadecimal digits that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
