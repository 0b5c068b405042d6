"""JSON and YAML artifacts: the suffix of the name chooses."""

from __future__ import annotations

import json
from typing import Any

from runlake.errors import InvalidInput
from runlake.extras import import_extra
from runlake.plain_yaml import NotPlain, read_yaml


def render_document(value: Any, artifact_file: str) -> str:
    """Write a value as indented YAML or JSON; what JSON does not know becomes its `str()`.

    Raises:
        MissingExtra: the name asks for YAML and PyYAML is not installed.
    """
    if not _is_yaml(artifact_file):
        return json.dumps(value, indent=2, default=str)
    yaml = import_extra("yaml", "to write a YAML artifact")
    return str(yaml.dump(value, indent=2, default_flow_style=False, allow_unicode=True))


def parse_document(text: str, artifact_file: str) -> Any:
    """Read YAML (plain values only, never Python objects) or JSON.

    Raises:
        InvalidInput: the text does not parse.
        MissingExtra: it is YAML and PyYAML is not installed.
    """
    if not _is_yaml(artifact_file):
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidInput(f"artifact {artifact_file!r} is not JSON: {error}") from error
    try:
        return read_yaml(text, "to read a YAML artifact")
    except NotPlain as error:
        raise InvalidInput(f"artifact {artifact_file!r} is not YAML: {error}") from error


def _is_yaml(artifact_file: str) -> bool:
    return artifact_file.lower().endswith((".yml", ".yaml"))
