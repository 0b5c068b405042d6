"""Registering: a model that is logged becomes the next version of a registered one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Final

from runlake import config, names
from runlake.entities import ModelVersion
from runlake.errors import AlreadyExists, InvalidInput
from runlake.location import chosen_registry_uri, get_tracking_uri, resolved
from runlake.model_sources import resolve_source
from runlake.registry import operations
from runlake.store import Store
from runlake.stores import AnyStore, store_at

AWAIT_S: Final = 300
_log = logging.getLogger("runlake")


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = AWAIT_S,
    *,
    tags: Mapping[str, Any] | None = None,
    env_pack: object = None,
) -> ModelVersion:
    """Register a model as the next version of `name`, which is made if it is not there.

    Args:
        model_uri: `runs:/<run id>/<name>`, `models:/<model id>`, or the URI of a version, which is copied.
        await_registration_for: Accepted; a version is ready at once.
        tags: Of the version.
        env_pack: Accepted; environments are not packed.

    Raises:
        NotFound: there is no such model.
        InvalidInput: the name is not legal, the URI is none of this store's, or the registry in force is another's.
    """
    del env_pack
    return register(store_at(renew=True), model_uri, name, await_registration_for, tags=tags)


def register(
    store: AnyStore,
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> ModelVersion:
    """Do what `register_model` does, in a store."""
    from runlake.models import locating

    del await_registration_for
    check_name(name)
    check_registry()
    source, run_id, model_id = locating.source_of(store, model_uri)
    if isinstance(store, Store):  # a server does so itself, but only when the registered model is there
        resolve_source(store, source, run_id, model_id, dict(tags or {}), local=True)
    who = config.os_user()
    with contextlib.suppress(AlreadyExists):
        operations.create_registered_model(store, name, user_id=who)
    version = operations.create_model_version(
        *(store, name, source, run_id, dict(tags or {}), None, description, model_id), user_id=who
    )
    _log.info("registered version %d of model %r", version.version, name)
    return version


def check_registry() -> None:
    """Return if what is registered can be found in the registry in force.

    Raises:
        InvalidInput: `set_registry_uri` has named another store than the one with the models.
    """
    elsewhere = chosen_registry_uri()
    if elsewhere is not None and resolved(elsewhere) != resolved():
        raise InvalidInput(
            f"the registry in force is {elsewhere}, and the model is in {get_tracking_uri()}; a registry has the models"
            " of its own store",
            hint="set_registry_uri('') puts the registry of the tracking URI in force",
        )


def check_name(name: object) -> str:
    """Return a name when it may be that of a registered model; refused before anything is saved."""
    return names.check_model_name(name)
