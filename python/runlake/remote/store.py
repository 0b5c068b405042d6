"""RemoteStore: a store that a server has, for everything that names runs and experiments by id.

It answers to what is asked of `runlake.store.Store` above the store. Each call is a request; runs that this process has
begun are written into its spool, from where they are replicated, and a call that names such a run waits for that first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol, SupportsFloat

from runlake import recording
from runlake.config import Config, from_environment
from runlake.entities import LoggedModel, Metric, Param, Run, RunTag
from runlake.errors import InvalidInput
from runlake.exchange import from_json, to_json
from runlake.remote.address import ARROW, JSON, Address
from runlake.remote.catalog import RemoteCatalog
from runlake.remote.reads import RemoteReads

if TYPE_CHECKING:
    from runlake import _engine
    from runlake.artifacts import Contents
    from runlake.remote.connection import Body, Connection, Hello
    from runlake.store import Store


_HELLO_S: Final = 5.0
"""How long a server may take to say who it is, the first time."""

_MLFLOW: Final = "/api/2.0/mlflow"

_CONNECTIONS: Final = 16
"""Connections that are kept alive: a lazy frame takes one while it is read, and each thread that asks besides."""


class Spool(Protocol):
    """Where the runs that this process begins on a server are written first."""

    @property
    def store(self) -> Store:
        """The store that new runs are begun in."""

    def store_of(self, run_id: str) -> Store | None:
        """Return the store that this process writes a run into; None for a run that it does not write."""

    def wait_for(self, run_id: str) -> None:
        """Return when the server has what was written of a run here, or cannot be waited for any longer."""


class RemoteStore:
    """A server's store. All threads of a process share one; no connection is made before something is asked.

    Attributes:
        root: URL of the server, without the password.
        spool: Where runs of this process are written; None while there is none.
    """

    def __init__(self, uri: str, *, config: Config | None = None) -> None:
        self.root = str(Address.of(uri))
        self.config = config or from_environment()
        self.spool: Spool | None = None
        self.catalog = RemoteCatalog(self)
        self._uri = uri

    @cached_property
    def connection(self) -> Connection:
        """The connection to the server; urllib3 is loaded with it."""
        from runlake.remote.connection import Connection

        return Connection(self._uri, connections=_CONNECTIONS)

    @cached_property
    def hello(self) -> Hello:
        """What the server says of itself, asked once."""
        return self.connection.hello(within_s=min(_HELLO_S, self._patience_s), tries=None)

    @property
    def reads(self) -> RemoteReads:
        """What can be asked of its runs and points."""
        return RemoteReads(self)

    # -- requests

    def call(self, name: str, fields: Mapping[str, Any], *, repeatable: bool = True) -> Any:
        """Call a function of the server by name, and return what it returns.

        Raises:
            ServerUnavailable: the server could not be reached for as long as a local catalog would be waited for.
            RunlakeError: what the function raises.
        """
        return self._call(name, fields, repeatable=repeatable, within_s=self._patience_s)

    def write(self, name: str, fields: Mapping[str, Any], *, repeatable: bool = True) -> Any:
        """Call a function that records something, while training; it is not waited for longer than a local catalog."""
        within_s = self.config.record_timeout_ms / 1000
        return self._call(name, fields, repeatable=repeatable, within_s=within_s, read_s=self._patience_s)

    def send_mlflow(self, method: str, path: str, body: bytes = b"", **how: Any) -> Any:
        """Send what MLflow's clients send, to a path below `/api/2.0/mlflow`, and return the answer's JSON."""
        _ = self.hello
        return self.connection.send(method, f"{_MLFLOW}/{path}", body, within_s=self._patience_s, **how).json()

    def ask(self, name: str, fields: Mapping[str, Any]) -> AbstractContextManager[Body]:
        """Ask for a frame by name; the answer is an Arrow stream."""
        _ = self.hello
        body = json.dumps(to_json(fields)).encode()
        headers = {"Accept": ARROW}
        return self.connection.open(
            "POST", f"frames/{name}", body, kind=JSON, headers=headers, within_s=self._patience_s
        )

    def spooled(self, run_id: str) -> Store | None:
        """Return the store on this machine that this process writes a run into; None when it is the server's alone."""
        return None if self.spool is None else self.spool.store_of(run_id)

    def settle(self, run_id: str) -> None:
        """Wait until the server has what this process has written of a run."""
        if self.spool is not None:
            self.spool.wait_for(run_id)

    # -- writing

    def run_logger(self, run_id: str) -> _engine.RunLogger | RemoteLogger:
        """Return what logs to a run, without asking whether there is such a run."""
        spooled = self.spooled(run_id)
        return RemoteLogger(self, run_id) if spooled is None else spooled.run_logger(run_id)

    def log_batch(
        self,
        run_id: str,
        points: Sequence[tuple[str, float, int, int]],
        *,
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Record parameters, tags and points: key, value, step and timestamp; all or none.

        With points it is sent once: a server that breaks off may have them.
        """
        if (spooled := self.spooled(run_id)) is not None:
            spooled.log_batch(run_id, points, params=params, tags=tags)
            return
        fields = {
            "run_id": run_id,
            "metrics": [Metric(key, value, timestamp, step) for key, value, step, timestamp in points],
            "params": [Param(key, value) for key, value in params.items()],
            "tags": [RunTag(key, value) for key, value in tags.items()],
        }
        self.write("log_batch", fields, repeatable=not points)

    def record(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        deleted_tags: Sequence[str] = (),
        status: str | None = None,
        end_time: int | None = None,
        name: str | None = None,
    ) -> None:
        """Record a change of a run; see `Store.record`."""
        change: dict[str, Any] = {"params": params, "tags": tags, "deleted_tags": deleted_tags}
        change |= {"status": status, "end_time": end_time, "name": name}
        if (spooled := self.spooled(run_id)) is not None:
            spooled.record(run_id, **change)
        else:
            self.write("record", {"run_id": run_id, **change}, repeatable=not deleted_tags)

    def let_go(self, run_id: str) -> None:
        """Forget what logging to an ended run needs: only a spool has something."""
        if (spooled := self.spooled(run_id)) is not None:
            spooled.let_go(run_id)

    def create_run(
        self,
        run_id: str,
        experiment_id: str,
        *,
        name: str,
        user_id: str,
        start_time: int,
        artifact_uri: str | None = None,
        tags: Mapping[str, str] | None = None,
        owned: bool,
    ) -> Run:
        """Create a run that no process owns.

        Raises:
            InvalidInput: it is to belong to this process; such runs are begun in the spool.
        """
        if owned or artifact_uri is not None:
            raise InvalidInput("a run on a server has no owner there, and no place for artifacts of its own")
        fields: dict[str, Any] = {"run_id": run_id, "experiment_id": experiment_id, "name": name, "user_id": user_id}
        fields |= {"start_time": start_time, "tags": tags or {}}
        created: Run = self.call("create_run", fields, repeatable=False)
        return created

    # -- reading

    def get_run(self, run_id: str) -> Run:
        """Return a run with its latest metrics, those of live processes included."""
        self.settle(run_id)
        found: Run = self.call("get_run", {"run_id": run_id})
        return found

    def artifacts(self, run: Run) -> Contents:
        """Return the artifacts of a run."""
        from runlake.remote.artifacts import RunArtifacts

        return RunArtifacts(self, run)

    def model_artifacts(self, model: LoggedModel) -> Contents:
        """Return the artifacts of a logged model."""
        from runlake.remote.artifacts import ModelArtifacts

        return ModelArtifacts(self, model)

    def close(self) -> None:
        """Close the connection, if there is one; the object can be used again all the same."""
        if "connection" in self.__dict__:
            self.connection.close()

    # -- within

    @property
    def _patience_s(self) -> float:
        return self.config.lock_timeout_ms / 1000

    def _call(self, name: str, fields: Mapping[str, Any], **how: Any) -> Any:
        _ = self.hello  # what is no server of ours would answer that there is no such run
        answer = self.connection.call(f"call/{name}", to_json(fields), **how)
        if warnings := answer.get("warnings"):
            from runlake import query

            query.say(warnings)
        return from_json(answer["value"])


class RemoteLogger:
    """Logs to a run of a server, one request a call."""

    def __init__(self, store: RemoteStore, run_id: str) -> None:
        self._store = store
        self.run_id = run_id

    def log(self, metrics: Mapping[str, SupportsFloat], step: int, timestamp: int | None = None) -> None:
        """Log one value for each key; all of them or, on a mistake, none."""
        now = time.time_ns() // 1_000_000 if timestamp is None else timestamp
        points = [recording.checked_point(Metric(key, value, now, step)) for key, value in metrics.items()]  # type: ignore[arg-type]
        self._store.log_batch(self.run_id, points, params={}, tags={})
