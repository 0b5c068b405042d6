"""Files of a run: what is written can be read, listed and downloaded, and is whole or not there."""

import builtins
import errno
import io
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import pytest

from runlake.artifacts import Artifacts
from runlake.errors import InvalidInput, MissingExtra, NotFound, StoreError, StoreUnavailable


def tree(root: str | Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob("*"))


def test_text_bytes_streams_and_dictionaries_come_back(artifacts: Artifacts) -> None:
    artifacts.write_text("grüße", "a/text.txt")
    artifacts.write_bytes(b"\0\xff", "bytes")
    artifacts.write_stream(io.BytesIO(b"x" * 3_000_000), "stream.bin")
    artifacts.write_dict({"lr": 0.1, "at": Path("x")}, "config.json")
    artifacts.write_dict({"lr": 0.1, "names": ["a", "é"]}, "config.yaml")
    assert artifacts.load_text("a/text.txt") == "grüße"
    assert artifacts.read_bytes("bytes") == b"\0\xff"
    assert artifacts.read_bytes("stream.bin") == b"x" * 3_000_000
    assert artifacts.load_dict("config.json") == {"lr": 0.1, "at": "x"}
    assert artifacts.load_dict("config.yaml") == {"lr": 0.1, "names": ["a", "é"]}
    assert "names:" in artifacts.load_text("config.yaml")


def test_an_artifact_that_exists_is_replaced(artifacts: Artifacts) -> None:
    artifacts.write_text("a longer first text", "x")
    artifacts.write_text("second", "x")
    assert artifacts.load_text("x") == "second"
    assert tree(artifacts.root) == ["x"]


def test_a_file_is_not_there_before_it_is_whole(artifacts: Artifacts) -> None:
    with artifacts.create("model.bin") as file:
        file.write(b"half")
        file.flush()
        assert not artifacts.exists("model.bin")
        assert artifacts.list() == []
        file.write(b" whole")
    assert artifacts.read_bytes("model.bin") == b"half whole"


def test_a_write_that_fails_leaves_nothing_and_keeps_what_was_there(artifacts: Artifacts) -> None:
    artifacts.write_text("first", "x")

    def fail() -> None:
        with artifacts.create("x") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert artifacts.load_text("x") == "first"
    assert tree(artifacts.root) == ["x"]


def _write_until_killed(root: str, ready: "multiprocessing.connection.Connection") -> None:
    with Artifacts(root).create("big") as file:
        file.write(b"x" * 100_000)
        file.flush()
        ready.send(True)
        signal.pause()


def test_a_killed_writer_leaves_no_artifact_and_hinders_nobody(artifacts: Artifacts) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    writer = context.Process(target=_write_until_killed, args=(str(artifacts.root), there))
    writer.start()
    assert here.recv()
    assert len(os.listdir(artifacts.root)) == 1
    writer.kill()
    writer.join()
    assert not artifacts.exists("big")
    assert artifacts.list() == []
    artifacts.write_text("next", "big")
    assert artifacts.load_text("big") == "next"


def test_a_logged_file_keeps_its_name_and_its_bytes(artifacts: Artifacts, tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(os.urandom(5_000_000))
    artifacts.log_file(source)
    artifacts.log_file(str(source), "models/best")
    assert artifacts.read_bytes("weights.bin") == source.read_bytes()
    assert artifacts.read_bytes("models/best/weights.bin") == source.read_bytes()


def test_a_file_of_another_file_system_is_copied(artifacts: Artifacts) -> None:
    artifacts.log_file("/proc/self/status")
    assert artifacts.load_text("status").startswith("Name:")


def test_a_logged_folder_keeps_its_tree(artifacts: Artifacts, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "f").write_text("1")
    (source / "sub" / "g").write_text("2")
    artifacts.log_dir(source, "into")
    artifacts.log_file(source)
    artifacts.log_file(source, "deep/er")
    artifacts.log_dir(source)
    inside = ["f", "sub", "sub/empty", "sub/g"]
    assert tree(artifacts.root) == sorted(
        [*inside, "deep", "deep/er"]
        + [f"{folder}" for folder in ("into", "src", "deep/er/src")]
        + [f"{folder}/{name}" for folder in ("into", "src", "deep/er/src") for name in inside]
    )


def test_a_name_that_is_not_legal_is_found_before_anything_is_copied(artifacts: Artifacts, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a").write_text("1")
    (source / "b\\c").write_text("2")
    with pytest.raises(InvalidInput, match="backslash"):
        artifacts.log_dir(source, "into")
    assert not artifacts.root.exists()


def test_logging_what_is_not_there_says_so(artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="missing"):
        artifacts.log_file(tmp_path / "missing")
    with pytest.raises(NotFound, match="missing"):
        artifacts.log_dir(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="log_artifact"):
        artifacts.log_dir(tmp_path / "file")


def test_files_and_folders_do_not_take_each_other_s_names(artifacts: Artifacts) -> None:
    artifacts.write_text("x", "a/b")
    with pytest.raises(InvalidInput, match="folder"):
        artifacts.write_text("x", "a")
    with pytest.raises(InvalidInput, match="'a/b' is a file"):
        artifacts.write_text("x", "a/b/c")
    with pytest.raises(InvalidInput, match="folder"):
        artifacts.read_bytes("a")
    with pytest.raises(InvalidInput, match="is a file"):
        artifacts.read_bytes("a/b/c")


def test_reading_what_is_not_there_says_so(artifacts: Artifacts) -> None:
    for path in ("x", "a/x"):
        with pytest.raises(NotFound):
            artifacts.read_bytes(path)
        with pytest.raises(NotFound):
            artifacts.download(path)
        assert not artifacts.exists(path)
    artifacts.write_text("", "a/b")
    with pytest.raises(NotFound, match="a/x"):
        artifacts.read_bytes("a/x")


def test_a_listing_is_sorted_and_has_sizes(artifacts: Artifacts) -> None:
    assert artifacts.list() == []
    artifacts.write_text("12", "b.txt")
    artifacts.write_text("123", "a/c.txt")
    artifacts.write_text("", "a/b/d.txt")
    listed = [(info.path, info.is_dir, info.file_size) for info in artifacts.list()]
    assert listed == [("a", True, None), ("b.txt", False, 2)]
    assert [(info.path, info.file_size) for info in artifacts.list("a")] == [("a/b", None), ("a/c.txt", 3)]
    assert artifacts.list("b.txt") == artifacts.list("nothing") == artifacts.list("a/nothing/x") == []


def test_a_download_without_a_place_is_the_artifact_itself(artifacts: Artifacts) -> None:
    artifacts.write_text("x", "a/b.txt")
    assert artifacts.download("a/b.txt") == artifacts.uri("a/b.txt") == str(artifacts.root / "a" / "b.txt")
    assert artifacts.download() == str(artifacts.root)


def test_a_download_keeps_the_last_name(artifacts: Artifacts, tmp_path: Path) -> None:
    artifacts.write_text("1", "a/b/c.txt")
    artifacts.write_text("2", "d.txt")
    assert artifacts.download("a/b/c.txt", tmp_path / "one") == str(tmp_path / "one" / "c.txt")
    assert artifacts.download("a", tmp_path / "two" / "new") == str(tmp_path / "two" / "new" / "a")
    assert artifacts.download(dst_path=tmp_path / "all") == str(tmp_path / "all")
    assert tree(tmp_path / "one") == ["c.txt"]
    assert tree(tmp_path / "two" / "new") == ["a", "a/b", "a/b/c.txt"]
    assert tree(tmp_path / "all") == ["a", "a/b", "a/b/c.txt", "d.txt"]


def test_a_download_leaves_out_what_is_being_written(artifacts: Artifacts, tmp_path: Path) -> None:
    artifacts.write_text("1", "whole")
    with artifacts.create("half") as file:
        file.write(b"2")
        artifacts.download(dst_path=tmp_path / "copy")
        artifacts.log_dir(artifacts.root, "again")
    assert tree(tmp_path / "copy") == ["whole"]
    assert artifacts.exists("again/whole")
    assert not artifacts.exists("again/half")


def test_files_that_do_not_parse_are_named(artifacts: Artifacts) -> None:
    artifacts.write_bytes(b"\xff\xfe", "binary")
    artifacts.write_text("{", "broken.json")
    artifacts.write_text("a: [", "broken.yaml")
    artifacts.write_text("!!python/object/apply:os.getcwd []", "evil.yaml")
    with pytest.raises(InvalidInput, match=r"binary.*UTF-8"):
        artifacts.load_text("binary")
    for path in ("broken.json", "broken.yaml", "evil.yaml"):
        with pytest.raises(InvalidInput, match=path):
            artifacts.load_dict(path)
    with pytest.raises(InvalidInput, match="UTF-8"):
        artifacts.write_text("\ud800", "surrogate")


def test_yaml_without_pyyaml_names_what_to_install(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match="pip install pyyaml") as missing:
        artifacts.write_dict({}, "x.yml")
    assert isinstance(missing.value, ImportError)
    assert not artifacts.exists("x.yml")
    artifacts.write_dict({}, "x.json")


def test_new_files_have_the_permissions_of_the_umask(artifacts: Artifacts) -> None:
    before = os.umask(0o027)
    try:
        artifacts.write_text("x", "a/b")
    finally:
        os.umask(before)
    assert os.stat(artifacts.uri("a/b")).st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Artifacts(tmp_path / "file").write_text("x", "y")


def leading_to(root: Path) -> builtins.list[Path]:
    """The folders above a root that are on the same disk."""
    return [folder for folder in root.parents if folder.stat().st_dev == root.stat().st_dev]


def test_sync_reaches_every_file_written_and_the_folders_above(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts.write_text("1", "a/b/c")
    artifacts.write_text("2", "d")
    artifacts.write_text("3", "gone")
    os.unlink(artifacts.uri("gone"))
    synced: builtins.list[str] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), artifacts.root))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    artifacts.sync()
    above = [os.path.relpath(folder, artifacts.root) for folder in leading_to(artifacts.root)]
    assert sorted(synced) == sorted([".", "a", "a/b", "a/b/c", "d", *above])
    synced.clear()
    artifacts.sync()
    assert synced == []


def test_a_sync_that_failed_is_said_and_made_up_for(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts.write_text("1", "a/b")
    synced: builtins.list[int] = []

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreError, match="could not be synced"):
            artifacts.sync()
    monkeypatch.setattr(os, "fsync", synced.append)
    artifacts.sync()
    assert len(synced) == 3 + len(leading_to(artifacts.root)), "the file, its folder, the root and what leads to it"


def test_a_lock_is_held_against_other_holders_and_given_back(artifacts: Artifacts) -> None:
    other = artifacts.locked("t/y.json", timeout_s=0.01)
    with artifacts.locked("t/x.json"), pytest.raises(StoreUnavailable, match="locked"):
        other.__enter__()
    with artifacts.locked("t/x.json", timeout_s=0.0):
        pass


def test_no_descriptor_is_left_open(artifacts: Artifacts, tmp_path: Path) -> None:
    def use() -> None:
        artifacts.write_text("x", "a/b")
        artifacts.list("a")
        artifacts.download(dst_path=tmp_path / "copy")
        artifacts.sync()
        with artifacts.locked("a/b"):
            pass
        for path in ("../x", "a", "a/b/c", "nothing/x"):
            with pytest.raises((InvalidInput, NotFound)):
                artifacts.read_bytes(path)

    use()
    before = len(os.listdir("/proc/self/fd"))
    use()
    assert len(os.listdir("/proc/self/fd")) == before


def test_json_is_indented_for_people(artifacts: Artifacts) -> None:
    artifacts.write_dict({"a": 1}, "x.json")
    assert artifacts.load_text("x.json") == json.dumps({"a": 1}, indent=2)


def test_files_folders_and_everything_are_removed(artifacts: Artifacts) -> None:
    for path in ("a", "dir/b", "dir/deep/c", "other/d"):
        artifacts.write_text("x", path)
    artifacts.remove("a")
    artifacts.remove("dir/deep")
    assert tree(artifacts.root) == ["dir", "dir/b", "other", "other/d"]
    artifacts.remove()
    assert tree(artifacts.root) == []
    for path in ("a", "dir/b"):
        with pytest.raises(NotFound):
            artifacts.remove(path)
