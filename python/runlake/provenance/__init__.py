"""Where a run comes from: user, host, program, repository, packages."""

from __future__ import annotations

from runlake.provenance.background import (
    DIFF_FILE,
    FILE_TAGS,
    REQUIREMENTS_FILE,
    REQUIREMENTS_TAG,
    Background,
    Collected,
)
from runlake.provenance.origin import Origin, origin_of
from runlake.provenance.secrets import mask_command, mask_text
from runlake.provenance.tags import standard_tags

__all__ = [
    "DIFF_FILE",
    "FILE_TAGS",
    "REQUIREMENTS_FILE",
    "REQUIREMENTS_TAG",
    "Background",
    "Collected",
    "Origin",
    "mask_command",
    "mask_text",
    "origin_of",
    "standard_tags",
]
