"""Logged models: a model saved as a model of an experiment, tied to the run that made it, and registered if asked.

A model is READY when all of it is there. When anything goes wrong before, it is FAILED and has no files.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake import guard, logged_models, recording, run_files
from runlake.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, ModelMetric, Run
from runlake.errors import AlreadyExists, InvalidInput, InvalidType
from runlake.fluent import active
from runlake.fluent.experiments import active_experiment_id
from runlake.fluent.place import as_spool
from runlake.models import code, registering, saving
from runlake.models.flavors import Flavor
from runlake.models.info import ModelInfo, model_info
from runlake.models.manifest import Model
from runlake.nested_params import flatten
from runlake.provenance import standard_tags
from runlake.stores import AnyStore, store_at

if TYPE_CHECKING:
    from types import ModuleType

AWAIT_S: Final = registering.AWAIT_S
_ORIGIN: Final = "mlflow."
_last_id: str | None = None

Save = Callable[[Path, Model], object]
"""Saves a model into a folder that is not there yet, and fills in its manifest."""


def log(
    flavor: Flavor,
    model: Any,
    *,
    name: str | None = None,
    artifact_path: str | None = None,
    registered_model_name: str | None = None,
    await_registration_for: int | None = AWAIT_S,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
    run_id: str | None = None,
    **options: Any,
) -> ModelInfo:
    """Save a model as a logged model of the active run, or, as MLflow does, of no run when none is active.

    Args:
        name: Of the model; `artifact_path` is MLflow's older word for it. None is a random one.
        registered_model_name: Register it as the next version of that model, which is made if it is not there.
        params: Parameters of the model, besides those of the run.
        tags: Of the model, and of the version.
        step: Of the run; the metrics that it logged at this step are the model's.
        model_id: A logged model that was made before and has no files yet; None makes one.
        run_id: None is the active run.
        options: What `saving.save` and the flavor take.

    Raises:
        InvalidInput: the model cannot be saved, or rejects its example.
        AlreadyExists: the logged model `model_id` has files.
        StoreError: the store cannot be written to.
    """

    def save(folder: Path, manifest: Model) -> None:
        saving.save(folder, flavor, model, mlflow_model=manifest, **options)

    about = _About(_one_name(name, artifact_path), params or {}, tags or {}, model_type, step, model_id)
    about.config = options.get("model_config")
    return _log(save, Model, about, run_id, registered_model_name, await_registration_for)


def remember(model_id: str) -> None:
    """Note that this process has made a logged model, for `last_logged_model`."""
    global _last_id
    _last_id = model_id


def last_id() -> str | None:
    """Return the id of the logged model that this process made last."""
    return _last_id


def log_with_module(
    kind: type[Model],
    artifact_path: str | None,
    module: ModuleType,
    registered_model_name: str | None = None,
    await_registration_for: int | None = AWAIT_S,
    metadata: dict[str, Any] | None = None,
    run_id: str | None = None,
    resources: Any = None,
    auth_policy: Any = None,
    prompts: list[str] | None = None,
    name: str | None = None,
    model_type: str | None = None,
    params: dict[str, Any] | None = None,
    tags: dict[str, Any] | None = None,
    step: int = 0,
    model_id: str | None = None,
    **options: Any,
) -> ModelInfo:
    """Log a model that a module saves with `save_model(path=..., mlflow_model=..., ...)`, as MLflow's `Model.log`."""

    def save(folder: Path, manifest: Model) -> None:
        manifest.metadata, manifest.prompts = metadata, prompts
        manifest.resources, manifest.auth_policy = resources, auth_policy
        module.save_model(path=str(folder), mlflow_model=manifest, **options)

    about = _About(_one_name(name, artifact_path), params or {}, tags or {}, model_type, step, model_id)
    return _log(save, kind, about, run_id, registered_model_name, await_registration_for)


class _About:
    """What is said of a model besides what is in its folder."""

    def __init__(
        self,
        name: str | None,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        model_type: str | None,
        step: int,
        model_id: str | None,
    ) -> None:
        self.name = name
        self.params = params
        self.tags = tags
        self.model_type = model_type
        self.step = step
        self.model_id = model_id
        self.config: Any = None


def _one_name(name: str | None, artifact_path: str | None) -> str | None:
    if name is not None and artifact_path is not None:
        raise InvalidInput("both name and artifact_path are given; they are two words for one thing")
    return name if name is not None else artifact_path


def _log(
    save: Save,
    kind: type[Model],
    about: _About,
    run_id: str | None,
    registered_model_name: str | None,
    await_registration_for: int | None,
) -> ModelInfo:
    store, run = _place(run_id)
    if not isinstance(about.step, int) or isinstance(about.step, bool):
        raise InvalidType(f"step is {about.step!r}; it must be a whole number")
    if registered_model_name is not None:
        registering.check_name(registered_model_name)
        registering.check_registry()
    logged = _made(store, run, about)
    remember(logged.model_id)
    manifest = kind(
        artifact_path=logged.artifact_location,
        run_id=None if run is None else run.info.run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    with _finishing(store, logged):
        if run is not None:
            _tie(store, run, logged, about.step)
        with tempfile.TemporaryDirectory(prefix="runlake-model-") as place:
            folder = Path(place) / "model"
            save(folder, manifest)
            run_files.model_artifacts(store, logged).log_dir(folder)
    if run is not None and about.config is not None:
        _log_config(store, run.info.run_id, about.config)
    info = model_info(manifest, logged_models.get_logged_model(store, logged.model_id))
    if registered_model_name is None:
        return info
    version = registering.register(
        store, info.model_uri, registered_model_name, await_registration_for, tags=about.tags
    )
    return replace(info, registered_model_version=version.version)


def _place(run_id: str | None) -> tuple[AnyStore, Run | None]:
    """Return where the model goes, and the run that it is of: that of an id, else the active one, else none."""
    started = active.top()
    if run_id is None and started is None:
        return store_at(renew=True), None
    if started is None or (run_id is not None and run_id != started.id):
        store = store_at()
    else:
        store = store_at() if as_spool(started.store) is not None else started.store
        run_id = started.id
    return store, store.get_run(str(run_id))


def _made(store: AnyStore, run: Run | None, about: _About) -> LoggedModel:
    if about.model_id is not None:
        made = logged_models.get_logged_model(store, about.model_id)
        if run_files.model_artifacts(store, made).list():  # which a failure would remove
            raise AlreadyExists(
                f"the logged model {made.model_id} has its files already", hint="without model_id another one is made"
            )
        return made
    origin = standard_tags() if run is None else run.data.tags
    return logged_models.create_logged_model(
        store,
        active_experiment_id(store) if run is None else run.info.experiment_id,
        about.name,
        None if run is None else run.info.run_id,
        {**{key: value for key, value in origin.items() if tells_origin(key)}, **about.tags},
        {**about.params, **({} if run is None else run.data.params)},
        about.model_type,
    )


def tells_origin(key: str) -> bool:
    """Whether a tag of a run says where its models come from, too."""
    return key == "mlflow.user" or (key.startswith("mlflow.source.") and not key.endswith(".diff"))


def _tie(store: AnyStore, run: Run, logged: LoggedModel, step: int) -> None:
    """Note in the run that it wrote the model, and for the model what the run has measured at its step."""
    run_id = run.info.run_id
    logged_models.log_outputs(store, run_id, [LoggedModelOutput(logged.model_id, step)])
    if run.data.metrics:
        points = store.reads.points(run_id).filter(step=step).select("key", "value", "timestamp", "step").collect()
        metrics = [
            ModelMetric(key, value, timestamp, at, model_id=logged.model_id)
            for key, value, timestamp, at in points.rows()
        ]
        if metrics:
            logged_models.log_model_metrics(store, run_id, metrics)


class _finishing(contextlib.AbstractContextManager[None]):  # noqa: N801  # reads as a statement
    """A block that writes a model: READY when it ends, FAILED and without files when it raises."""

    def __init__(self, store: AnyStore, logged: LoggedModel) -> None:
        self._store = store
        self._logged = logged

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            logged_models.finalize_logged_model(self._store, self._logged.model_id, LoggedModelStatus.READY)
            return
        for undo in (self._remove_files, self._fail):
            try:
                undo()
            except Exception as second:  # what went wrong first is what the caller has to know
                guard.note(second, "log_model")

    def _remove_files(self) -> None:
        run_files.model_artifacts(self._store, self._logged).remove()

    def _fail(self) -> None:
        logged_models.finalize_logged_model(self._store, self._logged.model_id, LoggedModelStatus.FAILED)


def _log_config(store: AnyStore, run_id: str, config: Any) -> None:
    """Log the settings of a model as parameters of its run, nested ones with slashes, as MLflow has them."""
    with guard.shielded("log_model: model_config"):
        settings = {key.replace(".", "/"): value for key, value in flatten(code.read_config(config) or {}).items()}
        recording.log_params(store, run_id, settings)
