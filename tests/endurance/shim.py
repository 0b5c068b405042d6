"""Shim: bad clocks and bad disks for programs that are started with it; see shim.c."""

import mmap
import os
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

_SOURCE = Path(__file__).with_name("shim.c")
_BYTES = 32


@cache
def _library() -> Path | None:
    """Compile the shim, once a process; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = Path(mkdtemp(prefix="runlake-shim-")) / "shim.so"
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", _SOURCE, "-o", library, "-ldl"], check=True
    )
    return library


class Shim:
    """Sets, from outside, what the programs that were started with its `environment` are told by their system."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_BYTES))
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _BYTES)

    @property
    def environment(self) -> dict[str, str]:
        """What a program has to be started with. The test is skipped where there is no compiler."""
        library = _library()
        if library is None:
            pytest.skip("needs cc to compile tests/endurance/shim.c")
        return {"LD_PRELOAD": str(library), "RUNLAKE_TEST_SHIM": str(self.path)}

    def set_clock(self, offset_s: float) -> None:
        """Let the wall clock be wrong by so much."""
        struct.pack_into("=q", self._map, 0, round(offset_s * 1e9))

    def fail_syncs(self, *, journals: bool = False, others: bool = False, forget: bool = False) -> None:
        """Let fsync and fdatasync fail with EIO, or none any more; with `forget`, chunks lose 146 points."""
        struct.pack_into("=I", self._map, 24, forget)
        struct.pack_into("=II", self._map, 8, journals, others)

    @property
    def failed(self) -> int:
        """How many syncs have failed."""
        return int(struct.unpack_from("=Q", self._map, 16)[0])

    @staticmethod
    def here() -> "Shim":
        """The shim that this program was started with, set by itself."""
        shim = Shim.__new__(Shim)
        shim.path = Path(os.environ["RUNLAKE_TEST_SHIM"])
        with shim.path.open("r+b") as file:
            shim._map = mmap.mmap(file.fileno(), _BYTES)
        return shim
