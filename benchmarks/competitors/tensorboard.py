"""TensorBoard's event files, written by tensorboardX. They keep values as float32."""

from __future__ import annotations

import struct
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.proto import event_pb2

from benchmarks.competitors.competitor import Held

_LENGTH_AND_CRC = 12
_CRC = 4


class TensorBoard:
    name = "tensorboardX"
    points = 50_000

    def __init__(self, folder: Path) -> None:
        self.kept: Path | None = folder
        self._folder = folder

    def start(self) -> None:
        self._writer = SummaryWriter(str(self._folder))

    def loop(self, values: list[float]) -> None:
        writer = self._writer
        for step, value in enumerate(values):
            writer.add_scalar("loss", value, step)

    def close(self) -> None:
        self._writer.close()

    def held(self) -> Held:
        values = [value.simple_value for path in self._folder.glob("events*") for value in _scalars(path.read_bytes())]
        return Held(len(values), sum(values))


def _scalars(records: bytes) -> list[event_pb2.Summary.Value]:
    """Read the records of an event file: length, crc of it, an event, crc of that."""
    found, at = [], 0
    while at < len(records):
        (length,) = struct.unpack_from("<Q", records, at)
        at += _LENGTH_AND_CRC
        found += event_pb2.Event.FromString(records[at : at + length]).summary.value
        at += length + _CRC
    return found
