"""Environments of runs: the packages that each was made with, as far as they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runlake.provenance.background import REQUIREMENTS_TAG

if TYPE_CHECKING:
    from runlake.store import Store


def packages_of(store: Store, run_ids: Sequence[str]) -> list[dict[str, str]]:
    """Return for each run the versions of its packages by name; none where nothing was recorded.

    Raises:
        NotFound: there is no such run.
    """
    digests = [store.catalog.get_run(run_id).data.tags.get(REQUIREMENTS_TAG) for run_id in run_ids]
    read = {digest: _packages(store.shared_files.get(digest)) for digest in set(digests) if digest is not None}
    return [read[digest] if digest is not None else {} for digest in digests]


def _packages(content: bytes | None) -> dict[str, str]:
    lines = (content or b"").decode(errors="replace").splitlines()
    return {name: version for name, mark, version in (line.partition("==") for line in lines) if mark}
