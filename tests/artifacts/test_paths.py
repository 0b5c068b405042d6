"""Artifact paths: what is legal, and that nothing else gets near the file system."""

import contextlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.artifacts import Artifacts
from runlake.artifacts.paths import MAX_PATH_BYTES, components, file_components, join
from runlake.errors import InvalidInput, InvalidType, MlflowException, NotFound

ILLEGAL = [
    "../secret",
    "a/../../secret",
    "a/..",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "a\\b",
    "..\\secret",
    "C:/windows",
    "c:\\windows",
    "C:secret",
    "a\0b",
    "file\ud800name",
    ".runlake-0011223344556677",
    "a/.runlake-x/b",
    "x" * 256,
    "é" * 128,
    "a/" * 1100 + "b",
]


@pytest.mark.parametrize("path", ILLEGAL)
def test_an_illegal_path_is_refused_and_named(path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        components(path)
    assert repr(path)[1:20] in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, MlflowException)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("path", ILLEGAL)
def test_no_method_takes_an_illegal_path(path: str, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "root")
    (tmp_path / "secret").write_text("not yours")
    for call in (
        lambda: artifacts.write_text("x", path),
        lambda: artifacts.read_bytes(path),
        lambda: artifacts.list(path),
        lambda: artifacts.exists(path),
        lambda: artifacts.uri(path),
        lambda: artifacts.download(path, tmp_path / "out"),
        lambda: artifacts.log_file(tmp_path / "secret", path),
        lambda: artifacts.log_dir(tmp_path, path),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert sorted(os.listdir(tmp_path)) == ["secret"]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("a/b.txt", ("a", "b.txt")),
        ("./a/./b", ("a", "b")),
        ("a//b/", ("a", "b")),
        ("a%2e%2e/b", ("a%2e%2e", "b")),
        ("%2e%2e%2fetc", ("%2e%2e%2fetc",)),
        ("a#b?c;d", ("a#b?c;d",)),
        ("step:10/x", ("step:10", "x")),
        ("ab:c", ("ab:c",)),
        ("...", ("...",)),
        ("été 1.png", ("été 1.png",)),
        ("~/x", ("~", "x")),
        ("$HOME/x", ("$HOME", "x")),
    ],
)
def test_a_legal_path_is_taken_literally(path: str, names: tuple[str, ...]) -> None:
    assert components(path) == names


def test_the_root_is_a_folder_and_no_file(tmp_path: Path) -> None:
    assert components(None) == components("") == components(".") == ()
    with pytest.raises(InvalidInput, match="root"):
        file_components(".")
    with pytest.raises(InvalidInput, match="root"):
        Artifacts(tmp_path).write_text("x", "")


def test_path_objects_are_paths_and_other_things_are_not() -> None:
    assert components(Path("a/b")) == ("a", "b")
    for wrong in (b"a", 3):
        with pytest.raises((InvalidType, TypeError)):
            components(wrong)  # type: ignore[arg-type]


def test_parts_are_joined_and_checked_each() -> None:
    assert join(None, "a/b", "", "c") == "a/b/c"
    with pytest.raises(InvalidInput):
        join("a", "/b")


def test_a_path_of_the_greatest_length_can_be_written_and_read(tmp_path: Path) -> None:
    names = ["n" * 200] * 10
    path = "/".join([*names, "z" * (MAX_PATH_BYTES - len("/".join(names)) - 1)])
    artifacts = Artifacts(tmp_path / "root")
    artifacts.write_text("deep", path)
    assert artifacts.load_text(path) == "deep"


PIECES = st.sampled_from(["..", ".", "", "/", "\\", "%2e%2e", "%2f", "\0", "C:", "link", "a", "secret", "~", "é", "\n"])
PATHS = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=8).map("/".join), st.lists(PIECES).map("".join))


@given(path=PATHS)
def test_no_text_writes_or_reads_outside_the_root(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outside = Path(folder)
        (outside / "secret").write_text("not yours")
        root = outside / "root"
        root.mkdir()
        (root / "link").symlink_to(outside)
        artifacts = Artifacts(root)
        try:
            artifacts.write_text("mine", path)
            assert artifacts.load_text(path) == "mine"
            assert Path(os.path.realpath(artifacts.uri(path))).is_relative_to(root)
        except (InvalidInput, NotFound):
            pass
        assert sorted(os.listdir(outside)) == ["root", "secret"]
        assert (outside / "secret").read_text() == "not yours"
        with contextlib.suppress(InvalidInput, NotFound):
            assert artifacts.read_bytes(path) != b"not yours"
