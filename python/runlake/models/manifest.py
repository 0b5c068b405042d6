"""Manifest of a model: the file `MLmodel`, read and written as MLflow has it; keys that nobody here knows are kept.

What a manifest says is not believed before it is looked at: who wrote it may be anybody. Each error names the file and
the key that is wrong in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runlake.errors import Corrupt, InvalidInput, NewerFormat, NotFound
from runlake.extras import import_extra
from runlake.plain_yaml import NotPlain, read_yaml

if TYPE_CHECKING:
    from runlake.entities import LoggedModel
    from runlake.models.info import ModelInfo

MANIFEST_FILE: Final = "MLmodel"

FORMAT: Final = 1
"""Version of what runlake adds to MLflow's manifest, below the key `runlake`."""

WRITTEN_AS: Final = "3.18.0"
"""The MLflow whose manifests these are like."""

_NEWEST_MAJOR: Final = 3
_MOST_BYTES: Final = 16 << 20
_FIELDS: Final = (
    "artifact_path",
    "run_id",
    "utc_time_created",
    "flavors",
    "saved_input_example_info",
    "model_uuid",
    "mlflow_version",
    "metadata",
    "model_size_bytes",
    "resources",
    "env_vars",
    "auth_policy",
    "model_id",
    "prompts",
)
_ALWAYS: Final = ("flavors", "model_id", "prompts")  # what is written even when it is empty
_MAPPINGS: Final = ("signature", "saved_input_example_info", "metadata", "runlake")
_TEXTS: Final = ("artifact_path", "run_id", "model_uuid", "model_id", "mlflow_version")
_HINTS: Final = ("is_signature_from_type_hint", "type_hint_from_example")
_OF_HISTORY: Final = ("run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors")


def fresh_uuid() -> str:
    """Return a new id for a model that has none."""
    return uuid.uuid4().hex


class Model:
    """What is known of a saved model: its flavors, signature, example and origin. Changed by whoever saves the model.

    Attributes:
        flavors: Keys of each flavor, by its name.
        signature: A `ModelSignature`, or None.
        others: What else a manifest had at its top, by key.
    """

    def __init__(
        self,
        /,
        artifact_path: str | None = None,
        run_id: str | None = None,
        utc_time_created: str | datetime | None = None,
        flavors: Mapping[str, Any] | None = None,
        signature: Any = None,
        saved_input_example_info: Mapping[str, Any] | None = None,
        model_uuid: str | Callable[[], str] | None = fresh_uuid,
        mlflow_version: str | None = WRITTEN_AS,
        metadata: dict[str, Any] | None = None,
        model_size_bytes: int | None = None,
        resources: Any = None,
        env_vars: list[str] | None = None,
        auth_policy: Any = None,
        model_id: str | None = None,
        prompts: list[str] | None = None,
        **others: Any,
    ) -> None:
        self.artifact_path = artifact_path
        self.run_id = run_id
        self.utc_time_created = str(utc_time_created or datetime.now(UTC).replace(tzinfo=None))
        self.flavors: dict[str, Any] = dict(flavors or {})
        self.signature = signature
        self.saved_input_example_info = None if saved_input_example_info is None else dict(saved_input_example_info)
        self.model_uuid = model_uuid() if callable(model_uuid) else model_uuid
        self.mlflow_version = mlflow_version
        self.metadata = metadata
        self.model_size_bytes = model_size_bytes
        self.resources = resources
        self.env_vars = env_vars
        self.auth_policy = auth_policy
        self.model_id = model_id
        self.prompts = prompts
        self.others = others

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def add_flavor(self, name: str, **params: Any) -> Model:
        """Set the keys of a flavor, and return the manifest."""
        self.flavors[name] = params
        return self

    # -- what it says

    def get_input_schema(self) -> Any:
        """Return the schema of what the model takes; None when nobody has said."""
        return getattr(self.signature, "inputs", None)

    def get_output_schema(self) -> Any:
        """Return the schema of what the model gives; None when nobody has said."""
        return getattr(self.signature, "outputs", None)

    def get_params_schema(self) -> Any:
        """Return the schema of the parameters of a prediction; None when there are none."""
        return getattr(self.signature, "params", None)

    def get_model_info(self, logged_model: LoggedModel | None = None) -> ModelInfo:
        """Return what callers of `log_model` get."""
        from runlake.models.info import model_info

        return model_info(self, logged_model)

    def load_input_example(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Read the example from the model's folder, without its parameters; None when there is none."""
        return self._example(path)[0]

    def load_input_example_params(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Read the parameters that belong to the example; None when there are none."""
        return self._example(path)[1]

    def get_serving_input(self, path: str | os.PathLike[str]) -> str | None:
        """Return the example as the body of a request to a server; None when there is none."""
        named = (self.saved_input_example_info or {}).get("serving_input_path")
        if named is None:
            return None
        return inside(path, named, "saved_input_example_info.serving_input_path").read_text(encoding="utf-8")

    def get_tags_dict(self) -> dict[str, Any]:
        """Return what a run's list of models has of it: no settings of flavors, which may be long."""
        entry = {name: value for name, value in self.to_dict().items() if name in _OF_HISTORY}
        entry["flavors"] = {
            name: {key: value for key, value in keys.items() if key != "config"} for name, keys in self.flavors.items()
        }
        return entry

    def _example(self, path: str | os.PathLike[str] | None) -> tuple[Any, Any]:
        from runlake.models import contract, locating

        if self.saved_input_example_info is None:
            return None, None
        folder = locating.locate(f"models:/{self.model_id}") if path is None else Path(path)
        return contract.read_example(folder, self.saved_input_example_info, self.signature)

    # -- files and texts

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as its file has it."""
        found = {name: getattr(self, name) for name in _FIELDS}
        kept = {name: _plain(value) for name, value in found.items() if value is not None or name in _ALWAYS}
        kept |= self.others
        if self.signature is not None:
            kept["signature"] = self.signature.to_dict()
            for name in _HINTS:
                kept[name] = bool(getattr(self.signature, f"_{name}", False))
        return kept

    def to_yaml(self, stream: Any = None) -> Any:
        """Return the manifest as YAML, or write it to a stream."""
        yaml = import_extra("yaml", "to write the manifest of a model")
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return yaml.dump(self.to_dict(), stream, Dumper=dumper, default_flow_style=False)

    def to_json(self) -> str:
        """Return the manifest as JSON."""
        return json.dumps(self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the manifest to a file, which is whole or as it was."""
        target = Path(path)
        file, name = tempfile.mkstemp(dir=target.parent, prefix=".tmp-")
        try:
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                self.to_yaml(stream)
                os.fchmod(stream.fileno(), 0o644)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a manifest: its file, the folder of the model, or the URI of either.

        Raises:
            NotFound: there is none.
            NewerFormat: a later version wrote it.
            Corrupt: it is cut off or garbled; the message names the file and the key.
        """
        return _read(_file_of(path), cls)

    @classmethod
    def from_dict(cls, model_dict: Mapping[str, Any]) -> Model:
        """Make a manifest of what `to_dict` gives; a signature in it is read as well.

        Raises:
            InvalidInput: the signature cannot be read.
        """
        given = {key: value for key, value in model_dict.items() if key not in _HINTS}
        if (signature := given.get("signature")) is not None and not hasattr(signature, "to_dict"):
            from runlake.models import contract

            given["signature"] = contract.signature_from_dict(signature)
        if given.get("signature") is not None:
            for name in _HINTS:
                setattr(given["signature"], f"_{name}", bool(model_dict.get(name, False)))
        given.setdefault("model_uuid", None)
        given.setdefault("mlflow_version", None)
        return cls(**given)

    @classmethod
    def log(cls, artifact_path: str | None, flavor: Any, registered_model_name: str | None = None, **rest: Any) -> Any:
        """Log a model of a flavor that is a module with `save_model`, as flavors of third parties do it."""
        from runlake.models import logged

        return logged.log_with_module(cls, artifact_path, flavor, registered_model_name, **rest)


def inside(folder: str | os.PathLike[str], relative: object, key: str) -> Path:
    """Return the path of a file or folder of a model that its manifest names, if it is there and inside.

    Args:
        key: Where the manifest names it, for the message.

    Raises:
        Corrupt: the name is none, or leads out of the folder, by links too.
        NotFound: there is no such file.
    """
    file = Path(folder) / MANIFEST_FILE
    if not isinstance(relative, str) or not relative or "\\" in relative or "\0" in relative:
        raise Corrupt(
            f"the manifest {file} has {relative!r} under {key!r}; it must be a path inside the model's folder"
        )
    if relative.startswith("/") or any(part == ".." for part in relative.split("/")):
        raise Corrupt(f"the manifest {file} names {relative!r} under {key!r}, which is not inside the model's folder")
    root, found = os.path.realpath(folder), os.path.realpath(os.path.join(folder, relative))
    if found != root and not found.startswith(root + os.sep):
        raise Corrupt(f"the manifest {file} names {relative!r} under {key!r}, a link that leaves the model's folder")
    if not os.path.exists(found):
        raise NotFound(
            f"the model's file {os.path.join(folder, relative)} is missing; the manifest names it as {key!r}"
        )
    return Path(folder) / relative


def _file_of(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if ":/" in text and not os.path.exists(text):
        from runlake.models import locating

        text = os.fspath(locating.locate(text.removesuffix(f"/{MANIFEST_FILE}")))
    return Path(text) / MANIFEST_FILE if os.path.isdir(text) else Path(text)


def _read(file: Path, kind: type[Model]) -> Model:
    read = _parsed(file)
    _check(file, read)
    try:
        return kind.from_dict(read)
    except InvalidInput as error:
        raise Corrupt(f"the manifest {file} has a signature that cannot be read: {error.message}") from error


def _parsed(file: Path) -> dict[str, Any]:
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no model: the manifest {file} is missing") from None
    except IsADirectoryError:
        raise Corrupt(f"the manifest {file} is a folder") from None
    if len(content) > _MOST_BYTES:
        raise Corrupt(f"the manifest {file} is larger than {_MOST_BYTES >> 20} MiB, the most that one may have")
    try:
        read = read_yaml(content, "to read the manifest of a model")
    except NotPlain as error:
        where = "" if error.line is None else f" at line {error.line}"
        raise Corrupt(f"the manifest {file} is cut off or garbled: it is no YAML{where}") from error
    if not isinstance(read, dict) or not all(isinstance(key, str) for key in read):
        raise Corrupt(f"the manifest {file} is cut off or garbled: it has no keys")
    return read


def _check(file: Path, read: Mapping[str, Any]) -> None:
    """Refuse what a later version wrote, and what nobody can have written."""
    _check_versions(file, read)
    flavors = read.get("flavors")
    if flavors is None:
        raise Corrupt(f"the manifest {file} is cut off or garbled: the key 'flavors' is missing")
    if not isinstance(flavors, dict):
        raise _wrong(file, "flavors", flavors, "an object")
    for name, keys in flavors.items():
        if not isinstance(keys, dict) or not isinstance(name, str):
            raise _wrong(file, f"flavors.{name}", keys, "an object")
    for key in _MAPPINGS:
        if read.get(key) is not None and not isinstance(read[key], dict):
            raise _wrong(file, key, read[key], "an object")
    for key in _TEXTS:
        if read.get(key) is not None and not isinstance(read[key], str):
            raise _wrong(file, key, read[key], "text")
    if read.get("mlflow_version") is not None and read.get("utc_time_created") is None:
        raise Corrupt(f"the manifest {file} is cut off: the key 'utc_time_created' is missing")


def _check_versions(file: Path, read: Mapping[str, Any]) -> None:
    ours = read.get("runlake")
    number = ours.get("format") if isinstance(ours, dict) else None
    if number is not None and (not isinstance(number, int) or number > FORMAT):
        raise NewerFormat(
            f"the manifest {file} has the format {number!r} under 'runlake.format'; this version of runlake reads up to"
            f" {FORMAT}",
            hint="pip install --upgrade runlake",
        )
    said = str(read.get("mlflow_version") or "")
    major = re.match(r"\d+", said)
    if major is not None and int(major.group()) > _NEWEST_MAJOR:
        raise NewerFormat(
            f"the manifest {file} was written by MLflow {said[:40]}, as 'mlflow_version' says; this version of runlake"
            f" reads those of MLflow up to {_NEWEST_MAJOR}",
            hint="pip install --upgrade runlake",
        )


def _wrong(file: Path, key: str, value: object, expected: str) -> Corrupt:
    return Corrupt(f"the manifest {file} has {str(value)[:40]!r} under {key!r}; it must be {expected}")


def _plain(value: Any) -> Any:
    """Return a value as YAML's safe dialect has it; resources and policies say themselves what is written of them."""
    return value.to_dict() if hasattr(value, "to_dict") else value
