"""Methods of MlflowClient on the registry, with MLflow's names and signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runlake import config
from runlake.model_uris import STAGES
from runlake.registry import operations

if TYPE_CHECKING:
    from runlake.entities import ModelVersion, PagedList, RegisteredModel
    from runlake.stores import AnyStore

_ALL_STAGES: Final = list(STAGES)


class RegistryMethods:
    """Registered models and their versions in one store. What is changed here is changed by the user of the process."""

    @property
    def _registry(self) -> AnyStore:
        """The store whose registry it is, opened when it is asked for."""
        raise NotImplementedError

    # -- registered models

    def create_registered_model(
        self,
        name: str,
        tags: dict[str, Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a registered model without versions.

        Args:
            deployment_job_id: Accepted; there are no deployment jobs.

        Raises:
            AlreadyExists: one has that name.
            InvalidInput: the name looks like that of another, or it or a tag is not legal.
        """
        return operations.create_registered_model(self._registry, name, tags, description, user_id=_user())

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model with the latest version of each stage.

        Raises:
            NotFound: none has that name.
        """
        return operations.get_registered_model(self._registry, name)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name; versions, aliases and gates go with it.

        Raises:
            AlreadyExists: one has the new name.
        """
        return operations.rename_registered_model(self._registry, name, new_name, user_id=_user())

    def update_registered_model(
        self, name: str, description: str | None = None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Give a registered model another description."""
        return operations.update_registered_model(self._registry, name, description, user_id=_user())

    def delete_registered_model(self, name: str) -> None:
        """Remove a registered model with all of its versions; what was done to it stays in the log."""
        operations.delete_registered_model(self._registry, name, user_id=_user())

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of the registered models that a filter selects, by name; `token` leads on.

        Raises:
            InvalidInput: the filter or the order cannot be read, or `max_results` is above 1,000.
        """
        return operations.search_registered_models(self._registry, filter_string, max_results, order_by, page_token)

    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """Return the highest version in each of some stages, or in every one."""
        return operations.get_latest_versions(self._registry, name, stages)

    def set_registered_model_tag(self, name, key, value) -> None:  # type: ignore[no-untyped-def]
        """Set a tag of a registered model to `str(value)`."""
        operations.set_registered_model_tag(self._registry, name, key, value, user_id=_user())

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a registered model; nothing happens when there is none."""
        operations.delete_registered_model_tag(self._registry, name, key, user_id=_user())

    # -- versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: dict[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int = 300,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Add the next version to a registered model; it is ready when this returns.

        Args:
            source: `runs:/<run id>/<path>`, `models:/<model id>`, `models:/<name>/<version>`, a path or URI of an
                artifact of the run or the logged model that is named with it, or a URI of an object store.
            await_creation_for: Accepted; there is nothing to wait for.

        Raises:
            NotFound: no registered model has that name.
            InvalidInput: the source is not of the run or the model that is named with it.
        """
        return operations.create_model_version(
            *(self._registry, name, source, run_id, tags, run_link, description, model_id), user_id=_user()
        )

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Add a version to a registered model, made if need be, with the files, run, tags and text of another.

        Args:
            src_model_uri: `models:/<name>/<version>`, or by stage or alias.
        """
        return operations.copy_model_version(self._registry, src_model_uri, dst_name, user_id=_user())

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Return a version.

        Raises:
            NotFound: there is none.
        """
        return operations.get_model_version(self._registry, name, version)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return where the files of a version are: a path on this machine, or a URI for those that are elsewhere."""
        return operations.download_uri(self._registry, name, version)

    def get_model_version_stages(self, name: str, version: str) -> list[str]:
        """Return the stages that there are."""
        return list(_ALL_STAGES)

    def update_model_version(self, name: str, version: str, description: str | None = None) -> ModelVersion:
        """Give a version another description."""
        return operations.update_model_version(self._registry, name, version, description, user_id=_user())

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Move a version to a stage.

        Args:
            archive_existing_versions: Move those that are there to Archived, in the same transaction.
        """
        return operations.transition_model_version_stage(
            self._registry, name, version, stage, archive_existing_versions, user_id=_user()
        )

    def delete_model_version(self, name: str, version: str) -> None:
        """Remove a version and the aliases that mean it; its number is not used again."""
        operations.delete_model_version(self._registry, name, version, user_id=_user())

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of the versions that a filter selects, what changed last first; `token` leads on.

        Raises:
            InvalidInput: the filter or the order cannot be read, or `max_results` is above 200,000.
        """
        return operations.search_model_versions(self._registry, filter_string, max_results, order_by, page_token)

    def set_model_version_tag(
        self,
        name: str,
        version: str | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, given by number or as the latest in a stage, to `str(value)`."""
        number = operations.version_of(self._registry, name, version, stage)
        operations.set_model_version_tag(self._registry, name, number, str(key or ""), value, user_id=_user())

    def delete_model_version_tag(
        self, name: str, version: str | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Remove a tag of a version, given by number or as the latest in a stage."""
        number = operations.version_of(self._registry, name, version, stage)
        operations.delete_model_version_tag(self._registry, name, number, str(key or ""), user_id=_user())

    # -- aliases

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias mean a version, at once and for everybody."""
        operations.set_registered_model_alias(self._registry, name, alias, version, user_id=_user())

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; nothing happens when there is none."""
        operations.delete_registered_model_alias(self._registry, name, alias, user_id=_user())

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias means; `latest` is the highest one, whatever its stage.

        Raises:
            InvalidInput: there is no such alias.
        """
        return operations.get_model_version_by_alias(self._registry, name, alias)


def _user() -> str:
    return config.os_user()
