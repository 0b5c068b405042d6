"""Model URIs: `models:/<name>/<version>` and its relatives, and the rule by which any URI is taken apart.

A URI is refused, never repaired, when any reading of it leaves its place: parts `.` or `..`, backslashes, control
characters, also behind one or more percent-encodings; fragments and queries, which other readers would drop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from runlake import names
from runlake.errors import InvalidInput

STAGES: Final = ("None", "Staging", "Production", "Archived")
"""Where a version can be; only one is served from each of Staging and Production."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_READINGS: Final = 8  # each costs the length of the URI, which may have a thousand of them


@dataclass(frozen=True)
class ModelUri:
    """What a `models:/` URI names: a logged model, or a version by number, stage, alias or as the latest."""

    model_id: str | None = None
    name: str | None = None
    version: int | None = None
    stage: str | None = None
    alias: str | None = None


def parse_models_uri(uri: str) -> ModelUri:
    """Read a `models:/` URI; without version, stage and alias the latest version is meant.

    Raises:
        InvalidInput: it is none, or leaves its place.
    """
    parts = split(uri)
    named = parts.path.lstrip("/").split("/")
    if parts.scheme != "models" or parts.netloc or not parts.path.startswith("/") or not all(map(str.strip, named)):
        raise _improper(uri)
    match named:
        case [one] if "@" in one:
            name, _, alias = one.rpartition("@")
            if not name.strip() or not alias.strip():
                raise _improper(uri)
            return ModelUri(name=name, alias=alias)
        case [one]:
            return ModelUri(model_id=one)
        case [name, suffix] if suffix.isascii() and suffix.isdigit():
            return ModelUri(name=name, version=int(suffix))
        case [name, suffix] if suffix.lower() == "latest":
            return ModelUri(name=name)
        case [name, suffix]:
            return ModelUri(name=name, stage=suffix)
    raise _improper(uri)


def canonical_stage(stage: str) -> str:
    """Return the name of a stage that is written in any case.

    Raises:
        InvalidInput: there is no such stage.
    """
    for known in STAGES:
        if known.lower() == stage.lower():
            return known
    raise InvalidInput(f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES)}.")


def split(uri: str) -> SplitResult:
    """Take a URI apart, with the scheme in small letters.

    Raises:
        InvalidInput: some reading of it leaves its place, or it is too long.
    """
    fault = _fault(names.check_length(uri, names.MAX_MODEL_SOURCE, "the URI of a model"))
    if fault is None:
        try:
            parts = urlsplit(uri)
            if not parts.fragment and not parts.query and "#" not in uri and "?" not in uri:
                return parts
            fault = "has a fragment or a query"
        except ValueError:
            fault = "cannot be read"
    raise InvalidInput(f"the URI {uri!r} {fault}")


def _fault(uri: str) -> str | None:
    """Say what is wrong with a URI in one of its readings."""
    reading = uri
    for _ in range(_MOST_READINGS):
        if _CONTROL.search(reading):
            return "has a control character"
        if "\\" in reading:
            return "has a backslash"
        if any(part in (".", "..") for part in re.split(r"[/;?#]", reading)):
            return "has a part '.' or '..'"
        before, reading = reading, unquote(reading)
        if reading == before:
            break
    else:
        return f"is percent-encoded {_MOST_READINGS} times or more"
    return "has a part '.' or '..'" if ".." in unquote_plus(reading).split("/") else None


def _improper(uri: str) -> InvalidInput:
    return InvalidInput(
        f"Not a proper models:/ URI: {uri}. Models URIs must be of the form 'models:/name/suffix' or"
        " 'models:/name@alias' where suffix is a version, stage, or the string 'latest' and where alias is a registered"
        " model alias. Only one of suffix or alias can be defined at a time."
    )
