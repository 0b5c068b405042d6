"""Registered models of a catalog: their names and tags.

Everything hangs on the number of a model, so that a new name changes one row. Each change adds an event.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from runlake.catalog.access import move_permissions
from runlake.catalog.events import Stamp, add_event
from runlake.catalog.in_use import require_unused
from runlake.catalog.model_versions import find_model, latest_versions, read_version, touch_model
from runlake.catalog.part import Part
from runlake.catalog.rows import Columns, columns_of
from runlake.catalog.session import placeholders
from runlake.entities import ModelVersion, RegisteredModel
from runlake.errors import AlreadyExists, InvalidInput
from runlake.lookalikes import skeleton

if TYPE_CHECKING:
    from runlake.catalog.session import Row, Session

PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
"""The tag with which MLflow's clients mark what is a prompt and no model."""

MODEL_ATTRIBUTES: Final = {
    "name": "m.name",
    "description": "m.description",
    "user_id": "m.user_id",
    "creation_timestamp": "m.created_ms",
    "last_updated_timestamp": "m.updated_ms",
}
"""What can be asked of registered models, and the columns it is in."""

_COLUMNS = "m.model, m.name, m.created_ms, m.updated_ms, m.description"
_MOST_VALUES = 500
_KIND = "registered_model"  # as permissions are for


class Registry(Part):
    """What a catalog knows of registered models."""

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, str], description: str | None, stamp: Stamp
    ) -> RegisteredModel:
        """Create a registered model without versions.

        Raises:
            AlreadyExists: one has that name.
        """
        with self._database.writing() as session:
            _require_free(session, name, prompt=tags.get(PROMPT_TAG, "").lower() == "true")
            model = session.insert(
                "INSERT INTO registered_model (name, description, user_id, created_ms, updated_ms)"
                " VALUES (?, ?, ?, ?, ?)",
                (name, description, stamp.user_id, stamp.at_ms, stamp.at_ms),
            )
            _put_tags(session, model, tags)
            add_event(session, stamp, "create_model", model, name, description=description, tags=dict(tags))
        return RegisteredModel(name, stamp.at_ms, stamp.at_ms, description, tags=dict(tags))

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a registered model.

        Raises:
            NotFound: none has that name.
        """
        with self._database.reading() as session:
            return _read_models(session, [find_model(session, name)])[0]

    def get_registered_models(self, numbers: Sequence[int]) -> list[RegisteredModel]:
        """Return the registered models among `numbers` that there are still, in that order."""
        with self._database.reading() as session:
            return _read_models(session, numbers)

    def rename_registered_model(self, name: str, new_name: str, stamp: Stamp) -> RegisteredModel:
        """Give a registered model another name; versions, aliases and permissions go by it from then on.

        Raises:
            NotFound: none has that name.
            AlreadyExists: one has the new name.
        """
        with self._database.writing() as session:
            model = find_model(session, name)
            if new_name != name:
                _require_free(session, new_name, model=model)
            touch_model(session, model, stamp, "name = ?", new_name)
            session.run("UPDATE model_version SET updated_ms = ? WHERE model = ?", (stamp.at_ms, model))
            move_permissions(session, _KIND, name, new_name)
            add_event(session, stamp, "rename_model", model, name, new_name=new_name)
            return _read_models(session, [model])[0]

    def update_registered_model(self, name: str, description: str | None, stamp: Stamp) -> RegisteredModel:
        """Give a registered model another description."""
        with self._database.writing() as session:
            model = find_model(session, name)
            touch_model(session, model, stamp, "description = ?", description)
            add_event(session, stamp, "update_model", model, name, description=description)
            return _read_models(session, [model])[0]

    def delete_registered_model(self, name: str, stamp: Stamp) -> None:
        """Remove a registered model with all of its versions; its events stay, and its name can be used again.

        Raises:
            VersionInUse: one of its versions is what a target with a gate means.
        """
        with self._database.writing() as session:
            model = find_model(session, name)
            require_unused(session, model)
            versions = session.all("SELECT version FROM model_version WHERE model = ? ORDER BY version", (model,))
            session.run("DELETE FROM registered_model WHERE model = ?", (model,))
            move_permissions(session, _KIND, name, None)
            add_event(session, stamp, "delete_model", model, name, versions=[version for (version,) in versions])

    def set_registered_model_tag(self, name: str, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag of a registered model."""
        with self._database.writing() as session:
            model = find_model(session, name)
            _put_tags(session, model, {key: value})
            add_event(session, stamp, "set_model_tag", model, name, key=key, value=value)

    def delete_registered_model_tag(self, name: str, key: str, stamp: Stamp) -> None:
        """Remove a tag of a registered model; nothing happens when there is none."""
        with self._database.writing() as session:
            model = find_model(session, name)
            if session.run("DELETE FROM registered_model_tag WHERE model = ? AND key = ?", (model, key)):
                add_event(session, stamp, "delete_model_tag", model, name, key=key)

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias means.

        Raises:
            NotFound: no registered model has that name.
            InvalidInput: it has no such alias, which MLflow takes for a mistake in the call.
        """
        with self._database.reading() as session:
            model = find_model(session, name)
            row = session.one("SELECT version FROM model_alias WHERE model = ? AND alias = ?", (model, alias))
            if row is None:
                raise InvalidInput(f"Registered model alias {alias} not found.")
            return read_version(session, model, row[0])

    # -- searching

    def model_columns(self, attributes: Sequence[str], tag_keys: Sequence[str]) -> Columns:
        """Return attributes and tags of all registered models, column by column.

        Returns:
            `model`, the number of each; one column an attribute, by its name in `MODEL_ATTRIBUTES`, and one a tag, by
            `tags.<key>`, with None for models without it.
        """
        chosen = [MODEL_ATTRIBUTES[name] for name in attributes]
        with self._database.reading() as session:
            rows = session.all(f"SELECT {', '.join(['m.model', *chosen])} FROM registered_model m ORDER BY m.name")
            columns = dict(columns_of(["model", *attributes], rows))
            for key in tag_keys:
                values: dict[int, str] = dict(
                    session.all("SELECT model, value FROM registered_model_tag WHERE key = ?", (key,))
                )
                columns[f"tags.{key}"] = [values.get(model) for model in columns["model"]]
        return columns


def _is_prompt(session: Session, model: int) -> bool:
    """Tell whether what is registered is a prompt."""
    row = session.one("SELECT value FROM registered_model_tag WHERE model = ? AND key = ?", (model, PROMPT_TAG))
    return row is not None and row[0].lower() == "true"


def _require_free(session: Session, name: str, *, prompt: bool = False, model: int | None = None) -> None:
    """Refuse a name that another has, or that looks like another's; `model` is the one that is to have it."""
    row = session.one("SELECT model FROM registered_model WHERE name = ?", (name,))
    if row is None:
        _require_distinct(session, name, model)
        return
    wanted, there = _noun(prompt), _noun(_is_prompt(session, row[0]))
    if wanted == there:
        raise AlreadyExists(f"{wanted} (name={name}) already exists.")
    raise AlreadyExists(f"the name {name!r} is taken by a {there.lower()} and cannot be that of a {wanted.lower()}")


def _require_distinct(session: Session, name: str, model: int | None) -> None:
    """Refuse a name that cannot be told by eye from another's. ASCII looks like itself, so few names are compared."""
    plain = skeleton(name)
    others = session.all("SELECT model, name FROM registered_model WHERE name GLOB '*[^ -~]*' OR name = ?", (plain,))
    for other, theirs in others:
        if other != model and skeleton(theirs) == plain:
            strange = next(max(pair) for pair in zip(theirs, name, strict=True) if pair[0] != pair[1])
            raise InvalidInput(
                f"the name {name!r} looks like {theirs!r}, which another model has: {strange!r} is"
                f" {unicodedata.name(strange, 'another character')}",
                hint="choose a name that can be told from it",
            )


def _noun(prompt: bool) -> str:
    return "Prompt" if prompt else "Registered Model"


def _put_tags(session: Session, model: int, tags: Mapping[str, str]) -> None:
    session.run_many(
        "INSERT INTO registered_model_tag (model, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        [(model, key, value) for key, value in tags.items()],
    )


def _read_models(session: Session, numbers: Sequence[int]) -> list[RegisteredModel]:
    found: dict[int, RegisteredModel] = {}
    for start in range(0, len(numbers), _MOST_VALUES):
        part = numbers[start : start + _MOST_VALUES]
        listed = placeholders(len(part))
        rows = session.all(f"SELECT {_COLUMNS} FROM registered_model m WHERE m.model IN ({listed})", part)
        tags = _by_model(
            session.all(f"SELECT model, key, value FROM registered_model_tag WHERE model IN ({listed})", part)
        )
        aliases = _by_model(
            session.all(f"SELECT model, alias, version FROM model_alias WHERE model IN ({listed})", part)
        )
        versions = latest_versions(session, part)
        for model, *fields in rows:
            rest = versions.get(model, []), tags.get(model, {}), aliases.get(model, {})
            found[model] = RegisteredModel(*(*fields, *rest))
    return [found[number] for number in numbers if number in found]


def _by_model(rows: list[Row]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for model, key, value in rows:
        found.setdefault(model, {})[key] = value
    return found
