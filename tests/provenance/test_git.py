"""The repository: what is found in real ones, and that nothing in them is touched or run."""

import os
import stat
import time
from pathlib import Path

import pytest

from runlake.provenance.git import MAX_DIFF_BYTES, Repository, read_repository
from tests.provenance.conftest import git


def read(folder: Path, seconds: float = 20.0) -> Repository:
    found = read_repository(folder, deadline=time.monotonic() + seconds)
    assert found is not None
    return found


def test_a_clean_repository_is_commit_and_branch(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "untracked.txt").write_text("not part of it")
    (repository / "deep" / "er").mkdir(parents=True)
    for folder in (repository, repository / "deep" / "er"):
        found = read(folder)
        assert found == Repository(repository, commit, "trunk", dirty=False, url=None, diff=b"")
        assert found.tags() == {
            "mlflow.source.git.commit": commit,
            "mlflow.source.git.branch": "trunk",
            "mlflow.source.git.dirty": "false",
        }


def test_changes_of_tracked_files_are_a_diff_that_git_can_apply(repository: Path, tmp_path: Path) -> None:
    (repository / "train.py").write_text("lr = 0.2  # grüße\n")
    (repository / "new.py").write_text("staged\n")
    git(repository, "add", "new.py")
    (repository / "ignored.txt").write_text("untracked\n")
    found = read(repository)
    assert found.dirty
    assert found.tags()["mlflow.source.git.dirty"] == "true"
    assert b"ignored" not in found.diff
    git(tmp_path, "clone", "-q", str(repository), "clone")
    (tmp_path / "uncommitted.diff").write_bytes(found.diff)
    git(tmp_path / "clone", "apply", str(tmp_path / "uncommitted.diff"))
    assert (tmp_path / "clone" / "train.py").read_text() == "lr = 0.2  # grüße\n"
    assert (tmp_path / "clone" / "new.py").read_text() == "staged\n"


def test_of_binary_files_only_that_they_differ(repository: Path) -> None:
    (repository / "weights.bin").write_bytes(os.urandom(100_000))
    git(repository, "add", ".")
    found = read(repository)
    assert b"Binary files" in found.diff
    assert len(found.diff) < 1000


def test_a_large_diff_is_cut_at_a_line_and_says_so(repository: Path) -> None:
    (repository / "train.py").write_text("".join(f"line {number}\n" for number in range(500_000)))
    found = read(repository)
    assert found.dirty
    *lines, last = found.diff.decode().splitlines()
    assert MAX_DIFF_BYTES - 100 < len(found.diff) < MAX_DIFF_BYTES + 200
    assert lines[-1].startswith("+line ")
    assert str(MAX_DIFF_BYTES) in last


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert "mlflow.source.git.branch" not in read(repository).tags()
    assert read(repository).commit == git(repository, "rev-parse", "HEAD")


def test_a_repository_without_a_commit_has_a_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    (tmp_path / "x").write_text("x")
    git(tmp_path, "add", "x")
    found = read(tmp_path)
    assert (found.commit, found.branch, found.dirty, found.diff) == (None, "trunk", True, b"")


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("https://user:ghp_secret@github.com/org/repo.git", "https://github.com/org/repo.git"),
        ("https://token@example.org:8443/r?access_token=x", "https://example.org:8443/r"),
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git"),
        ("ssh://git@example.org/r", "ssh://git@example.org/r"),
        ("ssh://me:pw@example.org/r", "ssh://example.org/r"),
        ("/srv/git/r.git", "/srv/git/r.git"),
    ],
)
def test_the_remote_is_shown_without_credentials(repository: Path, remote: str, shown: str) -> None:
    git(repository, "remote", "add", "other", "https://example.org/other")
    git(repository, "remote", "add", "origin", remote)
    assert read(repository).url == shown


def test_a_work_tree_of_its_own_is_a_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert read(tmp_path / "side").branch == "side"


def test_outside_of_a_repository_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_repository(tmp_path, deadline=time.monotonic() + 20) is None
    assert read_repository(tmp_path / "missing", deadline=time.monotonic() + 20) is None


def test_without_git_there_is_no_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert read_repository(repository, deadline=time.monotonic() + 20) is None


def test_a_git_that_hangs_is_stopped_at_the_deadline(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec /bin/sleep 1000\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent))
    began = time.monotonic()
    assert read_repository(repository, deadline=began + 0.2) is None
    assert time.monotonic() - began < 10


def test_nothing_in_the_repository_changes(repository: Path) -> None:
    (repository / "train.py").write_text("lr = 0.2\n")
    os.utime(repository / "train.py", (1, 1))

    def state() -> dict[str, tuple[int, int, bytes]]:
        paths = [path for path in repository.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes()) for path in paths}

    before = state()
    read(repository)
    assert state() == before


def test_a_locked_index_does_not_matter(repository: Path) -> None:
    (repository / ".git" / "index.lock").write_text("")
    (repository / "train.py").write_text("lr = 0.2\n")
    assert read(repository).diff


def test_programs_that_the_repository_names_are_not_run(repository: Path, tmp_path: Path) -> None:
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\ncat\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for setting in ("diff.external", "core.fsmonitor", "core.pager", "diff.evil.textconv", "diff.evil.command"):
        git(repository, "config", setting, str(program))
    (repository / ".gitattributes").write_text("*.py diff=evil\n")
    (repository / "train.py").write_text("lr = 0.2\n")
    assert b"+lr = 0.2" in read(repository).diff
    assert not (tmp_path / "was-run").exists()


def test_names_and_branches_of_any_letters_are_kept(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "zweig/ä")
    (repository / "ü ö.py").write_text("x\n")
    git(repository, "add", ".")
    found = read(repository)
    assert found.branch == "zweig/ä"
    assert "ü ö.py".encode() in found.diff
