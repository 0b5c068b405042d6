"""Entities: what calls hand out and take, with the attributes that MLflow gives them.

Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from runlake.errors import InvalidInput

T = TypeVar("T")


class Entity:
    """Base of all entities: `dict(entity)` gives the attributes by name."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for entry in fields(self):
            yield entry.name, getattr(self, entry.name)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the attributes as plain values; entities in them become dictionaries."""
        return {name: _plain(value) for name, value in self}


def _plain(value: Any) -> Any:
    if isinstance(value, Entity):
        return value.to_dictionary()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


class _Codes:
    """A set of names that MLflow numbers."""

    _names: ClassVar[dict[int, str]]
    _what: ClassVar[str]

    @classmethod
    def to_string(cls, code: int) -> str:
        """Return the name of a code.

        Raises:
            InvalidInput: there is no such code.
        """
        if code not in cls._names:
            known = ", ".join(f"{number} ({name})" for number, name in cls._names.items())
            raise InvalidInput(f"{code!r} is not a {cls._what}; there are {known}")
        return cls._names[code]

    @classmethod
    def from_string(cls, name: str) -> int:
        """Return the code of a name.

        Raises:
            InvalidInput: there is no such name.
        """
        for code, known in cls._names.items():
            if known == name:
                return code
        raise InvalidInput(f"{name!r} is not a {cls._what}; there are {', '.join(cls._names.values())}")


class RunStatus(_Codes):
    """Where a run is in its life."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5
    _names = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}  # noqa: RUF012
    _what = "run status"

    @staticmethod
    def is_terminated(status: int) -> bool:
        """Tell whether a run of that status has ended."""
        return status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)

    @classmethod
    def all_status(cls) -> list[int]:
        """Return every status."""
        return list(cls._names)


class ViewType(_Codes):
    """Which of the active and the deleted a listing holds."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3
    _names = {1: "active_only", 2: "deleted_only", 3: "all"}  # noqa: RUF012
    _what = "view type"


class SourceType(_Codes):
    """What kind of program made a run."""

    NOTEBOOK = 1
    JOB = 2
    PROJECT = 3
    LOCAL = 4
    UNKNOWN = 5
    _names = {1: "NOTEBOOK", 2: "JOB", 3: "PROJECT", 4: "LOCAL", 5: "UNKNOWN"}  # noqa: RUF012
    _what = "source type"


class LifecycleStage:
    """Whether something was deleted; what was can be restored."""

    ACTIVE = "active"
    DELETED = "deleted"

    @staticmethod
    def is_valid(stage: str) -> bool:
        """Tell whether `stage` is one."""
        return stage in (LifecycleStage.ACTIVE, LifecycleStage.DELETED)

    @staticmethod
    def matches_view_type(view_type: int, stage: str) -> bool:
        """Tell whether a listing of `view_type` holds what is in `stage`."""
        return view_type == ViewType.ALL or (view_type == ViewType.ACTIVE_ONLY) == (stage == LifecycleStage.ACTIVE)


@dataclass(frozen=True)
class Metric(Entity):
    """One value of a metric."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True)
class Param(Entity):
    """One parameter: text, written once."""

    key: str
    value: str


@dataclass(frozen=True)
class RunTag(Entity):
    """One tag of a run."""

    key: str
    value: str


@dataclass(frozen=True)
class ExperimentTag(Entity):
    """One tag of an experiment."""

    key: str
    value: str


@dataclass(frozen=True)
class InputTag(Entity):
    """One tag of a data set that a run read."""

    key: str
    value: str


@dataclass(frozen=True)
class Dataset(Entity):
    """A data set by name and digest; `source`, `schema` and `profile` are JSON or plain text."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True)
class DatasetInput(Entity):
    """A data set that a run read, and in which role."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)

    def to_dictionary(self) -> dict[str, Any]:
        """Return the data set's attributes and the tags by key."""
        return {"dataset": self.dataset.to_dictionary(), "tags": {tag.key: tag.value for tag in self.tags}}


@dataclass(frozen=True)
class LoggedModelInput(Entity):
    """A logged model that a run read."""

    model_id: str


@dataclass(frozen=True)
class LoggedModelOutput(Entity):
    """A logged model that a run wrote, and at which step."""

    model_id: str
    step: int


@dataclass(frozen=True)
class RunInputs(Entity):
    """What a run read."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)
    model_inputs: list[LoggedModelInput] = field(default_factory=list)


@dataclass(frozen=True)
class RunOutputs(Entity):
    """What a run wrote."""

    model_outputs: list[LoggedModelOutput] = field(default_factory=list)


@dataclass(frozen=True)
class RunData(Entity):
    """Latest metric values, parameters and tags of a run, by key."""

    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunInfo(Entity):
    """Attributes of a run; `status` is the name of a `RunStatus`, `artifact_uri` an absolute path."""

    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int | None
    end_time: int | None = None
    lifecycle_stage: str = LifecycleStage.ACTIVE
    artifact_uri: str | None = None
    run_name: str | None = None

    @property
    def run_uuid(self) -> str:
        """The old name of `run_id`."""
        return self.run_id


@dataclass(frozen=True)
class Run(Entity):
    """A run: its attributes, its data and what it read."""

    info: RunInfo
    data: RunData = field(default_factory=RunData)
    inputs: RunInputs = field(default_factory=RunInputs)
    outputs: RunOutputs | None = None

    def to_dictionary(self) -> dict[str, Any]:
        """Return `info`, `data` and `inputs` as dictionaries; `outputs` only when there are some."""
        parts = super().to_dictionary()
        return {name: part for name, part in parts.items() if name != "outputs" or part is not None}


@dataclass(frozen=True)
class Experiment(Entity):
    """A group of runs with a name of its own."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str = LifecycleStage.ACTIVE
    tags: dict[str, str] = field(default_factory=dict)
    creation_time: int | None = None
    last_update_time: int | None = None


@dataclass(frozen=True)
class FileInfo(Entity):
    """A file or folder among a run's artifacts; folders have no size."""

    path: str
    is_dir: bool
    file_size: int | None = None


@dataclass(frozen=True)
class ModelMetric(Metric):
    """One value of a metric of a logged model: the run that logged it, and the data set it was computed on."""

    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class LoggedModelStatus:
    """Where a logged model is in its life."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True)
class LoggedModel(Entity):
    """A model of an experiment; `artifact_location` is an absolute path."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None = None
    source_run_id: str | None = None
    status: str = LoggedModelStatus.READY
    status_message: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[ModelMetric] = field(default_factory=list)

    @property
    def model_uri(self) -> str:
        """The URI by which the model is loaded."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True)
class ModelVersion(Entity):
    """One version of a registered model; versions count up and are never used again."""

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    user_id: str | None = None
    current_stage: str = "None"
    source: str | None = None
    run_id: str | None = None
    status: str = "READY"
    status_message: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RegisteredModel(Entity):
    """A name under which versions of a model are kept; `latest_versions` are the highest of each stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    latest_versions: list[ModelVersion] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetUse(Entity):
    """A data set that a run read, and what for."""

    name: str
    digest: str
    source_type: str
    source: str
    context: str | None = None


@dataclass(frozen=True)
class VersionLineage(Entity):
    """Where a version comes from; what is None or empty was not recorded, or its run is not in the store.

    Attributes:
        user_id: Who registered it.
        source_name: The program that the run was of.
        git_dirty: Whether files differed from the commit.
    """

    name: str
    version: int
    source: str | None
    user_id: str | None = None
    model_id: str | None = None
    run_id: str | None = None
    run_name: str | None = None
    experiment_id: str | None = None
    experiment_name: str | None = None
    source_name: str | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_repository: str | None = None
    git_dirty: bool | None = None
    datasets: list[DatasetUse] = field(default_factory=list)


@dataclass(frozen=True)
class RegistryEvent(Entity):
    """One change of the registry; `model` is a number that stays when the model gets another name.

    Attributes:
        user_id: Who did it; None where nobody was asked.
        payload: What was said, by the names of the fields of the call.
        hash: SHA-256 over the hash of the event before and all other fields.
    """

    number: int
    at_ms: int
    user_id: str | None
    action: str
    model: int
    name: str
    version: int | None
    payload: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class ChainHead(Entity):
    """The number of events of the registry, and the hash of the last one."""

    events: int
    hash: str


@dataclass(frozen=True)
class SavedView(Entity):
    """A state of a page under a name; `state` is as the page has written it, `user_id` is who owns it."""

    name: str
    page: str
    state: str
    user_id: str | None
    creation_time: int
    last_update_time: int


@dataclass(frozen=True)
class MissingPoints(Entity):
    """Points of a run that were accepted and cannot be given back, as the files prove.

    Attributes:
        points: How many; 0 where that is not known, as of a journal that somebody has removed.
        exact: False where not all of them need be this run's: others logged to the same journal.
        reason: What does not hold, as part of a sentence.
        file: The file concerned.
        last_verified_ms: When the last sync was that the journal proves; what was logged before is not missing unless
            another loss says so. None when there was none, or the points were in a segment.
        found_ms: When it was found out.
    """

    points: int
    exact: bool
    reason: str
    file: str
    last_verified_ms: int | None
    found_ms: int


Waits: TypeAlias = Literal["sync", "seal", "server"]
"""What points wait for: to be on disk, to be moved into a segment that is due, to be taken by a server."""


@dataclass(frozen=True)
class DroppedStretch(Entity):
    """Points of one key that were dropped for one reason, without a stored one in between where there was no room.

    Attributes:
        reason: "throttled" by a policy; "no space" on the disk; "backlog", when unsealed points were at their limit;
            "late", when a file was not made in time.
    """

    reason: str
    points: int
    first_step: int
    last_step: int


@dataclass(frozen=True)
class KeyLedger(Entity):
    """What became of the points of one key of a run: `accepted = stored + merged + sum(dropped.values()) + in_flight`.

    Attributes:
        accepted: Points that logging calls took.
        stored: Points that are in the journal or in a segment.
        merged: Points that are in the aggregates of a stored one.
        dropped: Points that nothing is kept of but their summary, by reason; see `DroppedStretch`.
        in_flight: Points that will be stored or counted with the next ones, one a process that logs to the key.
        stretches: Where points were dropped.
    """

    key: str
    accepted: int
    stored: int
    merged: int
    dropped: dict[str, int]
    in_flight: int
    stretches: list[DroppedStretch]

    def with_pending(self) -> KeyLedger:
        """Return it with one more point in flight."""
        return replace(self, accepted=self.accepted + 1, in_flight=self.in_flight + 1)


@dataclass(frozen=True)
class RunLedger(Entity):
    """What became of all points that a run accepted, by key."""

    run_id: str
    keys: list[KeyLedger]

    @property
    def accepted(self) -> int:
        """Points that logging calls took."""
        return sum(of_key.accepted for of_key in self.keys)

    @property
    def stored(self) -> int:
        """Points that are in the journal or in a segment."""
        return sum(of_key.stored for of_key in self.keys)

    @property
    def merged(self) -> int:
        """Points that are in the aggregates of stored ones."""
        return sum(of_key.merged for of_key in self.keys)

    @property
    def dropped(self) -> int:
        """Points that nothing is kept of but their summary."""
        return sum(sum(of_key.dropped.values()) for of_key in self.keys)

    @property
    def in_flight(self) -> int:
        """Points that will be stored or counted with the next ones."""
        return sum(of_key.in_flight for of_key in self.keys)


class PagedList(list[T], Generic[T]):
    """One page of a listing; `token` leads to the next page and is None at the end."""

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> list[T]:
        """Return a plain list."""
        return list(self)
