"""Replication over HTTP, below `/api/runlake/v1/replication/`: what other stores send to this one.

All of it may be sent again: what is here already stays as it is. `docs/design.md`, "Replication", has the protocol.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response
from starlette.routing import Route

from runlake import _engine, access, names, received, run_files
from runlake.access import Caller, Kind, Level
from runlake.artifacts import Contents
from runlake.catalog import ReceivedExperiment, ReceivedFile, ReceivedRun
from runlake.entities import LifecycleStage
from runlake.errors import InvalidInput, NotFound
from runlake.replicas import Busy, Have
from runlake.server.access import caller_of
from runlake.server.calls import pieces, read_body, worker_of
from runlake.server.load import room_of
from runlake.server.mlflow_errors import error_response
from runlake.server.mlflow_fields import Fields
from runlake.server.watch import ROUTE

if TYPE_CHECKING:
    from starlette.requests import Request

    from runlake.store import Store

API: Final = "/api/runlake/v1/replication/"
ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"

_BATCH_BYTES: Final = 32 << 20
_SHARED_BYTES: Final = 32 << 20
_MOST_IDS: Final = 1000
_DISK: Final = "disk"
_SHA256: Final = "x-runlake-sha256"

Answer = Callable[["Request", int], Awaitable[Response]]


@dataclass(frozen=True)
class ReplicationRoute:
    """One thing that another store can ask for; `path` is below `/api/runlake/v1/replication/`."""

    method: str
    path: str
    answer: Answer


async def have(request: Request, max_body_bytes: int) -> Response:
    """Say up to where the streams of writers are here."""
    fields = await _fields(request, max_body_bytes)
    store = worker_of(request).store
    writers = [received.check_id(writer, "writer") for writer in _listed(fields, "writers")]
    found = await worker_of(request).run(_have, store, writers, _durable(request))
    return _json({"writers": found})


def _have(store: Store, writers: list[str], durable: bool) -> dict[str, Any]:
    found = store.replicas.have(writers, durable=durable)
    return {writer: _have_to_json(have) for writer, have in found.items()}


async def put_runs(request: Request, max_body_bytes: int) -> Response:
    """Take in runs and experiments; they survive a power cut when this is answered."""
    fields = await _fields(request, max_body_bytes)
    return _json(await worker_of(request).run(_put_runs, worker_of(request).store, fields, caller_of(request)))


def _put_runs(store: Store, fields: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
    source = received.source_of(fields)
    if source == store.catalog.store_id:
        raise InvalidInput("this is the store that sends", hint="name the server of another store")
    experiments, runs = received.experiments_of(fields), received.runs_of(fields)
    made = _require_edit_of(store, caller, source, experiments, runs)
    if caller.name is not None:
        runs = [replace(run, user_id=caller.name) for run in _that_may_be_deleted(store, caller, runs)]
    receipt = store.catalog.receive(source, experiments, runs)
    store.catalog.sync()
    for local_id in made:
        if caller.name is not None and local_id in receipt.experiments:
            access.grant(store, caller.name, Level.MANAGE, Kind.EXPERIMENT, receipt.experiments[local_id])
    return received.receipt_to_json(receipt)


def _that_may_be_deleted(store: Store, caller: Caller, runs: Sequence[ReceivedRun]) -> list[ReceivedRun]:
    """Leave out that a run was deleted or restored where the caller may only edit: that takes more, on every way.

    It is not refused: what else a script has logged is not to wait for it.
    """
    here = store.catalog.run_experiment([run.change.run_id for run in runs if run.deleted is not None])
    return [
        replace(run, deleted=None)
        if (found := here.get(run.change.run_id)) is not None
        and caller.level(Kind.EXPERIMENT, found) < Level.MANAGE
        and not caller.is_admin
        else run
        for run in runs
    ]


def _require_edit_of(
    store: Store,
    caller: Caller,
    source: str,
    experiments: Sequence[ReceivedExperiment],
    runs: Sequence[ReceivedRun],
) -> list[str]:
    """Refuse a caller who may not change what is sent; return the experiments that are new, by their ids there."""
    _require_edit(store, caller, [run.change.run_id for run in runs])
    local_ids = {*(one.experiment_id for one in experiments), *(run.experiment_id for run in runs)}
    known = store.catalog.received_experiments(source, local_ids)
    for one in experiments:
        found = store.catalog.find_experiment(one.name)
        if one.experiment_id not in known and found is not None and found.lifecycle_stage == LifecycleStage.ACTIVE:
            known[one.experiment_id] = found.experiment_id
    for experiment_id in sorted(set(known.values())):
        caller.require(Level.EDIT, Kind.EXPERIMENT, experiment_id)
    return [one.experiment_id for one in experiments if one.experiment_id not in known]


def _require_edit(store: Store, caller: Caller, run_ids: Sequence[str]) -> None:
    """Refuse a caller who may not change all of some runs, as far as they are here."""
    if not caller.is_admin:
        for found in sorted(set(store.catalog.run_experiment(run_ids).values())):
            caller.require(Level.EDIT, Kind.EXPERIMENT, found)


def _require_stream(store: Store, caller: Caller, points: _engine.PackedPoints) -> None:
    """Refuse a caller who may not change all that a stream holds, or one could take the numbers of others' points."""
    if not caller.is_admin:
        _require_edit(store, caller, points.runs)
        for found in store.catalog.replica_experiments(points.writer):
            caller.require(Level.EDIT, Kind.EXPERIMENT, found)


async def put_points(request: Request, _max_body_bytes: int) -> Response:
    """Store a batch of points."""
    if _kind(request) != ARROW:
        raise InvalidInput(f"the content type is {_kind(request)[:100] or 'missing'}; it must be {ARROW}")
    gap_from = _number(request, "gap_from")
    body = await read_body(request, _BATCH_BYTES)
    return await worker_of(request).run(_put_points, request, body, gap_from)


def _put_points(request: Request, body: bytes, gap_from: int | None) -> Response:
    store = worker_of(request).store
    points = _engine.unpack_points(body)
    for name, told in (("writer", points.writer), ("first", str(points.first))):
        if request.query_params.get(name, told) != told:
            raise InvalidInput(f"the batch has the {name} {told} and the address another one")
    for run_id in points.runs:
        names.check_run_id(run_id)
    _require_stream(store, caller_of(request), points)
    taken = store.replicas.append(points, gap_from=gap_from, durable=_durable(request))
    if taken is not None:
        return _json(_have_to_json(taken))
    known = _have_to_json(store.replicas.have([points.writer])[points.writer])
    message = f"the batch begins at point {points.first} of writer {points.writer}, of which {known['have']} are here"
    return _json({"error_code": "RESOURCE_CONFLICT", "message": message, **known}, 409)


async def put_ledger(request: Request, max_body_bytes: int) -> Response:
    """Take in what writers accepted and did not store; it survives a power cut when this is answered."""
    fields = await _fields(request, max_body_bytes)
    await worker_of(request).run(_put_ledger, worker_of(request).store, fields, caller_of(request))
    return _json({})


def _put_ledger(store: Store, fields: Mapping[str, Any], caller: Caller) -> None:
    accounts = received.accounts_of(fields)
    runs = sorted({entry.run_id for entries in accounts.values() for entry in entries})
    if unknown := set(runs) - store.catalog.run_names(runs).keys():
        raise NotFound(f"there is no run {min(unknown)!r}")
    if own := set(accounts) - store.catalog.replicas(list(accounts)):
        raise InvalidInput(f"no store has sent points of writer {min(own)}")
    _require_edit(store, caller, runs)
    store.catalog.put_ledger(accounts)
    store.catalog.sync()


async def files_state(request: Request, max_body_bytes: int) -> Response:
    """Say which artifacts of a run are missing, or are others."""
    fields = await _fields(request, max_body_bytes)
    files = [(_text(file, "path"), file.get("size"), file.get("sha256")) for file in _listed(fields, "files")]
    run_id = request.path_params["run_id"]
    missing = await worker_of(request).run(_missing_files, worker_of(request).store, run_id, files)
    return _json({"missing": missing})


def _missing_files(store: Store, run_id: str, files: list[tuple[str, Any, Any]]) -> list[str]:
    artifacts = run_files.artifacts(store, run_id)
    known = store.catalog.received_files(run_id)
    return [path for path, size, sha256 in files if not _is_there(artifacts, known.get(path), path, size, sha256)]


def _is_there(artifacts: Contents, known: ReceivedFile | None, path: str, size: Any, sha256: Any) -> bool:
    try:
        status = os.stat(artifacts.uri(path), follow_symlinks=False)
    except OSError:
        return False
    if size is not None and status.st_size != size:
        return False
    if sha256 is None:
        return True
    if known is not None and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return bool(known.sha256 == sha256)
    try:
        return bool(artifacts.sha256(path) == sha256)
    except NotFound:
        return False


async def put_file(request: Request, _max_body_bytes: int) -> Response:
    """Write an artifact; it takes its name when it is whole and has the digest that was said."""
    worker = worker_of(request)
    run_id, path = request.path_params["run_id"], request.path_params["path"]
    expected = request.headers.get(_SHA256)
    await room_of(request).transfer()
    artifacts = await worker.run(run_files.artifacts, worker.store, run_id)
    digest = hashlib.sha256()
    with ExitStack() as unused:
        creating = artifacts.create(path)
        file = await worker.run(creating.__enter__)
        unused.push(creating.__exit__)  # when something fails; closing and removing a file need no thread

        def write(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        async for piece in pieces(request.stream()):
            await worker.run(write, piece)
        _require_digest(digest.hexdigest(), expected, path)
        unused.pop_all()
        await worker.run(creating.__exit__, None, None, None)
    await worker.run(_note_file, worker.store, artifacts, run_id, path, digest.hexdigest())
    return _json({})


def _note_file(store: Store, artifacts: Contents, run_id: str, path: str, sha256: str) -> None:
    artifacts.sync()
    status = os.stat(artifacts.uri(path), follow_symlinks=False)
    store.catalog.note_received_file(run_id, ReceivedFile(path, status.st_size, status.st_mtime_ns, sha256))


async def shared_state(request: Request, max_body_bytes: int) -> Response:
    """Say which of the files that runs share are missing."""
    digests = _listed(await _fields(request, max_body_bytes), "digests")
    shared = worker_of(request).store.shared_files

    def is_there(digest: str) -> bool:
        return shared.get(digest) is not None and shared.renew(digest)  # a run that is sent next names it

    present = await worker_of(request).run(lambda: [is_there(str(digest)) for digest in digests])
    return _json({"missing": [digest for digest, there in zip(digests, present, strict=True) if not there]})


async def put_shared(request: Request, _max_body_bytes: int) -> Response:
    """Keep a file that runs share."""
    body = await read_body(request, _SHARED_BYTES)
    expected = request.path_params["sha256"]
    await worker_of(request).run(_put_shared, worker_of(request).store, body, expected)
    return _json({})


def _put_shared(store: Store, content: bytes, expected: str) -> None:
    _require_digest(hashlib.sha256(content).hexdigest(), expected, "the file")
    store.shared_files.put(content)


async def get_run(request: Request, _max_body_bytes: int) -> Response:
    """Give what another store needs to go on with a run."""
    worker = worker_of(request)
    return _json(await worker.run(_get_run, worker.store, request.path_params["run_id"]))


def _get_run(store: Store, run_id: str) -> dict[str, Any]:
    from runlake import query  # brings Polars, which takes longer to load than the server does

    run = store.catalog.get_run(run_id)
    experiment = store.catalog.get_experiment(run.info.experiment_id)
    latest = query.latest_metrics(store, [run_id]).get(run_id, {})
    return {
        "run": received.run_to_json(run),
        "experiment": received.experiment_to_json(experiment),
        "largest_step": max((metric.step for metric in latest.values()), default=None),
    }


async def get_experiment(request: Request, _max_body_bytes: int) -> Response:
    """Give an experiment by its id, or by its name, which none may have."""
    worker = worker_of(request)
    wanted = Fields.of_query(request.query_params)  # as the table of permissions reads it, should a name come twice
    return _json({"experiment": await worker.run(_get_experiment, worker.store, wanted)})


def _get_experiment(store: Store, wanted: Fields) -> dict[str, Any] | None:
    if (name := wanted.text_or("name")) is not None:
        found = store.catalog.find_experiment(name)
    else:
        found = store.catalog.get_experiment(names.check_experiment_id(wanted.text_or(received.EXPERIMENT)))
    return None if found is None else received.experiment_to_json(found)


ROUTES: Final = (
    ReplicationRoute("POST", "points", put_points),
    ReplicationRoute("POST", "ledger", put_ledger),
    ReplicationRoute("POST", "have", have),
    ReplicationRoute("POST", "runs", put_runs),
    ReplicationRoute("GET", "runs/{run_id}", get_run),
    ReplicationRoute("POST", "runs/{run_id}/artifacts/state", files_state),
    ReplicationRoute("PUT", "runs/{run_id}/artifacts/{path:path}", put_file),
    ReplicationRoute("POST", "provenance/state", shared_state),
    ReplicationRoute("PUT", "provenance/{sha256}", put_shared),
    ReplicationRoute("GET", "experiments", get_experiment),
)


def routes(max_body_bytes: int) -> list[Route]:
    """Return the routes as the application takes them."""
    return [Route(f"{API}{route.path}", _answers(route, max_body_bytes), methods=[route.method]) for route in ROUTES]


def _answers(route: ReplicationRoute, max_body_bytes: int) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        request.scope[ROUTE] = f"replication/{route.path}"
        try:
            return await route.answer(request, max_body_bytes)
        except Busy as busy:
            status = busy.get_http_status_code()
            return error_response(busy.error_code, busy.message, status, {"Retry-After": str(busy.wait_s)})

    return answer


def _have_to_json(have: Have) -> dict[str, int]:
    return {"have": have.have, "durable": have.durable}


def _json(answer: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(answer), status, media_type=JSON)


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _fields(request: Request, max_body_bytes: int) -> Mapping[str, Any]:
    """Read a body that says it is JSON: a page of another site cannot say so without asking first."""
    if _kind(request) != JSON:
        raise InvalidInput(f"the content type is {_kind(request)[:100] or 'missing'}; it must be {JSON}")
    try:
        fields = orjson.loads(await read_body(request, max_body_bytes))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidInput("the body must be an object of fields")
    return fields


def _listed(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list) or len(value) > _MOST_IDS:
        raise InvalidInput(f"'{name}' must be a list with at most {_MOST_IDS} entries")
    return value


def _text(entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        raise InvalidInput(f"an entry has no text '{name}'")
    return value


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise InvalidInput(f"'{name}' is {text[:40]!r}; it must be a whole number from 0 on")
    return int(text)


def _durable(request: Request) -> bool:
    return request.query_params.get("durability") == _DISK


def _require_digest(found: str, expected: str | None, what: str) -> None:
    if expected is not None and expected != found:
        raise InvalidInput(f"the SHA-256 of {what!r} is {found}, not {expected[:64]}")
