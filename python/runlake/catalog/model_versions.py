"""Versions of registered models in a catalog. Each change adds an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runlake.catalog.events import Stamp, add_event
from runlake.catalog.logged_models import note_version
from runlake.catalog.part import Part
from runlake.catalog.rows import Columns, columns_of
from runlake.catalog.session import placeholders
from runlake.entities import ModelVersion
from runlake.errors import NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Session

VERSION_ATTRIBUTES: Final = {
    "name": "m.name",
    "version_number": "v.version",
    "run_id": "v.run_id",
    "source_path": "v.source",
    "model_id": "v.model_id",
    "current_stage": "v.stage",
    "status": "v.status",
    "description": "v.description",
    "user_id": "v.user_id",
    "creation_timestamp": "v.created_ms",
    "last_updated_timestamp": "v.updated_ms",
}
"""What can be asked of versions, and the columns it is in."""

_COLUMNS = (
    "v.model, m.name, v.version, v.created_ms, v.updated_ms, v.description, v.user_id, v.stage, v.source, v.run_id,"
    " v.status, v.status_message, v.run_link, v.model_id"
)
_FROM = "FROM model_version v JOIN registered_model m USING (model)"
_TAGGED = "key = ? AND substr(value, 1, 64) = substr(?, 1, 64)"
"""What the index on tags knows: it holds the beginnings of values, for the text of a prompt is a tag, too."""
_TAG_OF_V = "FROM model_version_tag t WHERE t.model = v.model AND t.version = v.version"
_TAG_VALUE = f"(SELECT t.value {_TAG_OF_V} AND t.key = ?)"
_MANY = 5000  # of versions: reading all of them costs less than looking so many up
_FIRST_IMPOSSIBLE = 1 << 63  # a column of SQLite holds no larger numbers
_MOST_PAIRS = 400  # of values in one statement; old versions of SQLite allow 999 values

VersionKey = tuple[int, int]
"""Number of the registered model, and version."""


@dataclass(frozen=True)
class NewVersion:
    """What is known of a version before it has a number; `storage` is where a source that names a version leads to."""

    name: str
    source: str
    storage: str | None = None
    run_id: str | None = None
    model_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Narrowed:
    """What every version that matters has: an attribute with one of some values, a tag that begins like a text."""

    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Sequence[tuple[str, str]] = ()

    def condition(self, session: Session) -> tuple[str, list[str]]:
        """Return that as SQL, and the values in it.

        The tag that fewest versions have is looked up, the others of those; what many have is left to the caller.
        """
        parts, values = ["1"], list[str]()
        for name, allowed in self.attributes.items():
            listed = f"IN ({placeholders(len(allowed))})"
            model = f"v.model IN (SELECT model FROM registered_model m WHERE m.name {listed})"
            parts.append(model if name == "name" else f"{VERSION_ATTRIBUTES[name]} {listed}")
            values += allowed
        counted = sorted((_how_many(session, tag), tag) for tag in self.tags)
        for place, (_, tag) in enumerate(entry for entry in counted if entry[0] < _MANY):
            found = f"(v.model, v.version) IN (SELECT model, version FROM model_version_tag WHERE {_TAGGED})"
            parts.append(found if place == 0 else f"EXISTS (SELECT 1 {_TAG_OF_V} AND {_TAGGED})")
            values += tag
        return " AND ".join(parts), values


def _how_many(session: Session, tag: tuple[str, str]) -> int:
    """Return how many versions have a tag; `_MANY` are that or more."""
    counted = f"SELECT count(*) FROM (SELECT 1 FROM model_version_tag WHERE {_TAGGED} LIMIT {_MANY})"
    return int(session.all(counted, tag)[0][0])


class Versions(Part):
    """What a catalog knows of versions of registered models."""

    def create_version(self, new: NewVersion, stamp: Stamp) -> ModelVersion:
        """Add the next version to a registered model.

        Raises:
            NotFound: none has that name.
        """
        with self._database.writing() as session:
            model, version = _next_version(session, new.name, stamp)
            session.run(
                "INSERT INTO model_version (model, version, created_ms, updated_ms, description, user_id, source,"
                " storage, run_id, model_id, run_link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(model, version, stamp.at_ms, stamp.at_ms, new.description, stamp.user_id, new.source),
                    *(new.storage, new.run_id, new.model_id, new.run_link),
                ),
            )
            _put_tags(session, model, version, new.tags)
            if new.model_id is not None:
                note_version(session, new.model_id, new.name, version)
            told = {"source": new.source, "run_id": new.run_id, "model_id": new.model_id, "tags": dict(new.tags)}
            add_event(session, stamp, "create_version", model, new.name, version, **told)
            return read_version(session, model, version)

    def get_version(self, name: str, version: int) -> ModelVersion:
        """Return a version.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.reading() as session:
            return read_version(session, find_version(session, name, version), version)

    def get_versions(self, keys: Sequence[VersionKey]) -> list[ModelVersion]:
        """Return the versions among `keys` that there are still, in that order."""
        with self._database.reading() as session:
            return read_versions(session, keys)

    def versions_of(self, run_id: str, model_ids: Sequence[str]) -> list[ModelVersion]:
        """Return the versions that were made of a run, or of one of at most 500 logged models, by name and number."""
        with self._database.reading() as session:
            keys = session.all(
                "SELECT v.model, v.version FROM model_version v JOIN registered_model m USING (model)"
                f" WHERE v.run_id = ? OR v.model_id IN ({placeholders(len(model_ids))}) ORDER BY m.name, v.version",
                (run_id, *model_ids),
            )
            return read_versions(session, keys)

    def version_storage(self, name: str, version: int) -> str:
        """Return where the files of a version are: its source, or what the version named there leads to."""
        with self._database.reading() as session:
            model = find_version(session, name, version)
            row = session.one(
                "SELECT coalesce(storage, source) FROM model_version WHERE model = ? AND version = ?", (model, version)
            )
        assert row is not None
        return str(row[0])

    def update_version(self, name: str, version: int, description: str | None, stamp: Stamp) -> ModelVersion:
        """Give a version another description."""
        with self._database.writing() as session:
            model = find_version(session, name, version)
            touch_version(session, model, version, stamp, "description = ?", description)
            add_event(session, stamp, "update_version", model, name, version, description=description)
            return read_version(session, model, version)

    def set_version_tag(self, name: str, version: int, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag of a version."""
        with self._database.writing() as session:
            model = find_version(session, name, version)
            _put_tags(session, model, version, {key: value})
            add_event(session, stamp, "set_version_tag", model, name, version, key=key, value=value)

    def delete_version_tag(self, name: str, version: int, key: str, stamp: Stamp) -> None:
        """Remove a tag of a version; nothing happens when there is none."""
        with self._database.writing() as session:
            model = find_version(session, name, version)
            if session.run(
                "DELETE FROM model_version_tag WHERE model = ? AND version = ? AND key = ?", (model, version, key)
            ):
                add_event(session, stamp, "delete_version_tag", model, name, version, key=key)

    def version_counts(self) -> dict[int, int]:
        """Return how many versions there are of each registered model that has any, by its number."""
        with self._database.reading() as session:
            return dict(session.all("SELECT model, count(*) FROM model_version GROUP BY model"))

    def stage_holders(self, name: str, stage: str, limit: int) -> tuple[list[int], int]:
        """Return the highest `limit` versions in a stage, highest first, and how many are in it.

        Raises:
            NotFound: no registered model has that name.
        """
        with self._database.reading() as session:
            place = (find_model(session, name), stage)
            rows = session.all(
                "SELECT version FROM model_version WHERE model = ? AND stage = ? ORDER BY version DESC LIMIT ?",
                (*place, limit),
            )
            ((total,),) = session.all("SELECT count(*) FROM model_version WHERE model = ? AND stage = ?", place)
        return [version for (version,) in rows], int(total)

    def version_columns(self, attributes: Sequence[str], tag_keys: Sequence[str], wanted: Narrowed) -> Columns:
        """Return attributes and tags of versions, column by column.

        Args:
            wanted: What all versions that matter have; others are left out.

        Returns:
            `model` and `version`, which name each; one column an attribute, by its name in `VERSION_ATTRIBUTES`, and
            one a tag, by `tags.<key>`, with None for versions without it.
        """
        own = [name for name in attributes if name != "name"]
        with self._database.reading() as session:
            known = [key for key in tag_keys if _is_key(session, key)]
            condition, values = wanted.condition(session)
            chosen = ["v.model", "v.version", *(VERSION_ATTRIBUTES[name] for name in own), *[_TAG_VALUE] * len(known)]
            asked = f"SELECT {', '.join(chosen)} FROM model_version v WHERE {condition}"
            rows = session.all(asked, [*known, *values])
            names: dict[int, str] = dict(session.all("SELECT model, name FROM registered_model"))
        found = dict(columns_of(["model", "version", *own, *(f"tags.{key}" for key in known)], rows))
        if "name" in attributes:  # a join would cost as much as the rest
            found["name"] = [names[model] for model in found["model"]]
        return {**{f"tags.{key}": [None] * len(rows) for key in tag_keys}, **found}


def _is_key(session: Session, key: str) -> bool:
    return session.one("SELECT 1 FROM model_version_tag WHERE key = ? LIMIT 1", (key,)) is not None


def find_model(session: Session, name: str) -> int:
    """Return the number of a registered model.

    Raises:
        NotFound: none has that name.
    """
    row = session.one("SELECT model FROM registered_model WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return int(row[0])


def touch_model(session: Session, model: int, stamp: Stamp, assignment: str = "", *values: object) -> None:
    """Note that a registered model changed, and how."""
    assignments = ", ".join(filter(None, (assignment, "updated_ms = ?")))
    session.run(f"UPDATE registered_model SET {assignments} WHERE model = ?", (*values, stamp.at_ms, model))


def find_version(session: Session, name: str, version: int) -> int:
    """Return the number of the registered model that has a version.

    Raises:
        NotFound: there is no such version.
    """
    possible = 0 < version < _FIRST_IMPOSSIBLE
    row = (
        session.one(f"SELECT v.model {_FROM} WHERE m.name = ? AND v.version = ?", (name, version)) if possible else None
    )
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return int(row[0])


def read_version(session: Session, model: int, version: int) -> ModelVersion:
    """Return a version that is there."""
    return _read(session, [(model, version)])[model, version]


def read_versions(session: Session, keys: Sequence[VersionKey]) -> list[ModelVersion]:
    """Return the versions among `keys` that there are, in that order."""
    found = _read(session, keys)
    return [found[key] for key in keys if key in found]


def latest_versions(session: Session, models: Sequence[int]) -> dict[int, list[ModelVersion]]:
    """Return the highest version in each stage of each model, by the model's number, in order of the versions."""
    rows = session.all(
        "SELECT model, max(version) FROM model_version"
        f" WHERE model IN ({placeholders(len(models))}) GROUP BY model, stage",
        models,
    )
    found: dict[int, list[ModelVersion]] = {}
    for (model, _), entity in sorted(_read(session, rows).items()):
        found.setdefault(model, []).append(entity)
    return found


def _read(session: Session, keys: Sequence[VersionKey]) -> dict[VersionKey, ModelVersion]:
    found: dict[VersionKey, ModelVersion] = {}
    for start in range(0, len(keys), _MOST_PAIRS):
        part = keys[start : start + _MOST_PAIRS]
        wanted = f"WITH wanted (model, version) AS (VALUES {', '.join(['(?, ?)'] * len(part))}) SELECT"
        values = [number for key in part for number in key]
        tags = _grouped(
            session.all(
                f"{wanted} model, version, key, value FROM wanted JOIN model_version_tag USING (model, version)", values
            )
        )
        aliases = _grouped(
            session.all(
                f"{wanted} model, version, alias, '' FROM wanted JOIN model_alias USING (model, version)", values
            )
        )
        rows = session.all(
            f"{wanted} {_COLUMNS} FROM wanted JOIN model_version v USING (model, version)"
            " JOIN registered_model m USING (model)",
            values,
        )
        for model, name, version, *fields in rows:
            key = (model, version)
            rest = tags.get(key, {}), sorted(aliases.get(key, ()))
            found[key] = ModelVersion(*(name, version, *fields, *rest))
    return found


def _grouped(rows: Iterable[tuple[int, int, str, str]]) -> dict[VersionKey, dict[str, str]]:
    found: dict[VersionKey, dict[str, str]] = {}
    for model, version, key, value in rows:
        found.setdefault((model, version), {})[key] = value
    return found


def _next_version(session: Session, name: str, stamp: Stamp) -> VersionKey:
    row = session.one("SELECT model, versions + 1 FROM registered_model WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    model, version = row
    session.run(
        "UPDATE registered_model SET versions = ?, updated_ms = ? WHERE model = ?", (version, stamp.at_ms, model)
    )
    return model, version


def _put_tags(session: Session, model: int, version: int, tags: Mapping[str, str]) -> None:
    session.run_many(
        "INSERT INTO model_version_tag (model, version, key, value) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (model, version, key) DO UPDATE SET value = excluded.value",
        [(model, version, key, value) for key, value in tags.items()],
    )


def touch_version(session: Session, model: int, version: int, stamp: Stamp, assignment: str, value: object) -> None:
    """Note that a version changed, and how."""
    session.run(
        f"UPDATE model_version SET {assignment}, updated_ms = ? WHERE model = ? AND version = ?",
        (value, stamp.at_ms, model, version),
    )
