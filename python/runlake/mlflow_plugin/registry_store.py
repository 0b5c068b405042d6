"""Registry store: MLflow's package on the registered models of a store of this process."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from mlflow.store.entities import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore

from runlake import config
from runlake import entities as ours
from runlake.location import store_root
from runlake.mlflow_plugin import entities, sources
from runlake.mlflow_plugin.errors import answered
from runlake.registry import operations as registry
from runlake.store import Store, get_store

_MODELS_PAGE = 100
_VERSIONS_PAGE = 10_000


class RegistryStore(AbstractStore):
    """The registered models of one folder, which is opened by the first call. Every call raises what goes wrong.

    Args:
        store_uri: `runlake:///absolute/path`.
        tracking_uri: Where runs are; that is the same store.
    """

    def __init__(self, store_uri: str, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._locations: dict[str, str] = {}
        with answered():
            self._root = store_root(store_uri)

    @property
    def _store(self) -> Store:
        return get_store(self._root)

    @property
    def _user(self) -> str:
        """Whose changes these are, for the registry's record of events."""
        return config.os_user()

    # -- registered models

    def create_registered_model(
        self,
        name: str,
        tags: Sequence[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a registered model without versions."""
        with answered():
            store = get_store(self._root, renew=True)
            return self._model(
                registry.create_registered_model(store, name, _texts(tags), description, user_id=self._user)
            )

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model."""
        with answered():
            return self._model(registry.get_registered_model(self._store, name))

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Give a registered model another description."""
        with answered():
            return self._model(registry.update_registered_model(self._store, name, description, user_id=self._user))

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; its versions and aliases go with it."""
        with answered():
            return self._model(registry.rename_registered_model(self._store, name, new_name, user_id=self._user))

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with all of its versions."""
        with answered():
            registry.delete_registered_model(self._store, name, user_id=self._user)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of the registered models that a filter selects."""
        size = _MODELS_PAGE if max_results is None else max_results
        with answered():
            page = registry.search_registered_models(self._store, filter_string, size, order_by, page_token)
            return entities.page(map(self._model, page), page.token)

    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """Return the highest version in each of some stages, or in every one."""
        with answered():
            return [self._version(found) for found in registry.get_latest_versions(self._store, name, stages)]

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """Set a tag of a registered model."""
        with answered():
            registry.set_registered_model_tag(self._store, name, tag.key, tag.value, user_id=self._user)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model."""
        with answered():
            registry.delete_registered_model_tag(self._store, name, key, user_id=self._user)

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Add the next version to a registered model.

        Args:
            source: Below the artifacts of the run or the logged model, or another version.
        """
        with answered():
            kept = sources.to_keep(self._store, source, run_id, model_id)
            texts = _texts(tags)
            made = registry.create_model_version(
                self._store, name, kept, run_id, texts, run_link, description, model_id, user_id=self._user
            )
            return self._version(made)

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Return a version."""
        with answered():
            return self._version(registry.get_model_version(self._store, name, version))

    def update_model_version(self, name: str, version: str, description: str | None = None) -> ModelVersion:
        """Give a version another description."""
        with answered():
            return self._version(
                registry.update_model_version(self._store, name, version, description, user_id=self._user)
            )

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Move a version to a stage, and with `archive_existing_versions` those that are there to Archived."""
        with answered():
            return self._version(
                registry.transition_model_version_stage(
                    self._store, name, version, stage, archive_existing_versions, user_id=self._user
                )
            )

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that mean it."""
        with answered():
            registry.delete_model_version(self._store, name, version, user_id=self._user)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return where the files of a version are."""
        with answered():
            number = registry.get_model_version(self._store, name, version).version
            kept = self._store.catalog.version_storage(name, number)
            return str(sources.to_open(self._store, kept, self._locations))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of the versions that a filter selects."""
        size = _VERSIONS_PAGE if max_results is None else max_results
        with answered():
            page = registry.search_model_versions(self._store, filter_string, size, order_by, page_token)
            return entities.page(map(self._version, page), page.token)

    def set_model_version_tag(self, name: str, version: str, tag: ModelVersionTag) -> None:
        """Set a tag of a version."""
        with answered():
            registry.set_model_version_tag(self._store, name, version, tag.key, tag.value, user_id=self._user)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Remove a tag of a version."""
        with answered():
            registry.delete_model_version_tag(self._store, name, version, key, user_id=self._user)

    # -- aliases

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias mean a version, at once and for everybody."""
        with answered():
            registry.set_registered_model_alias(self._store, name, alias, version, user_id=self._user)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias."""
        with answered():
            registry.delete_registered_model_alias(self._store, name, alias, user_id=self._user)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias means."""
        with answered():
            return self._version(registry.get_model_version_by_alias(self._store, name, alias))

    # -- within

    def _model(self, found: ours.RegisteredModel) -> RegisteredModel:
        return entities.registered_model(found, self._version)

    def _version(self, found: ours.ModelVersion) -> ModelVersion:
        return entities.model_version(found, sources.to_open(self._store, found.source, self._locations))


def _texts(tags: Sequence[RegisteredModelTag | ModelVersionTag] | None) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags or ()}
