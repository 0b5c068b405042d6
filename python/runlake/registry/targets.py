"""Targets: what services load from and gates guard, a stage that is served from or an alias."""

from __future__ import annotations

from typing import Final

from runlake import names
from runlake.errors import InvalidInput, InvalidType
from runlake.model_uris import canonical_stage

ACTIVE_STAGES: Final = ("Staging", "Production")
"""Stages from which versions are served."""

_HINT: Final = f"a target is {' or '.join(ACTIVE_STAGES)}, or an alias: @champion"


def check_target(target: object) -> str:
    """Return a target as it is kept: `Production`, `@champion`.

    Raises:
        InvalidInput: it is no stage that is served from, and no alias that can be set.
    """
    if not isinstance(target, str):
        raise InvalidType(f"a target has type {type(target).__name__}: {target!r}; it must be a string", hint=_HINT)
    if target.startswith("@"):
        return f"@{names.check_new_alias(target[1:])}"
    try:
        stage = canonical_stage(target)
    except InvalidInput:
        stage = ""
    if stage not in ACTIVE_STAGES:
        raise InvalidInput(f"{names.shortened(target)!r} is nothing that a version is promoted to", hint=_HINT)
    return stage
