"""Names: the keys that MLflow takes are legal, and the engine agrees."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake import _engine, names
from runlake.errors import InvalidInput, InvalidType


@pytest.fixture(scope="module")
def engine_accepts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], bool]]:
    """Tells whether the engine takes a key for a metric."""
    journals: Path = tmp_path_factory.mktemp("journals")
    writer = _engine.Writer(str(journals), "0" * 32)
    logger = writer.run("run1")

    def accepts(key: str) -> bool:
        try:
            logger.metric(key)
        except InvalidInput:
            return False
        return True

    yield accepts
    writer.close()


def is_legal(key: str) -> bool:
    try:
        return names.check_key(key) == key
    except InvalidInput:
        return False


@pytest.mark.parametrize("key", ["loss", "train/loss", "a b.c:d-e_f", "ä", "日本", "..a", "x" * 250])
def test_legal_keys(key: str, engine_accepts: Callable[[str], bool]) -> None:
    assert is_legal(key)
    assert engine_accepts(key)


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\n", "a#", "x" * 251, "\ud800"]
)
def test_illegal_keys(key: str, engine_accepts: Callable[[str], bool]) -> None:
    assert not is_legal(key)
    assert not engine_accepts(key)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("ab/. :-_#\\é²٣\u0301\n"), max_size=8) | st.text(max_size=4))
def test_the_engine_and_the_catalog_agree_on_every_key(engine_accepts: Callable[[str], bool], key: str) -> None:
    assert is_legal(key) == engine_accepts(key)


def test_a_key_that_is_too_long_is_shown_shortened() -> None:
    with pytest.raises(InvalidInput, match=r"parameter key has 312 characters; the limit is 250: 'x{40}…'"):
        names.check_key("x" * 312, "parameter")
    with pytest.raises(InvalidType, match="tag key has type int: 3"):
        names.check_key(3, "tag")


def test_ids_and_experiment_names() -> None:
    assert names.check_run_id("a-B_9") == "a-B_9"
    assert names.check_experiment_id("0") == "0"
    assert names.check_experiment_name("my sweep/1") == "my sweep/1"
    for check, wrong in (
        (names.check_run_id, ("", "-a", "a" * 257, "a/b", "../x", None)),
        (names.check_experiment_id, ("", "a" * 65, "a b", 7)),
        (names.check_experiment_name, ("", "  ", "x" * 501, None)),
    ):
        for value in wrong:
            with pytest.raises(InvalidInput):
                check(value)
