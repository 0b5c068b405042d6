"""Received: runs and experiments as another store sends them in JSON, checked as if they were logged here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runlake import names
from runlake.accounts import account_of
from runlake.catalog import Change, ReceivedExperiment, ReceivedRun, Unstored, WriterInfo
from runlake.entities import Dataset, DatasetInput, InputTag, LifecycleStage, RunStatus
from runlake.errors import InvalidInput
from runlake.recording import as_texts, check_input

if TYPE_CHECKING:
    from runlake.catalog import Receipt
    from runlake.entities import Experiment, Run

T = TypeVar("T")

MOST_RUNS: Final = 500
"""Runs, and experiments, of one request."""

EXPERIMENT: Final = "experiment_id"
"""What an experiment is asked for by."""

_ID_DIGITS: Final = frozenset("0123456789abcdef")
_MOST_RANK: Final = 999_999_999
_DATASET: Final = ("name", "digest", "source_type", "source")


def source_of(said: Mapping[str, Any]) -> str:
    """Read which store it is that sends."""
    return check_id(said.get("source"), "store")


def check_id(value: Any, what: str) -> str:
    """Return an id of 32 hexadecimal digits.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(value, str) or len(value) != 32 or not set(value) <= _ID_DIGITS:
        raise InvalidInput(f"{names.shortened(value)!r} is not the id of a {what}: 32 lower-case hexadecimal digits")
    return value


def experiments_of(said: Mapping[str, Any]) -> list[ReceivedExperiment]:
    """Read the experiments of a request."""
    return _each(said, "experiments", _experiment)


def runs_of(said: Mapping[str, Any]) -> list[ReceivedRun]:
    """Read the runs of a request."""
    return _each(said, "runs", _run)


def accounts_of(said: Mapping[str, Any]) -> dict[str, list[Unstored]]:
    """Read what writers have not stored, by their ids."""
    found: dict[str, list[Unstored]] = {}
    for writer_id, entry in _each(said, "accounts", _account):
        found.setdefault(writer_id, []).append(entry)
    return found


def _account(said: Mapping[str, Any]) -> tuple[str, Unstored]:
    return check_id(said.get("writer"), "writer"), account_of(said)


def receipt_to_json(receipt: Receipt) -> dict[str, Any]:
    """Return what a store is told that has sent runs."""
    conflicts = [{"run_id": c.run_id, "key": c.key, "kept": c.kept, "refused": c.value} for c in receipt.conflicts]
    return {
        "experiments": receipt.experiments,
        "accepted": receipt.versions,
        "behind": receipt.behind,
        "conflicts": conflicts,
    }


def run_to_json(run: Run) -> dict[str, Any]:
    """Return a whole run, as a store takes it in that goes on with it."""
    info = run.info
    return {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "name": info.run_name,
        "user_id": info.user_id,
        "start_time": info.start_time,
        "status": info.status,
        "end_time": info.end_time,
        "lifecycle_stage": info.lifecycle_stage,
        "tags": dict(run.data.tags),
        "params": dict(run.data.params),
    }


def experiment_to_json(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment, as a store takes it in."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "lifecycle_stage": experiment.lifecycle_stage,
        "tags": dict(experiment.tags),
    }


def _experiment(said: Mapping[str, Any]) -> ReceivedExperiment:
    return ReceivedExperiment(
        names.check_experiment_id(said.get("experiment_id")),
        names.check_experiment_name(said.get("name")),
        as_texts(said.get("tags") or {}, "experiment tag", names.MAX_EXPERIMENT_TAG_VALUE),
    )


def _run(said: Mapping[str, Any]) -> ReceivedRun:
    run_id = names.check_run_id(said.get("run_id"))
    try:
        return _run_of_id(run_id, said)
    except InvalidInput as error:
        raise InvalidInput(f"run {run_id}: {error.message}", hint=error.hint) from error


def _run_of_id(run_id: str, said: Mapping[str, Any]) -> ReceivedRun:
    status = said.get("status")
    change = Change(
        run_id,
        as_texts(said.get("params") or {}, "parameter", names.MAX_PARAM_VALUE),
        as_texts(said.get("tags") or {}, "tag", names.MAX_RUN_TAG_VALUE),
        [names.check_key(key, "tag") for key in _list(said, "deleted_tags")],
        None if status is None else _status(status),
        None if said.get("end_time") is None else _number(said, "end_time"),
        None if said.get("name") is None else names.check_text(said["name"], names.MAX_RUN_TAG_VALUE, "run name"),
    )
    stage = said.get("lifecycle_stage")
    return ReceivedRun(
        change,
        names.check_experiment_id(said.get("experiment_id")),
        _number(said, "version"),
        names.check_text(said.get("user_id") or "", names.MAX_RUN_TAG_VALUE, "user id"),
        _number(said, "start_time"),
        None if stage is None else stage == LifecycleStage.DELETED,
        _each(said, "inputs", _input),
        _each(said, "writers", _writer),
        0 if said.get("after") is None else _number(said, "after"),
    )


def _status(status: Any) -> str:
    name = names.check_text(status, names.MAX_RUN_ID, "status")
    RunStatus.from_string(name)
    return name


def _input(said: Mapping[str, Any]) -> DatasetInput:
    dataset = _object(said, "dataset")
    name, digest, kind, source = (
        names.check_text(dataset.get(field), names.MAX_DATASET_SOURCE, f"data set {field}") for field in _DATASET
    )
    tags = [InputTag(key, value) for key, value in _object(said, "tags").items()]
    entry = DatasetInput(Dataset(name, digest, kind, source, dataset.get("schema"), dataset.get("profile")), tags)
    check_input(entry)
    return entry


def _writer(said: Mapping[str, Any]) -> WriterInfo:
    rank = None if said.get("rank") is None else _number(said, "rank")
    if rank is not None and not 0 <= rank <= _MOST_RANK:
        raise InvalidInput(f"a writer has the rank {rank}")
    host, boot_id = (names.check_text(said.get(field) or "", names.MAX_RUN_ID, field) for field in ("host", "boot_id"))
    writer_id = check_id(said.get("id"), "writer")
    return WriterInfo(writer_id, host, boot_id, _number(said, "pid"), _number(said, "created_ms"), rank)


def _each(said: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    entries = _list(said, name)
    if len(entries) > MOST_RUNS:
        raise InvalidInput(f"{name} has {len(entries):,} entries; the limit is {MOST_RUNS}")
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise InvalidInput(f"an entry of {name} is {names.shortened(repr(entry))} and no object")
    return [read(entry) for entry in entries]


def _list(said: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = said.get(name) or []
    if not isinstance(value, list):
        raise InvalidInput(f"{name} is {names.shortened(repr(value))} and no list")
    return value


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name) or {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} is {names.shortened(repr(value))} and no object")
    return value


def _number(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise InvalidInput(f"{name} is {names.shortened(repr(value))}; it must be a whole number of 64 bits")
    return value
