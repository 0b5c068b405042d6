"""Shared files: one copy a content, never a wrong one."""

from pathlib import Path

import pytest

from runlake.artifacts.shared import SharedFiles


def test_the_same_content_is_kept_once(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path / "provenance")
    first, second = files.put(b"numpy==2"), files.put(b"numpy==2")
    other = files.put(b"numpy==3")
    assert first == second != other
    assert (files.get(first), files.get(other)) == (b"numpy==2", b"numpy==3")
    assert sorted(path.name for path in files.folder.iterdir()) == sorted([first, other])


@pytest.mark.parametrize("digest", ["", "0" * 64, "../" * 21 + "a", "/etc/passwd", "x" * 63, "é" * 64])
def test_a_tag_that_names_no_content_gives_nothing(tmp_path: Path, digest: str) -> None:
    (tmp_path / "a").write_bytes(b"outside")
    files = SharedFiles(tmp_path / "provenance")
    files.put(b"x")
    assert files.get(digest) is None


def test_a_content_that_was_changed_on_disk_is_not_handed_out(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path / "provenance")
    digest = files.put(b"numpy==2")
    (files.folder / digest).write_bytes(b"numpy==3")
    assert files.get(digest) is None


def test_a_content_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "provenance").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="provenance"):
        SharedFiles(tmp_path / "provenance").put(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["provenance"]
