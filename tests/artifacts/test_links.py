"""Symbolic links and special files: below the root none is followed, in what is logged they are."""

import contextlib
import itertools
import os
import threading
from pathlib import Path

import pytest

from runlake.artifacts import Artifacts
from runlake.errors import InvalidInput, NotFound


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("not yours")
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    made = Artifacts(tmp_path / "root")
    made.write_text("fine", "dir/file.txt")
    return made


def test_a_link_to_a_folder_is_not_walked(artifacts: Artifacts, outside: Path) -> None:
    (artifacts.root / "link").symlink_to(outside)
    for call in (
        lambda: artifacts.write_text("x", "link/new"),
        lambda: artifacts.read_bytes("link/secret"),
        lambda: artifacts.list("link"),
        lambda: artifacts.list("link/deeper"),
        lambda: artifacts.download("link"),
        lambda: artifacts.download("link/secret"),
        lambda: artifacts.exists("link/secret"),
    ):
        with pytest.raises(InvalidInput, match="symbolic link"):
            call()
    assert os.listdir(outside) == ["secret"]


def test_a_link_to_a_file_is_neither_read_nor_written_through(artifacts: Artifacts, outside: Path) -> None:
    (artifacts.root / "link").symlink_to(outside / "secret")
    with pytest.raises(InvalidInput, match="symbolic link"):
        artifacts.read_bytes("link")
    with pytest.raises(InvalidInput, match="symbolic link"):
        artifacts.write_text("x", "link")
    assert (outside / "secret").read_text() == "not yours"


def test_links_inside_the_root_are_not_followed_either(artifacts: Artifacts) -> None:
    (artifacts.root / "same").symlink_to("dir")
    with pytest.raises(InvalidInput, match="symbolic link"):
        artifacts.read_bytes("same/file.txt")


def test_links_are_left_out_of_listings_and_downloads(artifacts: Artifacts, outside: Path, tmp_path: Path) -> None:
    (artifacts.root / "dir" / "link").symlink_to(outside)
    (artifacts.root / "dir" / "one").symlink_to(outside / "secret")
    assert [info.path for info in artifacts.list("dir")] == ["dir/file.txt"]
    copy = Path(artifacts.download("", tmp_path / "copy"))
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*")) == ["dir", "dir/file.txt"]


def test_a_folder_that_becomes_a_link_while_files_are_written_leads_nowhere(
    artifacts: Artifacts, outside: Path
) -> None:
    """One thread puts a link in the place of a folder, the other writes below it: no write ever gets out."""
    folder, aside = artifacts.root / "d", artifacts.root / "aside"
    aside.mkdir()
    done = threading.Event()

    def swap() -> None:
        for number in itertools.count():
            with contextlib.suppress(FileNotFoundError):
                os.rename(folder, aside / str(number))
            with contextlib.suppress(FileExistsError):
                folder.symlink_to(outside)
                folder.unlink()
            if done.is_set():
                return

    swapper = threading.Thread(target=swap)
    swapper.start()
    written = refused = 0
    while written < 200 or refused < 20:
        try:
            artifacts.write_text("x", f"d/{written % 10}")
            written += 1
        except (InvalidInput, NotFound):
            refused += 1
    done.set()
    swapper.join()
    assert os.listdir(outside) == ["secret"]


def test_the_root_itself_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "disk")
    Artifacts(tmp_path / "root").write_text("x", "a/b")
    assert (tmp_path / "disk" / "a" / "b").read_text() == "x"


def test_a_logged_link_is_copied_as_what_it_leads_to(tmp_path: Path, artifacts: Artifacts) -> None:
    """Model caches keep files as links into another folder."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    (blobs / "0a1b").write_text("weights")
    (snapshot / "model.bin").symlink_to("../blobs/0a1b")
    (snapshot / "more").symlink_to(blobs)
    artifacts.log_dir(snapshot, "model")
    artifacts.log_file(snapshot / "model.bin", "single")
    for path in ("model/model.bin", "model/more/0a1b", "single/model.bin"):
        assert artifacts.load_text(path) == "weights"
        assert not os.path.islink(artifacts.uri(path))


def test_what_cannot_be_copied_is_left_out_with_one_warning(tmp_path: Path, artifacts: Artifacts) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "good").write_text("good")
    (source / "dangling").symlink_to("nowhere")
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "pipe")
    with pytest.warns(UserWarning, match="3 of the entries"):
        artifacts.log_dir(source, "copy")
    assert [info.path for info in artifacts.list("copy")] == ["copy/good"]


def test_a_folder_that_holds_the_store_is_logged_without_it(tmp_path: Path) -> None:
    (tmp_path / "lake" / "artifacts").mkdir(parents=True)
    (tmp_path / "lake" / "lake.json").write_text("{}")
    (tmp_path / "train.py").write_text("code")
    artifacts = Artifacts(tmp_path / "lake" / "artifacts" / "run")
    with pytest.warns(UserWarning, match="lake"):
        artifacts.log_dir(tmp_path, "code")
    assert [info.path for info in artifacts.list("code")] == ["code/train.py"]


def test_a_pipe_or_device_is_refused_at_once(tmp_path: Path, artifacts: Artifacts) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(artifacts.root / "pipe")
    with pytest.raises(InvalidInput, match="regular"):
        artifacts.log_file(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="regular"):
        artifacts.log_file("/dev/zero")
    with pytest.raises(InvalidInput, match="regular"):
        artifacts.read_bytes("pipe")
    with pytest.raises(InvalidInput, match="special"):
        artifacts.write_text("x", "pipe")


def test_removing_takes_links_away_and_never_what_they_lead_to(artifacts: Artifacts, outside: Path) -> None:
    (artifacts.root / "dir" / "link").symlink_to(outside)
    with pytest.raises(InvalidInput):
        artifacts.remove("dir/link/secret")
    artifacts.remove("dir")
    assert not (artifacts.root / "dir").exists()
    assert (outside / "secret").read_text() == "not yours"
