"""Files of a journal as machines leave them that stopped, or that somebody has copied; docs/design.md, "Chunk"."""

from __future__ import annotations

import struct
from pathlib import Path

BLOCK = 4096
BOOT_ID_AT = 72
MADE_AT = 104
CRC_AT = 112


def crc32c(data: bytes) -> int:
    """The checksum of headers and frames, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def change_header(path: Path, at: int, field: bytes) -> None:
    """Write a field of a chunk's header, whose checksum is right again afterwards."""
    with path.open("r+b") as file:
        header = bytearray(file.read(CRC_AT))
        if not any(header[:8]):
            return  # made ahead, and not begun
        header[at : at + len(field)] = field
        file.seek(0)
        file.write(header + struct.pack("<I", crc32c(bytes(header))))


def restart_machine(root: Path) -> None:
    """Let every chunk of a store be of another boot: what no sync has covered may be anything then."""
    for path in (root / "journals").glob("*.journal"):
        change_header(path, BOOT_ID_AT, b"another boot, 16"[:16])


def write_at(path: Path, at: int, data: bytes) -> None:
    """Overwrite bytes of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
