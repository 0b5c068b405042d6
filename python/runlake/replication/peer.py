"""Peer: the server that a store is sent to, as the requests of replication see it.

What is sent is tried once: whoever sends decides when to try again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from runlake.errors import NotFound, RunlakeError
from runlake.remote.address import ARROW, JSON
from runlake.remote.connection import Connection, Hello

_READ_S: Final = 60.0
_MOST_WRITERS: Final = 500
_ASKED: Final = 3
"""How often a question is tried that somebody waits for."""
_CONFLICT: Final = ("RESOURCE_CONFLICT", "RESOURCE_ALREADY_EXISTS")

DISK: Final = "disk"
"""The durability of an answer that waits until what it acknowledges survives a power cut."""


@dataclass(frozen=True, slots=True)
class Have:
    """Up to where a server has the points of a writer: the first seq that it lacks, and that it could lose."""

    have: int = 0
    durable: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a server said to runs: its ids of experiments, the versions it has, and parameters that it refused.

    `behind` are runs of which it lacks what it has acknowledged before.
    """

    experiments: Mapping[str, str]
    versions: Mapping[str, int]
    conflicts: Sequence[Mapping[str, str]]
    behind: Sequence[str]


class Behind(Exception):
    """The server lacks points before those that were sent."""


class Peer:
    """One server. Methods raise `ServerUnavailable` when it cannot be reached or is busy."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __str__(self) -> str:
        return str(self._connection.address)

    def hello(self, within_s: float) -> Hello:
        """Ask who it is; see `Connection.hello`."""
        return self._connection.hello(within_s=within_s)

    def have(self, writers: Iterable[str], *, durability: str | None = None) -> dict[str, Have]:
        """Ask up to where it has the points of writers."""
        wanted = list(writers)
        found: dict[str, Have] = {}
        query = {"durability": durability} if durability else None
        for start in range(0, len(wanted), _MOST_WRITERS):
            part = wanted[start : start + _MOST_WRITERS]
            said = self._json("have", {"writers": part}, query=query)["writers"]
            found |= {writer: _have(said.get(writer, {})) for writer in part}
        return found

    def put_runs(
        self, source: str, experiments: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]
    ) -> Accepted:
        """Send what is new of runs and their experiments."""
        said = self._json("runs", {"source": source, "experiments": experiments, "runs": runs})
        conflicts, behind = said.get("conflicts", ()), said.get("behind", ())
        return Accepted(said.get("experiments", {}), said.get("accepted", {}), conflicts, behind)

    def put_points(
        self, writer: str, first: int, batch: bytes, *, gap_from: int | None = None, durability: str | None = None
    ) -> Have:
        """Send points of a writer from `first` on.

        Args:
            batch: As the engine packs them.
            gap_from: There are no points from here to `first`.

        Raises:
            Behind: it lacks points before `first`, or before `gap_from`.
        """
        query: dict[str, Any] = {"writer": writer, "first": first}
        if gap_from is not None:
            query["gap_from"] = gap_from
        if durability is not None:
            query["durability"] = durability
        try:
            answer = self._connection.send(
                "POST", "replication/points", batch, kind=ARROW, query=query, tries=1, read_s=_READ_S
            )
        except RunlakeError as error:
            if error.error_code in _CONFLICT:
                raise Behind(str(error)) from error
            raise
        return _have(answer.json())

    def put_ledger(self, accounts: Sequence[Mapping[str, Any]]) -> None:
        """Send what writers have not stored of series, as `accounts` has it."""
        self._json("ledger", {"accounts": accounts})

    def missing_files(self, run_id: str, files: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the paths of the artifacts that it lacks among `files`, each with path, size and sha256."""
        return list(self._json(f"runs/{run_id}/artifacts/state", {"files": files})["missing"])

    def put_file(self, run_id: str, path: str, content: BinaryIO, size: int, sha256: str) -> None:
        """Send an artifact of a run."""
        self._put(f"runs/{run_id}/artifacts/{path}", content, size, sha256)

    def missing_shared(self, digests: Sequence[str]) -> list[str]:
        """Return the digests of the shared files that it lacks."""
        return list(self._json("provenance/state", {"digests": digests})["missing"])

    def put_shared(self, sha256: str, content: bytes) -> None:
        """Send a file that many runs share."""
        self._put(f"provenance/{sha256}", content, len(content), sha256)

    def run(self, run_id: str, *, within_s: float) -> Mapping[str, Any] | None:
        """Return a run, its experiment and its largest step; None when it has no such run."""
        try:
            answer = self._connection.send(
                "GET", f"replication/runs/{run_id}", within_s=within_s, read_s=within_s, tries=_ASKED
            )
        except NotFound:
            return None
        said: Mapping[str, Any] = answer.json()
        return said

    def experiment(self, *, within_s: float, **wanted: str) -> Mapping[str, Any] | None:
        """Return an experiment by `experiment_id` or `name`; None when it has no such one."""
        try:
            answer = self._connection.send(
                "GET", "replication/experiments", query=wanted, within_s=within_s, read_s=within_s, tries=_ASKED
            )
        except NotFound:
            return None
        said: Mapping[str, Any] | None = answer.json()["experiment"]
        return said

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._connection.close()

    def _json(self, path: str, fields: Mapping[str, Any], *, query: Mapping[str, Any] | None = None) -> Any:
        body = json.dumps(fields, allow_nan=False, separators=(",", ":")).encode()
        return self._connection.send(
            "POST", f"replication/{path}", body, kind=JSON, query=query, tries=1, read_s=_READ_S
        ).json()

    def _put(self, path: str, content: bytes | BinaryIO, size: int, sha256: str) -> None:
        headers = {"X-Runlake-Sha256": sha256, "Content-Length": str(size)}
        self._connection.send(
            "PUT",
            f"replication/{path}",
            content,
            kind="application/octet-stream",
            headers=headers,
            tries=1,
            read_s=300.0,
        )


def _have(said: Mapping[str, Any]) -> Have:
    have = int(said.get("have", 0))
    return Have(have, int(said.get("durable", have)))
