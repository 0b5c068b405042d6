"""Methods of MlflowClient on logged models, with MLflow's names and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runlake import logged_models, run_files
from runlake.errors import InvalidInput

if TYPE_CHECKING:
    from runlake.artifacts import Contents
    from runlake.entities import FileInfo, LoggedModel, LoggedModelOutput, PagedList
    from runlake.query.logged_models import ModelOrder
    from runlake.stores import AnyStore

_A_PAGE = 100


class LoggedModelMethods:
    """Logged models of one store: made PENDING, given files, and then READY or FAILED."""

    @property
    def _store(self) -> AnyStore:
        """The store, opened when it is asked for."""
        raise NotImplementedError

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a PENDING logged model; without a name it gets a random one."""
        return logged_models.create_logged_model(
            *(self._store, experiment_id, name, source_run_id, tags, params, model_type)
        )

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say that a logged model is READY, or that making it has FAILED."""
        return logged_models.finalize_logged_model(self._store, model_id, str(getattr(status, "value", status)))

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Return a logged model with its parameters, tags and latest metrics.

        Raises:
            NotFound: there is none with that id.
        """
        return logged_models.get_logged_model(self._store, _checked(model_id))

    def delete_logged_model(self, model_id: str) -> None:
        """Mark a logged model deleted; once more is no mistake."""
        logged_models.delete_logged_model(self._store, _checked(model_id))

    def set_logged_model_tags(self, model_id: str, tags: dict[str, Any]) -> None:
        """Set tags of a logged model to texts of these values."""
        logged_models.set_logged_model_tags(self._store, _checked(model_id), tags)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Remove a tag of a logged model.

        Raises:
            NotFound: it has no such tag.
        """
        logged_models.delete_logged_model_tag(self._store, _checked(model_id), key)

    def log_model_params(self, model_id: str, params: dict[str, str]) -> None:
        """Set parameters of a logged model, all or none; like those of a run they are written once."""
        logged_models.log_model_params(self._store, _checked(model_id), params)

    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        """Record logged models that a run wrote, each at its step."""
        logged_models.log_outputs(self._store, run_id, models)

    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        datasets: list[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: list[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Return one page of the logged models that a filter selects, newest first unless `order_by` says otherwise.

        Args:
            datasets: `{"dataset_name": ..., "dataset_digest": ...}`: metrics of the filter are those on one of these.
            max_results: None is 100.
            order_by: `{"field_name": "metrics.accuracy", "ascending": False}`, also with `dataset_name` and
                `dataset_digest`.

        Raises:
            InvalidInput: the filter, an order or the token cannot be read.
        """
        return logged_models.search_logged_models(
            *(self._store, [str(experiment_id) for experiment_id in experiment_ids], filter_string),
            [_dataset(choice) for choice in datasets or ()],
            _A_PAGE if max_results is None else max_results,
            [_order(field) for field in order_by or ()],
            page_token,
        )

    # -- files

    def log_model_artifact(self, model_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Copy a file, or a folder with its name, into the folder `artifact_path` of a logged model."""
        self._files(model_id).log_file(local_path, artifact_path)

    def log_model_artifacts(self, model_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Copy what is in a local folder into the folder `artifact_path` of a logged model."""
        self._files(model_id).log_dir(local_dir, artifact_path)

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """List what is directly in a folder of a logged model, sorted by path."""
        return self._files(model_id).list(path)

    def _files(self, model_id: str) -> Contents:
        return run_files.model_artifacts(self._store, self.get_logged_model(model_id))


def _checked(model_id: object) -> str:
    if not isinstance(model_id, str) or not model_id:
        raise InvalidInput(f"model_id is {model_id!r}; it must be the id of a logged model")
    return model_id


def _dataset(choice: Mapping[str, Any]) -> tuple[str, str | None]:
    name = choice.get("dataset_name") if isinstance(choice, Mapping) else None
    if not name:
        raise InvalidInput(f"a data set is a dictionary with a dataset_name, not {choice!r}")
    return str(name), choice.get("dataset_digest") or None


def _order(field: Mapping[str, Any]) -> ModelOrder:
    from runlake.query.logged_models import ModelOrder

    if not isinstance(field, Mapping) or not isinstance(field.get("field_name"), str):
        raise InvalidInput(
            f"an order is a dictionary with a field_name, not {field!r}",
            hint="order_by=[{'field_name': 'metrics.accuracy', 'ascending': False}]",
        )
    on = _dataset(field) if field.get("dataset_name") else None
    return ModelOrder(field["field_name"], bool(field.get("ascending", True)), on)
