"""Sources of versions: where the files of a registered version may come from, and where they are.

A source is of this store (`runs:/`, `models:/`, `mlflow-artifacts:/`, in a script on the store's machine also a path)
and then belongs to the run or the logged model that is named with it, or it is in one of the object stores that clients
read by themselves. The store never opens anything else than its own artifacts, whatever a source says.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from runlake import names, run_files
from runlake.catalog import PROMPT_TAG
from runlake.errors import InvalidInput, NotFound
from runlake.model_uris import ModelUri, canonical_stage, parse_models_uri, split
from runlake.remote.store import RemoteStore

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from runlake.artifacts import Contents
    from runlake.entities import ModelVersion
    from runlake.store import Store
    from runlake.stores import AnyStore

_ELSEWHERE: Final = ("s3", "gs", "wasb", "wasbs", "dbfs")
"""Schemes of storage that clients reach with their own credentials; those that name a host are refused."""

_OF_PROMPTS: Final = ("prompt-template", "dummy-source")
"""What MLflow's clients write for a source where there are no files: a prompt is in tags."""


@dataclass(frozen=True)
class Lineage:
    """A source in its final form, and what it comes from; `storage` is set when another source says where files are."""

    source: str
    run_id: str | None
    model_id: str | None
    storage: str | None = None


def resolve_source(
    store: Store,
    source: str,
    run_id: str | None,
    model_id: str | None,
    tags: Mapping[str, str],
    *,
    local: bool,
) -> Lineage:
    """Check a source, and complete what is said about where it comes from.

    Args:
        run_id: The run that the source is of; None when nothing was said.
        model_id: The logged model that it is of, likewise.
        tags: Those of the version, which tell a prompt.
        local: Whether it may be a path of this machine.

    Raises:
        InvalidInput: it is not legal, or not of the run or model that is named.
        NotFound: a `models:/` source names a version that is not there.
    """
    names.check_utf8(names.check_length(source, names.MAX_MODEL_SOURCE, "source"), "source")
    if tags.get(PROMPT_TAG, "").lower() == "true":
        if source not in _OF_PROMPTS:
            raise InvalidInput(f"Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder.")
        return Lineage(source, run_id or None, model_id or None)
    parts = _split(source, "model_id" if model_id else "run_id")
    if parts.scheme == "models":
        named = _models_uri(source)
        if named.model_id is None:
            return _of_version(store, source, named, run_id, model_id)
    source = _within_owner(store, source, parts, run_id, model_id, local=local)
    if parts.scheme == "runs" and run_id:
        return _of_run(store, source, run_id)
    if model_id and not run_id:
        run_id = store.catalog.get_logged_model(model_id).source_run_id
    elif model_id and run_id and parts.scheme not in _ELSEWHERE:
        _require_made_by(store, source, run_id, model_id)
    return Lineage(source, run_id or None, model_id or None)


def find_version(store: AnyStore, uri: ModelUri) -> ModelVersion:
    """Return the version that a `models:/` URI names by number, stage, alias or as the latest.

    Raises:
        NotFound: there is none.
    """
    name = names.check_model_name(uri.name)
    if uri.version is not None:
        return store.catalog.get_version(name, uri.version)
    if uri.alias is not None and uri.alias.lower() != "latest":
        return store.catalog.get_version_by_alias(name, names.check_alias(uri.alias))
    found = store.catalog.get_registered_model(name).latest_versions
    if uri.stage is not None:
        found = [version for version in found if version.current_stage == canonical_stage(uri.stage)]
    if not found:
        in_stage = "" if uri.stage is None else f" and stage '{uri.stage}'"
        raise NotFound(f"No versions of model with name '{name}'{in_stage} found")
    return found[-1]


def version_files(store: AnyStore, name: str, version: int) -> tuple[Contents, str]:
    """Find the files of a version: artifacts of this store, and the folder in them.

    Raises:
        NotFound: there is no such version, run or model, or the files are kept elsewhere.
    """
    source = store.catalog.version_storage(names.check_model_name(name), version)
    parts = split(source)
    pieces = [piece for piece in parts.path.split("/") if piece]
    match (parts.scheme, pieces):
        case ("models", [model_id]):
            return run_files.model_artifacts(store, store.catalog.get_logged_model(model_id)), ""
        case ("runs", [run_id, *path]):
            return run_files.artifacts(store, run_id), "/".join(path)
        case ("mlflow-artifacts", [_, "models", model_id, "artifacts", *path]):
            return run_files.model_artifacts(store, store.catalog.get_logged_model(model_id)), "/".join(path)
        case ("mlflow-artifacts", [_, run_id, "artifacts", *path]):
            return run_files.artifacts(store, run_id), "/".join(path)
        case ("" | "file", _) if not isinstance(store, RemoteStore):
            found = store.catalog.get_version(name, version)
            return _within(store, _local_path(parts), found.run_id, found.model_id)
    raise NotFound(f"the files of version {version} of {name!r} are not kept here but at {source!r}")


def _split(source: str, owner: str) -> SplitResult:
    try:
        return split(source)
    except InvalidInput:
        if _is_path(source):
            raise _not_within(source, owner) from None
        raise InvalidInput(
            f"Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp,"
            " objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references"
            " present. Please provide an absolute path."
        ) from None


def _is_path(source: str) -> bool:
    scheme, colon, _ = source.partition(":")
    return not colon or "/" in scheme or scheme.lower() == "file"


def _models_uri(source: str) -> ModelUri:
    try:
        return parse_models_uri(source)
    except InvalidInput:
        raise _not_of(source, "model_id") from None


def _of_version(store: Store, source: str, named: ModelUri, run_id: str | None, model_id: str | None) -> Lineage:
    """Take over what is known of the version that a source names, whose number is written down."""
    assert named.name is not None
    if store.catalog.get_registered_model(named.name).tags.get(PROMPT_TAG, "").lower() == "true":
        raise InvalidInput(
            f"Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
        )
    found = find_version(store, named)
    if (run_id is not None and run_id != (found.run_id or "")) or (
        model_id is not None and model_id != (found.model_id or "")
    ):
        raise InvalidInput(
            f"Invalid model version source: '{source}'. The run_id and model_id request parameters must match the"
            " referenced model version."
        )
    storage = store.catalog.version_storage(found.name, found.version)
    return Lineage(f"models:/{found.name}/{found.version}", found.run_id, found.model_id, storage)


def _of_run(store: Store, source: str, run_id: str) -> Lineage:
    """Write down which logged model a path of a run means now: one of that name may be logged again.

    Only models that the run has made in its own experiment are looked at: who may read the one may read the other.
    """
    from runlake import model_files  # which asks this module for versions

    name, _, rest = split(source).path.strip("/").removeprefix(run_id).strip("/").partition("/")
    with contextlib.suppress(NotFound, InvalidInput):
        run = store.catalog.get_run(run_id)
        if name and run_files.of_run(store, run).kind("/".join(filter(None, (name, rest)))) is None:
            made = model_files.logged_by(store, run_id, name)
            if made and (made.source_run_id, made.experiment_id) == (run_id, run.info.experiment_id):
                root = f"mlflow-artifacts:/{made.experiment_id}/models/{made.model_id}/artifacts"
                return Lineage(source, run_id, made.model_id, f"{root}/{rest}" if rest else made.model_uri)
    return Lineage(source, run_id, None)


def _require_made_by(store: Store, source: str, run_id: str, model_id: str) -> None:
    """Refuse a run that has nothing to do with a model: gates judge the version by what the run logged.

    Raises:
        InvalidInput: the run neither made the model nor has it among its outputs.
    """
    if store.catalog.get_logged_model(model_id).source_run_id == run_id:
        return
    with contextlib.suppress(NotFound, InvalidInput):
        outputs = store.catalog.get_run(run_id).outputs
        if outputs is not None and any(output.model_id == model_id for output in outputs.model_outputs):
            return
    raise _not_of(source, "run_id")


def _within_owner(
    store: Store, source: str, parts: SplitResult, run_id: str | None, model_id: str | None, *, local: bool
) -> str:
    """Return a source as every client of the store finds it.

    Raises:
        InvalidInput: it is not of the run or the model that is named with it.
    """
    owner = "model_id" if model_id else "run_id"
    pieces = tuple(unquote(piece) for piece in parts.path.split("/") if piece)
    match parts.scheme:
        case "models" if not model_id or pieces != (model_id,):
            raise _not_of(source, "model_id")
        case "runs" if model_id or parts.netloc or not run_id or pieces[:1] != (run_id,):
            raise _not_of(source, owner)
        case "models":
            _root(store, source, run_id, model_id)
        case "runs":
            pass  # the run may be another server's
        case "mlflow-artifacts":
            root = _root(store, source, run_id, model_id)
            if parts.netloc or pieces[: len(root)] != root:
                raise _not_of(source, owner)
        case "" | "file":
            return _of_local(store, source, parts, run_id, model_id, local=local)
        case scheme if scheme not in _ELSEWHERE:
            raise InvalidInput(
                f"Invalid model version source: '{source}'. The scheme '{scheme}' is not one of runs, models,"
                f" mlflow-artifacts, {', '.join(_ELSEWHERE)}."
            )
    return source


def _root(store: Store, source: str, run_id: str | None, model_id: str | None) -> tuple[str, ...]:
    """Return where the artifacts of a model or a run are, as the parts of a path of the server's proxy."""
    with contextlib.suppress(NotFound):
        if model_id:
            return store.catalog.get_logged_model(model_id).experiment_id, "models", model_id, "artifacts"
        if run_id:
            return store.catalog.get_run(run_id).info.experiment_id, run_id, "artifacts"
    raise _not_of(source, "model_id" if model_id else "run_id")


def _of_local(
    store: Store, source: str, parts: SplitResult, run_id: str | None, model_id: str | None, *, local: bool
) -> str:
    """Return the URI of a path among the artifacts of a run or a model; one that no URI can say stays a path."""
    if local and not parts.netloc and os.path.isabs(parts.path):
        with contextlib.suppress(NotFound):
            _, relative = _within(store, _local_path(parts), run_id, model_id)
            root = "/".join(_root(store, source, run_id, model_id))
            with contextlib.suppress(InvalidInput):
                uri = f"mlflow-artifacts:/{root}/{relative}".rstrip("/")
                return uri if "%" not in relative and split(uri).path.endswith(relative) else source
            return source
    raise _not_within(source, "model_id" if model_id else "run_id")


def _not_within(source: str, owner: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid model version source: '{source}'. To use a local path as a model version source, the {owner} request"
        " parameter has to be specified and the local path has to be contained within the artifact directory of the"
        f" run specified by the {owner}."
    )


def _local_path(parts: SplitResult) -> str:
    return unquote(parts.path) if parts.scheme == "file" else parts.path


def _within(store: Store, path: str, run_id: str | None, model_id: str | None) -> tuple[Contents, str]:
    """Find a path in the artifacts of a model or a run, wherever links lead.

    Raises:
        NotFound: it is not there.
    """
    artifacts: Contents
    if model_id:
        artifacts = run_files.of_model(store.catalog.get_logged_model(model_id))
    elif run_id:
        artifacts = run_files.artifacts(store, run_id)
    else:
        raise NotFound(f"{path!r} is not known to be of a run")
    root, real = os.path.realpath(artifacts.uri()), os.path.realpath(path)
    if os.path.commonpath([root, real]) != root:
        raise NotFound(f"{path!r} is not in {artifacts.uri()!r}")
    relative = os.path.relpath(real, root)
    return artifacts, "" if relative == "." else relative


def _not_of(source: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid model version source: '{source}'. The {what} request parameter must identify the resource that"
        " contains the source."
    )
