"""Names: which keys, ids and names are legal, and how long texts may be. The limits are MLflow's."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from runlake.errors import InvalidInput, InvalidType
from runlake.lookalikes import INVISIBLE, skeleton

MAX_KEY: Final = 250
MAX_PARAM_VALUE: Final = 6000
MAX_EXPERIMENTS_NAMED: Final = 10_000  # in one question; each is looked up
MAX_RUN_TAG_VALUE: Final = 8000
MAX_EXPERIMENT_TAG_VALUE: Final = 20000
MAX_EXPERIMENT_NAME: Final = 500
MAX_EXPERIMENT_ID: Final = 64
MAX_RUN_ID: Final = 256
MAX_ARTIFACT_LOCATION: Final = 2048
MAX_DATASET_NAME: Final = 500
MAX_DATASET_DIGEST: Final = 36
MAX_DATASET_SOURCE: Final = 65535
MAX_DATASET_SCHEMA: Final = 1048575
MAX_DATASET_PROFILE: Final = 16777215
MAX_INPUT_TAG_KEY: Final = 255
MAX_INPUT_TAG_VALUE: Final = 500
MAX_MODEL_NAME: Final = 256
MAX_MODEL_TAG_VALUE: Final = 100_000
MAX_MODEL_DESCRIPTION: Final = 100_000
MAX_MODEL_SOURCE: Final = 2048
MAX_ALIAS: Final = 255
MAX_LOGGED_MODEL_NAME: Final = 500
MAX_VIEW_NAME: Final = 200
MAX_VIEW_STATE_BYTES: Final = 1 << 16
MAX_STEP: Final = 2**63 - 1

_STRANGER = re.compile(r"[^/\w.\- :]")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_EXPERIMENT_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,63}")
_ALIAS = re.compile(r"[\w\-]+")
_VERSION_ALIAS = re.compile(r"[vV][0-9]+")
_LOGGED_MODEL_STRANGER = re.compile(r"[/:.%\"']")
_SHOWN = 40
_MOST_LEGAL_KEYS = 10_000
_legal_keys: set[str] = set()


def check_experiments_named(named: int) -> None:
    """Refuse a question that names so many experiments that looking them up would take seconds.

    Raises:
        InvalidInput: there are more than 10,000.
    """
    if named > MAX_EXPERIMENTS_NAMED:
        raise InvalidInput(f"{named:,} experiments are named; at most {MAX_EXPERIMENTS_NAMED:,} may be")


def check_key(key: object, kind: str = "metric") -> str:
    """Return `key` when it may name a metric, parameter or tag.

    Args:
        kind: What the key names, for the message.

    Raises:
        InvalidType: it is not a string.
        InvalidInput: it is too long, has an illegal character, or is not a normal relative path.
    """
    if not isinstance(key, str):
        raise InvalidType(f"{kind} key has type {type(key).__name__}: {shortened(key)!r}; it must be a string")
    if key in _legal_keys:  # the runs of a sweep have the same keys
        return key
    if len(key) > MAX_KEY:
        raise InvalidInput(f"{kind} key has {len(key)} characters; the limit is {MAX_KEY}: '{key[:_SHOWN]}…'")
    if stranger := _STRANGER.search(key):
        raise InvalidInput(
            f"{kind} key has the illegal character {stranger.group()!r}: {key!r}",
            hint="letters, digits, spaces and _ - . : / are legal",
        )
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise InvalidInput(
            f"{kind} key is not a normal relative path: {key!r}",
            hint="it is not empty, has no part '.' or '..', and no '/' at its ends or twice in a row",
        )
    if len(_legal_keys) < _MOST_LEGAL_KEYS:
        _legal_keys.add(key)
    return key


def check_run_id(run_id: object) -> str:
    """Return `run_id` when it is one: 1 to 256 letters, digits, `_` and `-`, a letter or digit first."""
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise InvalidInput(f"{shortened(run_id)!r} is not a run id", hint="a run id is 1 to 256 of a-z A-Z 0-9 _ -")
    return run_id


def check_experiment_id(experiment_id: object) -> str:
    """Return `experiment_id` when it is one: 1 to 64 letters, digits, `_` and `-`, a letter or digit first."""
    if not isinstance(experiment_id, str) or not _EXPERIMENT_ID.fullmatch(experiment_id):
        raise InvalidInput(f"{shortened(experiment_id)!r} is not an experiment id")
    return experiment_id


def check_experiment_name(name: object) -> str:
    """Return `name` when it may name an experiment: 1 to 500 characters, not only spaces."""
    checked = check_text(name, MAX_EXPERIMENT_NAME, "experiment name")
    if not checked.strip():
        raise InvalidInput("experiment name is empty")
    return checked


def check_model_name(name: object, what: str = "name") -> str:
    """Return `name` when it may name a registered model: 1 to 256 characters, one of a kind to the eye and in URIs.

    Args:
        what: The field that has the name, for the message.

    Raises:
        InvalidInput: it is empty or too long, has '/', ':', characters that do not show or a space at an end, is a path
            of its own, or is written in another form of the letters that it shows.
    """
    checked = check_text(name, MAX_MODEL_NAME, "the name of a registered model")
    if not checked.strip():
        raise InvalidInput(f"Missing value for required parameter '{what}'.")
    if "/" in checked or ":" in checked:
        raise InvalidInput(f"Invalid model name '{checked}'. Names cannot contain '/' or ':'.")
    if checked in (".", ".."):
        raise InvalidInput(f"Invalid value \"{checked}\" for parameter '{what}' supplied: it is a path of its own")
    hidden = next((letter for letter in checked if unicodedata.category(letter).startswith("C")), None)
    if found := INVISIBLE.search(checked):
        hidden = found.group()
    if hidden is not None:
        raise InvalidInput(f"model name {checked!r} has the character {hidden!r}, which does not show")
    if checked != checked.strip():
        raise InvalidInput(f"model name {checked!r} has a space at an end", hint=f"write {checked.strip()!r}")
    if (plain := unicodedata.normalize("NFKC", checked)) != checked:
        raise InvalidInput(f"model name {checked!r} looks like {plain!r} and is not the same", hint=f"write {plain!r}")
    return checked


def check_alias(alias: object) -> str:
    """Return `alias` when it may be looked for: 1 to 255 letters, digits, `_` and `-`."""
    checked = check_text(alias, MAX_ALIAS, "Registered model alias name")
    if not checked:
        raise InvalidInput("Registered model alias name cannot be empty.")
    if not _ALIAS.fullmatch(checked):
        raise InvalidInput(
            f"Invalid alias name: '{checked}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
    return checked


def check_new_alias(alias: object) -> str:
    """Return `alias` when it may be set: as `check_alias`, but not `latest`, nothing like `v1` and no look-alike."""
    checked = check_alias(alias)
    if checked.lower() == "latest":
        raise InvalidInput("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(checked):
        raise InvalidInput(f"Version alias name '{checked}' is reserved.")
    plain = skeleton(unicodedata.normalize("NFKC", checked))
    if plain != checked and plain.isascii():
        raise InvalidInput(f"alias {checked!r} looks like {plain!r} and is not the same", hint=f"write {plain!r}")
    return checked


def check_logged_model_name(name: object) -> str:
    """Return `name` when it may name a logged model: 1 to 500 characters, and none of / : . % and quotes."""
    checked = check_text(name, MAX_LOGGED_MODEL_NAME, "the name of a logged model")
    if not checked or _LOGGED_MODEL_STRANGER.search(checked):
        raise InvalidInput(
            f"Invalid model name ({checked!r}) provided. Model name must be a non-empty string and cannot contain the"
            " following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    return checked


def check_length(text: str, limit: int, what: str) -> str:
    """Return `text` when it has at most `limit` characters."""
    if len(text) > limit:
        raise InvalidInput(f"{what} has {len(text)} characters; the limit is {limit}: '{text[:_SHOWN]}…'")
    return text


def check_text(text: object, limit: int, what: str) -> str:
    """Return `text` when it is text of at most `limit` characters."""
    if not isinstance(text, str):
        raise InvalidType(f"{what} has type {type(text).__name__}: {shortened(text)!r}; it must be a string")
    return check_length(text, limit, what)


def check_utf8(text: str, what: str) -> str:
    """Return `text` when it can be written: half a character, which Python's strings may hold, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} cannot be written as UTF-8: {shortened(text)!r}",
            hint="a path from os.fsdecode may hold bytes that are no text; log repr(path)",
        ) from error
    return text


def shortened(value: object) -> object:
    """Return `value` as a message may show it: a long text loses its end."""
    return f"{value[:_SHOWN]}…" if isinstance(value, str) and len(value) > _SHOWN else value
