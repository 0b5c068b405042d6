"""Machine: where numbers were taken, without which they say nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import runlake
from runlake import _engine
from runlake.bench.place import file_system
from runlake.config import Config


@dataclass(frozen=True)
class Machine:
    """Processor, memory, storage, versions, and the settings that stores are opened with.

    Attributes:
        load: Processes that wanted a processor, on average over the last minute, when measuring began.
        release: Whether the engine is built as in wheels.
    """

    cpu: str
    cores: int
    memory_bytes: int
    load: float
    system: str
    python: str
    runlake: str
    release: bool
    folder: str
    file_system: str
    settings: dict[str, Any]

    @property
    def busy(self) -> bool:
        """Whether others kept at least half of the processors."""
        return self.load >= self.cores / 2

    def __str__(self) -> str:
        size = f"{self.memory_bytes / (1 << 30):.0f} GiB"
        return (
            f"{self.cpu}, {self.cores} cores, {size}; {self.system}; Python {self.python}; runlake {self.runlake}; "
            f"{self.file_system} at {self.folder}"
        )


def describe(folder: Path, config: Config) -> Machine:
    """Look at this machine and at the storage of `folder`."""
    return Machine(
        cpu=_field("/proc/cpuinfo", "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) << 10,
        load=os.getloadavg()[0],
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        runlake=runlake.__version__,
        release=not _engine.__debug_build__,
        folder=str(folder),
        file_system=file_system(folder),
        settings=asdict(config),
    )


def _field(file: str, name: str) -> str | None:
    """Return what follows the first `name :` of a file of the kernel's."""
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
