"""Requirements: read as pip and MLflow read them, pinned where a user leaves it open, and sorted."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from runlake.errors import InvalidInput, InvalidType, NoSuchFile
from runlake.models.requirements import canonical, is_pinned, listed, merged, name_of, ordered, pin_bare

HERE: Mapping[str, str] = {"numpy": "2.4.6", "pandas": "3.1.1", "torch": "2.9.0+cpu"}


def test_files_are_read_with_what_they_include(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "base.txt").write_text(
        "# what is needed\nnumpy>=2  # for arrays\n\n--extra-index-url https://index.example/simple\n"
        "pandas \\\n  >=3\n-r more/deep.txt\n-c limits.txt\n"
    )
    (tmp_path / "more" / "deep.txt").write_text("--requirement deeper.txt\n")
    (tmp_path / "more" / "deeper.txt").write_text("scipy\n")
    (tmp_path / "limits.txt").write_text("scipy<2\n")
    found = listed(tmp_path / "base.txt", "pip_requirements")
    assert found.lines == ("numpy>=2", "--extra-index-url https://index.example/simple", "pandas >=3", "scipy")
    assert found.constraints == ("scipy<2",)


def test_a_list_may_include_files_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.txt").write_text("numpy")
    (tmp_path / "limits.txt").write_text("numpy<3")
    found = listed(["pandas", "-r base.txt", "--constraint=limits.txt"], "pip_requirements")
    assert (found.lines, found.constraints) == (("pandas", "numpy"), ("numpy<3",))


def test_what_mlflow_reads_from_a_file_is_read(tmp_path: Path) -> None:
    theirs = pytest.importorskip("mlflow.utils.environment")._parse_pip_requirements
    (tmp_path / "limits.txt").write_text("scipy<2  # old\nfiona\n")
    (tmp_path / "all.txt").write_text(
        "# a comment\n\nnumpy==2.0 # why\npandas[excel]>=2 ; python_version > '3'\n-c limits.txt\n"
        "git+https://example.com/a/b@main#egg=b\n./local/wheel.whl\n-e .\n--pre\ntorch @ https://example.com/torch.whl\n"
    )
    requirements, constraints = theirs(str(tmp_path / "all.txt"))
    found = listed(tmp_path / "all.txt", "pip_requirements")
    assert list(found.lines) == requirements
    assert list(found.constraints) == constraints


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--index-url https://ann:s3cret@index.example/simple", "--index-url https://ann:***@index.example/simple"),
        ("a @ git+https://ghp_abc@github.com/o/a@main", "a @ git+https://***@github.com/o/a@main"),
        ("--index-url https://ann:${TOKEN}@index.example/simple", None),
        ("a @ git+https://${TOKEN}@github.com/o/a@main", None),
        ("a @ git+ssh://git@github.com/o/a@main", None),
    ],
)
def test_passwords_do_not_get_into_models(given: str, kept: str | None) -> None:
    found = listed([given], "pip_requirements")
    assert found.lines == (kept or given,)
    assert found.masked == (kept is not None)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt")
    (tmp_path / "b.txt").write_text("-r a.txt")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="includes itself"):
        listed(tmp_path / "a.txt", "pip_requirements")
    with pytest.raises(InvalidInput, match="UTF-8"):
        listed(tmp_path / "c.txt", "pip_requirements")
    with pytest.raises(NoSuchFile, match=r"missing\.txt"):
        listed("missing.txt", "pip_requirements")
    with pytest.raises(InvalidType, match="pip_requirements"):
        listed([1], "pip_requirements")  # type: ignore[list-item]
    with pytest.raises(InvalidType, match="pip_requirements"):
        listed(1, "pip_requirements")  # type: ignore[arg-type]


def test_bare_names_get_the_installed_version_and_keep_extras_and_markers() -> None:
    given = ["numpy", 'Pandas[excel]; sys_platform == "linux"', "torch", "scipy", "numpy>=2", "-e .", "./x.whl"]
    assert pin_bare(given, HERE.get) == [
        "numpy==2.4.6",
        'Pandas[excel]==3.1.1; sys_platform == "linux"',
        "torch==2.9.0",
        "scipy",
        "numpy>=2",
        "-e .",
        "./x.whl",
    ]


def test_what_a_user_asks_for_besides_counts_before_what_was_captured() -> None:
    captured = {"numpy": "numpy==2.4.6", "pandas": "pandas==3.1.1"}
    given = ["numpy>=2", "pandas==2.0", "dill==0.4", "--pre"]
    assert merged(captured, given, HERE.get) == ["numpy==2.4.6", "pandas==2.0", "dill==0.4", "--pre"]
    with_extra = merged(captured, ['pandas[excel]>=2; python_version > "3"'], HERE.get)
    assert with_extra == ["numpy==2.4.6", 'pandas[excel]==3.1.1; python_version > "3"']


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("numpy==2.4.6", True),
        ("numpy===2.4.6", True),
        ('numpy[x]==2.4.6; python_version > "3"', True),
        ("numpy==2.4.6 --hash=sha256:00", True),
        ("numpy", False),
        ("numpy>=2", False),
        ("numpy==2.*", False),
        ("numpy==2.0,!=2.1", False),
        ("a @ git+https://example.com/a@" + "0" * 40, True),
        ("a @ git+https://example.com/a@main", False),
        ("a @ https://example.com/a.whl", False),
        ("a @ https://example.com/a.whl#sha256=00", True),
        ("git+https://example.com/a", False),
        ("./a.whl", False),
        ("-e .", False),
        ("--index-url https://example.com", True),
        ("-c constraints.txt", True),
    ],
)
def test_it_is_told_whether_a_line_leaves_pip_a_choice(line: str, expected: bool) -> None:
    assert is_pinned(line) is expected


def test_lines_are_sorted_by_name_between_options_and_constraints() -> None:
    given = ["-c constraints.txt", "./z.whl", "SciPy==1", "a-b==1", "--pre", "-e .", "numpy", "numpy"]
    assert ordered(given) == ("--pre", "a-b==1", "numpy", "SciPy==1", "-e .", "./z.whl", "-c constraints.txt")


def test_spelling_makes_no_difference_to_what_is_hashed() -> None:
    assert canonical("Scikit_Learn [B,a] == 1.0") == canonical("scikit-learn[a,b]==1.0") == "scikit-learn[a,b]==1.0"
    assert canonical("numpy==1.0 ; python_version>'3'") == canonical('numpy==1.0; python_version > "3"')
    assert canonical("numpy==1.0   --hash=sha256:00") == "numpy==1.0 --hash=sha256:00"
    assert canonical("numpy==1.0") != canonical("numpy==1.1")


def test_names_are_found_where_lines_have_them() -> None:
    assert name_of("Zope.Interface==5") == "zope-interface"
    assert name_of("a @ https://example.com/a.whl") == "a"
    assert name_of("numpy>=1 --hash=sha256:00") == "numpy"
    assert name_of("./a.whl") is None
    assert name_of("--pre") is None
