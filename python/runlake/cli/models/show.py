"""`runlake models show` and `signature`: what the manifest of a model says."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from runlake import location, logged_models
from runlake.cli import output
from runlake.cli.described import aliases_of, described
from runlake.cli.models.places import in_force
from runlake.cli.options import example, folder_of, json_option, store_option
from runlake.cli.registry.searching import versions
from runlake.entities import LoggedModel, ModelVersion
from runlake.errors import NotFound, RunlakeError, StoreUnavailable
from runlake.models import locating
from runlake.models.environment import Environment
from runlake.models.environment_files import lock_hash
from runlake.models.manifest import Model
from runlake.models.signature_rows import SIGNATURE, signature_of, signature_rows
from runlake.remote.address import is_address
from runlake.stores import AnyStore, store_at

_VERSIONS: Final = ("name", "version", "stage", "aliases")


@click.command(
    short_help="Show what the manifest of a model says.", epilog=example("runlake models show models:/churn@champion")
)
@click.argument("model_uri", metavar="MODEL")
@store_option
@json_option
def show(model_uri: str, store: str | None, as_json: bool) -> None:
    """Show flavors, signature, example, environment, size and registered versions of MODEL.

    Of a model on a server only the files that say so are fetched.
    """
    in_force(store, model_uri)
    said = _read(model_uri)
    if as_json:
        output.json(_as_json(said))
    else:
        _print(said)


@click.command(
    short_help="Show the signature of a model.", epilog=example("runlake models signature runs:/RUN/model --json")
)
@click.argument("model_uri", metavar="MODEL")
@store_option
@json_option
@click.pass_context
def signature(context: click.Context, model_uri: str, store: str | None, as_json: bool) -> None:
    """Show the signature of MODEL: the columns or tensors that it takes and gives, and its parameters.

    The exit status is 1 when it has none.
    """
    in_force(store, model_uri)
    with tempfile.TemporaryDirectory(prefix="runlake-show-") as place:
        found = Model.load(locating.describe(model_uri, Path(place))).signature
    if as_json:
        output.json(None if found is None else signature_of(found))
    elif found is not None:
        output.table(SIGNATURE, signature_rows(found))
    if found is None:
        output.message(f"the model {model_uri} has no signature")
        context.exit(1)


@dataclass(frozen=True)
class _Said:
    """What is said of a model, by its files and by the store."""

    model_uri: str
    manifest: Model
    environment: Environment | None
    lock_hash: str | None
    logged: LoggedModel | None
    versions: list[ModelVersion]


def _read(model_uri: str) -> _Said:
    with tempfile.TemporaryDirectory(prefix="runlake-show-") as place:
        folder = locating.describe(model_uri, Path(place))
        manifest, environment, hashed = Model.load(folder), _environment(folder), lock_hash(folder)
    store = _store()
    return _Said(model_uri, manifest, environment, hashed, _logged(store, manifest), _registered(store, manifest))


def _environment(folder: Path) -> Environment | None:
    """Read the environment of a model; None when it says nothing, and what is damaged is said."""
    try:
        return Environment.read(folder)
    except NotFound:
        return None
    except RunlakeError as error:
        output.message(f"warning: {error.message}")
        return None


def _store() -> AnyStore | None:
    """Return the store in force; None when there is none, which a model in a folder does without."""
    with contextlib.suppress(StoreUnavailable):
        if not is_address(location.resolved()):
            folder_of(None)
        return store_at()
    return None


def _logged(store: AnyStore | None, manifest: Model) -> LoggedModel | None:
    """Return the logged model that a manifest is of; None when it is of another store."""
    with contextlib.suppress(NotFound):
        if store is not None and manifest.model_id is not None:
            return logged_models.get_logged_model(store, manifest.model_id)
    return None


def _registered(store: AnyStore | None, manifest: Model) -> list[ModelVersion]:
    """Return the versions that come of a model."""
    if store is None:
        return []
    if manifest.model_id is not None:
        return versions(store, f"model_id = '{manifest.model_id}'", 0)[0]
    if manifest.run_id is None or manifest.artifact_path is None:
        return []
    source = f"runs:/{manifest.run_id}/{manifest.artifact_path}"
    return [found for found in versions(store, f"run_id = '{manifest.run_id}'", 0)[0] if found.source == source]


# -- for JSON


def _as_json(said: _Said) -> dict[str, Any]:
    environment = said.environment
    signature = said.manifest.signature
    return {
        "model": said.model_uri,
        "manifest": {name: value for name, value in said.manifest.to_dict().items() if name != "signature"},
        "signature": None if signature is None else signature_of(signature),
        "environment": None if environment is None else _environment_as_json(environment, said.lock_hash),
        "logged_model": None if said.logged is None else described(said.logged),
        "versions": [described(version) for version in said.versions],
    }


def _environment_as_json(environment: Environment, hashed: str | None) -> dict[str, Any]:
    listed = {name: list(getattr(environment, name)) for name in ("requirements", "constraints", "build")}
    return {"python": environment.python, **listed, "lock_hash": hashed, "unpinned": list(environment.unpinned)}


# -- for people


def _print(said: _Said) -> None:
    output.pairs(_about(said))
    output.heading("flavors")
    output.table(("flavor", "version", "loaded by"), [_flavor(*one) for one in sorted(said.manifest.flavors.items())])
    output.heading("signature")
    if said.manifest.signature is None:
        output.line("the model has none")
    else:
        output.table(SIGNATURE, signature_rows(said.manifest.signature))
    if said.environment is not None:
        output.heading("environment")
        output.pairs(_requirements(said.environment, said.lock_hash))
    if said.versions:
        output.heading("registered as")
        output.table(_VERSIONS, [_row(version) for version in said.versions])


def _about(said: _Said) -> dict[str, Any]:
    manifest, logged = said.manifest, said.logged
    example, size = manifest.saved_input_example_info or {}, manifest.model_size_bytes
    about = {
        "model": said.model_uri,
        "name": manifest.artifact_path if logged is None else logged.name,
        "status": None if logged is None else logged.status,
        "model_id": manifest.model_id,
        "run_id": manifest.run_id,
        "made": manifest.utc_time_created,
        "size": None if size is None else output.size(size),
        "example": example.get("type", "none"),
        "mlflow_version": manifest.mlflow_version,
    }
    metadata = {f"metadata.{key}": str(value) for key, value in (manifest.metadata or {}).items()}
    return {**{name: value for name, value in about.items() if value is not None}, **metadata}


def _flavor(name: str, keys: Mapping[str, Any]) -> tuple[Any, ...]:
    version = next((value for key, value in keys.items() if key.endswith("_version") and key != "python_version"), None)
    return name, version or keys.get("python_version"), keys.get("loader_module")


def _requirements(environment: Environment, hashed: str | None) -> dict[str, Any]:
    found = {"python": environment.python, "requirements": ", ".join(environment.requirements)}
    if environment.unpinned:
        found["not pinned"] = ", ".join(environment.unpinned)
    return found if hashed is None else {**found, "lock_hash": hashed}


def _row(version: ModelVersion) -> tuple[Any, ...]:
    return version.name, version.version, version.current_stage, aliases_of(version)
