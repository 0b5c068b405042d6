"""Environments: exact versions of what a saved model imports, in files that MLflow reads, under one hash."""

import hashlib
import importlib
import logging
import pickle
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import runlake
from runlake.errors import Corrupt, InvalidInput, NotFound
from runlake.models.environment import Environment, capture, recorded
from tests.models import installing

OWN = f"runlake=={runlake.__version__}"
MODEL = "class Model:\n    def predict(self, data):\n        import e_late\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path with three distributions: that of a model, what it imports, and one of no concern."""
    folder = tmp_path / "site-packages"
    installing.put(folder, "E.Model", "1.0", {"e_model.py": f"import e_base\n{MODEL}"})
    installing.put(folder, "e-base", "2.0+cpu", {"e_base/__init__.py": "", "e_base/part.py": ""})
    installing.put(folder, "e-late-binding", "3.0", {"e_late.py": ""})
    installing.put(folder, "e-other", "4.0", {"e_other.py": ""})
    before = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    for name in ("e_model", "e_late", "e_other"):
        importlib.import_module(name)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a model, without its files."""
    place = tmp_path / "model"
    place.mkdir()
    return place


def saved(module: str = "e_model") -> Callable[[Path], object]:
    data = pickle.dumps(importlib.import_module(module).Model())
    return lambda _: pickle.loads(data).predict(1)


def test_what_is_imported_is_pinned_to_the_installed_version(site: Path, folder: Path) -> None:
    found = capture(folder, run=saved())
    assert found.requirements == ("e-base==2.0", "e-late-binding==3.0", "e-model==1.0", OWN)
    assert found.python == platform.python_version()
    assert found.unpinned == ()


def test_imports_that_were_recorded_are_not_made_again(site: Path, folder: Path) -> None:
    with recorded() as seen:
        saved()(folder)
    assert capture(folder, seen=seen).requirements == ("e-base==2.0", "e-late-binding==3.0", "e-model==1.0", OWN)


def test_a_model_that_cannot_be_run_needs_what_its_flavor_says_and_a_warning_says_so(
    site: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def run(_: Path) -> None:
        raise KeyError("column")

    found = capture(folder, run=run, requirements=("e-base", "e-absent"))
    assert found.requirements == ("e-absent", "e-base==2.0", OWN)
    (record,) = caplog.records
    assert "KeyError: 'column'" in record.message
    assert "e-base, e-absent" in record.message


def test_what_is_required_besides_is_added(site: Path, folder: Path) -> None:
    found = capture(folder, run=saved(), extra=["e-other", "e-base>=1", "e-model==0.9"])
    assert found.requirements == ("e-base==2.0", "e-late-binding==3.0", "e-model==0.9", "e-other==4.0", OWN)


def test_what_is_required_instead_is_all_there_is_and_nothing_is_run(site: Path, folder: Path) -> None:
    (folder.parent / "all.txt").write_text("e-other\ne-base>=1; python_version > '3'\n-c limits.txt\n")
    (folder.parent / "limits.txt").write_text("e-base<3\n")
    found = capture(folder, pip_requirements=str(folder.parent / "all.txt"), run=lambda _: pytest.fail("it was run"))
    assert found.requirements == (
        "e-base>=1; python_version > '3'",
        "e-other==4.0",
        OWN,
        "-c constraints.txt",
    )
    assert found.constraints == ("e-base<3",)
    assert found.unpinned == ("e-base>=1; python_version > '3'",)


def test_only_one_way_to_give_requirements_is_taken(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="pip_requirements and extra_pip_requirements"):
        capture(folder, pip_requirements=["a"], extra=["b"])


def test_a_conda_environment_is_kept_as_it_is(folder: Path) -> None:
    conda = {
        "name": "own",
        "channels": ["x"],
        "dependencies": ["python=3.12.1", "gdal", "pip", {"pip": ["numpy==2.0"]}],
    }
    found = capture(folder, conda_env=conda)
    found.write(folder)
    assert yaml.safe_load((folder / "conda.yaml").read_text()) == {
        **conda,
        "dependencies": ["python=3.12.1", "gdal", "pip", {"pip": ["numpy==2.0", OWN]}],
    }
    assert (folder / "requirements.txt").read_text() == f"numpy==2.0\n{OWN}\n"
    assert yaml.safe_load((folder / "python_env.yaml").read_text())["python"] == "3.12.1"
    with pytest.raises(InvalidInput, match="dependencies"):
        capture(folder, conda_env={"name": "own"})


def test_a_commit_and_an_address_are_pinned_as_such(site: Path, folder: Path) -> None:
    commit = "0" * 40
    vcs = {"url": "https://example.com/e.git", "vcs_info": {"vcs": "git", "commit_id": commit}, "subdirectory": "py"}
    installing.put(site, "e-vcs", "1", {"e_vcs.py": f"import e_url\n{MODEL}"}, direct_url=vcs)
    archive = {"url": "https://example.com/e_url-1.whl", "archive_info": {"hashes": {"sha256": "00"}}}
    installing.put(site, "e-url", "1", {"e_url.py": ""}, direct_url=archive)
    found = capture(folder, run=saved("e_vcs"))
    assert found.requirements == (
        "e-late-binding==3.0",
        "e-url @ https://example.com/e_url-1.whl#sha256=00",
        f"e-vcs @ git+https://example.com/e.git@{commit}#subdirectory=py",
        OWN,
    )
    assert found.unpinned == ()


def test_an_editable_install_is_pinned_by_version_and_warned_of(
    site: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = folder.parent / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "e_editable.py").write_text(MODEL)
    editable = {"url": project.as_uri(), "dir_info": {"editable": True}}
    installing.put(site, "e-editable", "0.5", {}, direct_url=editable)
    monkeypatch.syspath_prepend(project / "src")
    found = capture(folder, run=saved("e_editable"))
    assert found.requirements == ("e-editable==0.5", "e-late-binding==3.0", OWN)
    (record,) = caplog.records
    assert f"e-editable 0.5 ({project})" in record.message
    assert "code_paths" in record.message


def test_what_conda_has_built_is_of_no_folder_here(site: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    built = {"url": "file:///croot/e-conda_1/work", "dir_info": {}}
    installing.put(site, "e-conda", "1", {"e_conda.py": MODEL}, direct_url=built, installer="conda")
    assert capture(folder, run=saved("e_conda")).requirements == ("e-conda==1", "e-late-binding==3.0", OWN)
    assert caplog.records == []


def test_code_of_nobody_is_warned_of_unless_it_is_saved_with_the_model(
    site: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = folder.parent / "project"
    project.mkdir()
    (project / "e_script.py").write_text(f"import e_other\n{MODEL}")
    (project / "e_plots.py").write_text("import e_base")
    monkeypatch.syspath_prepend(project)
    importlib.import_module("e_plots")
    expected = ("e-late-binding==3.0", "e-other==4.0", OWN)
    assert capture(folder, run=saved("e_script"), code_paths=[project]).requirements == expected
    assert caplog.records == []
    assert capture(folder, run=saved("e_script")).requirements == expected
    (record,) = caplog.records
    assert f"e_script ({project / 'e_script.py'})" in record.message


def test_a_class_of_the_script_that_saves_is_warned_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Local:
        pass

    Local.__module__, Local.__qualname__ = "__main__", "Local"
    monkeypatch.setattr(sys.modules["__main__"], "Local", Local, raising=False)
    data = pickle.dumps(Local())
    assert capture(folder, run=lambda _: pickle.loads(data)).requirements == (OWN,)
    (record,) = caplog.records
    assert "code of the script" in record.message


def test_two_distributions_may_share_a_package(site: Path, folder: Path) -> None:
    installing.put(site, "e-space-one", "1", {"e_space/one.py": "import e_space.two\n" + MODEL})
    installing.put(site, "e-space-two", "2", {"e_space/two.py": ""})
    found = capture(folder, run=saved("e_space.one"))
    assert found.requirements == ("e-late-binding==3.0", "e-space-one==1", "e-space-two==2", OWN)


def test_passwords_in_requirements_are_left_out_and_a_warning_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = capture(folder, pip_requirements=["--index-url https://ann:s3cret@index.example", "numpy==2.0"])
    assert "s3cret" not in str(found)
    assert "${NAME}" in caplog.text
    assert "s3cret" not in caplog.text


def test_what_is_written_is_read_again(folder: Path) -> None:
    environment = Environment("3.12.1", ("--pre", "a==1", "-c constraints.txt"), ("b<2",), ("pip==26.3", "wheel"))
    environment.write(folder)
    assert Environment.read(folder) == environment
    assert Environment.read(folder).lock_hash == environment.lock_hash


def test_the_hash_is_of_what_pip_is_told_and_python_and_of_nothing_else() -> None:
    one = Environment("3.12.1", ("a==1", "b==2"))
    assert one.lock_hash == Environment("3.12.1", ("B == 2", "a==1"), build=("pip==1",)).lock_hash
    others = [
        Environment("3.12.2", ("a==1", "b==2")),
        Environment("3.12.1", ("a==1", "b==3")),
        Environment("3.12.1", ("a==1",)),
        Environment("3.12.1", ("a==1", "b==2"), ("c<1",)),
    ]
    assert one.lock_hash not in {other.lock_hash for other in others}
    assert one.lock_hash == "sha256:" + hashlib.sha256(b"python 3.12.1\na==1\nb==2\n").hexdigest()


@pytest.mark.parametrize("name", ["python_env.yaml", "conda.yaml", "requirements.txt"])
def test_a_garbled_file_is_named(folder: Path, name: str) -> None:
    Environment("3.12.1", ("a==1",)).write(folder)
    (folder / name).write_bytes(b"\xff: [")
    with pytest.raises(Corrupt, match=name):
        Environment.read(folder)


@pytest.mark.parametrize("line", ["-r /etc/passwd", "-c ../secret.txt", "-r link.txt"])
def test_what_a_model_requires_opens_no_file_but_its_own(folder: Path, line: str) -> None:
    (folder.parent / "secret.txt").write_text("secret==1")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    Environment("3.12.1", (line,)).write(folder)
    with pytest.raises(Corrupt, match="is not in"):
        Environment.read(folder)
    (folder / "requirements.txt").unlink()
    with pytest.raises(Corrupt, match="is not in"):
        Environment.read(folder)


def test_a_model_that_says_nothing_of_its_environment_is_no_error_but_not_found(folder: Path) -> None:
    with pytest.raises(NotFound, match="does not say what it requires"):
        Environment.read(folder)


def test_mlflow_reads_the_files(folder: Path) -> None:
    theirs = pytest.importorskip("mlflow.utils.environment")
    environment = Environment("3.12.1", ("a==1", "b==2"), (), ("pip==26.3", "setuptools", "wheel"))
    environment.write(folder)
    python = theirs._PythonEnv.from_yaml(folder / "python_env.yaml")
    assert python.to_dict() == {
        "python": "3.12.1",
        "build_dependencies": ["pip==26.3", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    conda = theirs._PythonEnv.get_dependencies_from_conda_yaml(folder / "conda.yaml")
    assert conda == {"python": "3.12.1", "build_dependencies": ["pip<=26.3"], "dependencies": ["a==1", "b==2"]}


def test_the_files_are_those_that_mlflow_writes(folder: Path) -> None:
    theirs: Any = pytest.importorskip("mlflow.utils.environment")
    requirements = ["mlflow==3.0", "numpy==2.0"]
    conda, lines, _ = theirs._process_pip_requirements(requirements)
    theirs._PythonEnv.current().to_yaml(str(folder / "theirs.yaml"))
    (folder / "theirs-conda.yaml").write_text(yaml.safe_dump(conda, default_flow_style=False))
    found = capture(folder, pip_requirements=[*requirements, OWN])
    Environment(found.python, tuple(lines), (), found.build).write(folder)
    assert (folder / "python_env.yaml").read_text() == (folder / "theirs.yaml").read_text()
    assert (folder / "conda.yaml").read_text() == (folder / "theirs-conda.yaml").read_text()
    assert (folder / "requirements.txt").read_text() == "\n".join(lines) + "\n"


def test_nothing_is_said_when_all_is_well(site: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    capture(folder, run=saved())
    assert caplog.records == []
