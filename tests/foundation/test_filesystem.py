"""What stores ask of file systems, and what they put up with."""

import errno
import os
from pathlib import Path

import pytest

from runlake.filesystem import Keeping, keeping_of, require_locks, sync_names


def test_a_folder_that_is_not_there_yet_is_kept_as_the_one_above_it(tmp_path: Path) -> None:
    assert keeping_of(tmp_path / "a" / "b") == keeping_of(tmp_path)


def test_a_setting_overrules_how_points_are_kept_and_never_gives_a_catalog_a_wal() -> None:
    proc = Path("/proc")  # of a type that is not known
    assert (keeping_of(proc).written, keeping_of(proc).wal, keeping_of(proc).shared) == (True, False, True)
    assert (keeping_of(proc, "map").written, keeping_of(proc, "map").wal) == (False, False)


def test_a_setting_that_asks_for_writing_takes_the_wal_too(tmp_path: Path) -> None:
    forced = keeping_of(tmp_path, "write")
    assert (forced.written, forced.wal) == (True, False)


def test_locks_are_tried_only_where_they_are_not_known(tmp_path: Path) -> None:
    require_locks(tmp_path / "missing", Keeping("ext4", written=False, wal=True, shared=False, reason=""))
    require_locks(tmp_path, Keeping("NFS", written=True, wal=False, shared=True, reason="it is elsewhere"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_folder_that_cannot_be_synced_is_no_error_unless_the_disk_failed(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)
    if code == errno.EIO:
        with pytest.raises(OSError, match="Input/output"):
            sync_names(3)
    else:
        sync_names(3)
