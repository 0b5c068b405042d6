"""File systems to put stores on, made for a test and unmounted after it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LINKS = Path(__file__).with_name("no_links.c")
_BTRFS_BYTES = 120 << 20


class Missing(Exception):
    """This machine cannot mount the file system; the message says why."""


@contextmanager
def btrfs(folder: Path) -> Iterator[Path]:
    """A small btrfs on a loop device."""
    _require("mkfs.btrfs")
    image = folder / "btrfs.img"
    with image.open("wb") as file:
        file.truncate(_BTRFS_BYTES)
    _run("mkfs.btrfs", "-q", "-m", "single", str(image))
    with _mounted(folder, "mount", "-o", "loop", str(image)) as mounted:
        yield mounted


@contextmanager
def fuse(folder: Path, *options: str) -> Iterator[Path]:
    """A folder seen through bindfs."""
    _require("bindfs")
    (folder / "below").mkdir()
    with _mounted(folder, "bindfs", *options, str(folder / "below")) as mounted:
        yield mounted


@contextmanager
def fuse_without_mappings(folder: Path) -> Iterator[Path]:
    """FUSE whose server wants to see each read and write."""
    with fuse(folder, "-o", "direct_io") as mounted:
        yield mounted


@contextmanager
def fuse_with_one_owner(folder: Path) -> Iterator[Path]:
    """FUSE whose server takes locks for all its clients as if they were its own."""
    with fuse(folder, "--multithreaded", "--enable-lock-forwarding") as mounted:
        yield mounted


@contextmanager
def fuse_without_links(folder: Path) -> Iterator[Path]:
    """FUSE whose server knows no hard links."""
    _require("bindfs")
    _require("cc")
    (folder / "below").mkdir()
    library = folder / "no_links.so"
    _run("cc", "-shared", "-fPIC", "-Wall", "-Werror", str(_NO_LINKS), "-o", str(library))
    with _mounted(folder, "env", f"LD_PRELOAD={library}", "bindfs", str(folder / "below")) as mounted:
        yield mounted


@contextmanager
def ext4(folder: Path) -> Iterator[Path]:
    """Where the tests are, with the mode forced: an ordinary folder."""
    yield folder


GROUNDS: dict[str, Callable[[Path], "contextmanager[Path]"]] = {  # type: ignore[type-arg]
    "btrfs": btrfs,
    "FUSE": fuse,
    "FUSE without mappings": fuse_without_mappings,
    "forced": ext4,
}


def _require(program: str) -> None:
    if shutil.which(program) is None:
        raise Missing(f"there is no {program}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{command[0]}: {done.stderr.strip()}")


@contextmanager
def _mounted(folder: Path, *command: str) -> Iterator[Path]:
    mounted = folder / "mounted"
    mounted.mkdir()
    _run(*command, str(mounted))
    try:
        yield mounted
    finally:
        _run("umount", "-l", str(mounted))
