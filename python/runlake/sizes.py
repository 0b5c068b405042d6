"""Sizes: bytes for people to read."""

from __future__ import annotations


def size(bytes_: float) -> str:
    """Return a size with a unit that suits it: `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if bytes_ < 1024:
            return f"{bytes_:.0f} {unit}" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.1f} TiB"
