"""Registry of a server: registered models and their versions, under the names that a local catalog has them by.

What MLflow's clients can ask is asked as they do; what they cannot is a native call. What changes something is sent
once: each try that arrives is an event, and one that comes late would undo what another user has said meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from runlake.entities import ChainHead, ModelVersion, PagedList, RegisteredModel, RegistryEvent
from runlake.errors import NotFound
from runlake.promotion import Approval, CheckResult, Gate
from runlake.remote.address import JSON

if TYPE_CHECKING:
    from runlake.catalog import NewVersion, Stamp
    from runlake.remote.store import RemoteStore

_MODELS: Final = "registered-models"
_VERSIONS: Final = "model-versions"


class RemoteRegistry:
    """What a server knows of registered models. It says itself who did what, and when."""

    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    # -- registered models

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, str], description: str | None, stamp: Stamp
    ) -> RegisteredModel:
        """Create a registered model without versions."""
        fields = {"name": name, "tags": _pairs(tags), "description": description}
        return _model(self._write("POST", f"{_MODELS}/create", fields)["registered_model"])

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model."""
        return _model(self._read(f"{_MODELS}/get", {"name": name})["registered_model"])

    def rename_registered_model(self, name: str, new_name: str, stamp: Stamp) -> RegisteredModel:
        """Give a registered model another name."""
        return _model(
            self._write("POST", f"{_MODELS}/rename", {"name": name, "new_name": new_name})["registered_model"]
        )

    def update_registered_model(self, name: str, description: str | None, stamp: Stamp) -> RegisteredModel:
        """Give a registered model another description."""
        fields = {"name": name, "description": description}
        return _model(self._write("PATCH", f"{_MODELS}/update", fields)["registered_model"])

    def delete_registered_model(self, name: str, stamp: Stamp) -> None:
        """Remove a registered model with all of its versions."""
        self._write("DELETE", f"{_MODELS}/delete", {"name": name})

    def set_registered_model_tag(self, name: str, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag of a registered model."""
        self._write("POST", f"{_MODELS}/set-tag", {"name": name, "key": key, "value": value})

    def delete_registered_model_tag(self, name: str, key: str, stamp: Stamp) -> None:
        """Remove a tag of a registered model."""
        self._write("DELETE", f"{_MODELS}/delete-tag", {"name": name, "key": key})

    def search_registered_models(
        self, filter_string: str | None, size: int, order_by: Sequence[str] | None, page_token: str | None
    ) -> PagedList[RegisteredModel]:
        """Return one page of registered models."""
        said = self._read(f"{_MODELS}/search", _search(filter_string, size, order_by, page_token))
        return PagedList(map(_model, said.get("registered_models", ())), said.get("next_page_token"))

    # -- versions

    def create_version(self, new: NewVersion, stamp: Stamp) -> ModelVersion:
        """Add the next version to a registered model."""
        fields = {"name": new.name, "source": new.source, "run_id": new.run_id, "model_id": new.model_id}
        fields |= {"run_link": new.run_link, "description": new.description}
        return _version(
            self._write("POST", f"{_VERSIONS}/create", {**fields, "tags": _pairs(new.tags)})["model_version"]
        )

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Return a version."""
        return _version(self._read(f"{_VERSIONS}/get", {"name": name, "version": str(version)})["model_version"])

    def version_storage(self, name: str, version: int) -> str:
        """Return the URI of the files of a version."""
        return str(self._read(f"{_VERSIONS}/get-download-uri", {"name": name, "version": version})["artifact_uri"])

    def update_version(self, name: str, version: int, description: str | None, stamp: Stamp) -> ModelVersion:
        """Give a version another description."""
        fields = {"name": name, "version": str(version), "description": description}
        return _version(self._write("PATCH", f"{_VERSIONS}/update", fields)["model_version"])

    def delete_version(self, name: str, version: int, stamp: Stamp) -> None:
        """Remove a version."""
        self._write("DELETE", f"{_VERSIONS}/delete", {"name": name, "version": str(version)})

    def set_version_tag(self, name: str, version: int, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag of a version."""
        fields = {"name": name, "version": str(version), "key": key, "value": value}
        self._write("POST", f"{_VERSIONS}/set-tag", fields)

    def delete_version_tag(self, name: str, version: int, key: str, stamp: Stamp) -> None:
        """Remove a tag of a version."""
        self._write("DELETE", f"{_VERSIONS}/delete-tag", {"name": name, "version": str(version), "key": key})

    def search_model_versions(
        self, filter_string: str | None, size: int, order_by: Sequence[str] | None, page_token: str | None
    ) -> PagedList[ModelVersion]:
        """Return one page of versions."""
        said = self._read(f"{_VERSIONS}/search", _search(filter_string, size, order_by, page_token))
        return PagedList(map(_version, said.get("model_versions", ())), said.get("next_page_token"))

    # -- aliases

    def delete_alias(self, name: str, alias: str, stamp: Stamp) -> None:
        """Remove an alias."""
        self._write("DELETE", f"{_MODELS}/alias", {"name": name, "alias": alias})

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias means."""
        return _version(self._read(f"{_MODELS}/alias", {"name": name, "alias": alias})["model_version"])

    # -- gates

    def put_gate(self, gate: Gate, reference: str | None, stamp: Stamp) -> Gate:
        """Set the gate of a target."""
        del reference  # the server reads it in the rule
        rules = {name: value for name, value in gate if name != "set_ms"}
        made: Gate = self._store.call("set_gate", {**rules, "user_id": stamp.user_id}, repeatable=False)
        return made

    def gates(self, name: str) -> list[Gate]:
        """Return the gates of a model."""
        found: list[Gate] = self._store.call("get_gates", {"name": name})
        return found

    def delete_gate(self, name: str, target: str, stamp: Stamp) -> None:
        """Remove the gate of a target."""
        fields = {"name": name, "target": target, "user_id": stamp.user_id}
        self._store.call("delete_gate", fields, repeatable=False)

    def approve(self, approval: Approval) -> Approval:
        """Keep an approval."""
        fields = {"name": approval.name, "version": approval.version, "target": approval.target}
        fields |= {"comment": approval.comment, "user_id": approval.user_id}
        kept: Approval = self._store.call("approve_version", fields, repeatable=False)
        return kept

    def post_check(self, result: CheckResult) -> CheckResult:
        """Keep the result of a check."""
        fields = {"name": result.name, "version": result.version, "check": result.check, "passed": result.passed}
        fields |= {"details": result.details, "user_id": result.user_id}
        kept: CheckResult = self._store.call("post_check", fields, repeatable=False)
        return kept

    def approvals(self, name: str, version: int) -> list[Approval]:
        """Return the approvals of a version."""
        found: list[Approval] = self._store.call("get_approvals", {"name": name, "version": version})
        return found

    def checks(self, name: str, version: int) -> list[CheckResult]:
        """Return the latest result of each check of a version."""
        found: list[CheckResult] = self._store.call("get_checks", {"name": name, "version": version})
        return found

    # -- events

    def registry_events(self, name: str | None = None, *, after: int = 0, limit: int = 1000) -> list[RegistryEvent]:
        """Return events: those of a model that there is to who may read it, all others to administrators."""
        found: list[RegistryEvent]
        if name is not None:
            try:
                found = self._store.call("model_events", {"name": name, "after": after, "limit": limit})
            except NotFound:
                pass
            else:
                return found
        found = self._store.call("registry_events", {"name": name, "after": after, "limit": limit})
        return found

    def verify_registry_events(self) -> ChainHead:
        """Check every event against the chain, and return where it ends."""
        head: ChainHead = self._store.call("verify_registry_events", {})
        return head

    # -- within

    def _read(self, path: str, fields: Mapping[str, Any]) -> Any:
        given = {name: value for name, value in fields.items() if value is not None}
        return self._store.send_mlflow("GET", path, query=given)

    def _write(self, method: str, path: str, fields: Mapping[str, Any]) -> Any:
        """Send what changes something."""
        given = {name: value for name, value in fields.items() if value is not None}
        return self._store.send_mlflow(method, path, json.dumps(given).encode(), kind=JSON, repeatable=False)


def _search(
    filter_string: str | None, size: int, order_by: Sequence[str] | None, page_token: str | None
) -> dict[str, Any]:
    return {"filter": filter_string, "max_results": size, "order_by": order_by, "page_token": page_token}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _tags(said: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in said.get("tags", ())}


def _version(said: Mapping[str, Any]) -> ModelVersion:
    known = ("name", "creation_timestamp", "last_updated_timestamp", "user_id", "current_stage")
    fields = {name: said[name] for name in (*known, "source", "status", "status_message") if name in said}
    # "" is none
    fields |= {name: said.get(name) or None for name in ("run_id", "run_link", "model_id", "description")}
    return ModelVersion(version=int(said["version"]), tags=_tags(said), aliases=list(said.get("aliases", ())), **fields)


def _model(said: Mapping[str, Any]) -> RegisteredModel:
    known = ("name", "creation_timestamp", "last_updated_timestamp", "description")
    fields = {name: said[name] for name in known if name in said}
    latest = [_version(version) for version in said.get("latest_versions", ())]
    aliases = {alias["alias"]: int(alias["version"]) for alias in said.get("aliases", ())}
    return RegisteredModel(latest_versions=latest, tags=_tags(said), aliases=aliases, **fields)
