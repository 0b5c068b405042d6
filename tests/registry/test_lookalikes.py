"""Names that differ and look alike: the second one is refused, with the letter that is another."""

import pytest

from runlake.errors import InvalidInput
from runlake.lookalikes import skeleton
from runlake.registry import operations as registry
from runlake.store import Store

LEGAL_NAMES = ["churn", "Churn 2-a", "größe", "отток", "離脱", "a.b", "..a", "a@b", "n" * 256, "é'“"]


@pytest.mark.parametrize("name", LEGAL_NAMES)
def test_a_name_that_shows_what_it_is_is_taken(store: Store, name: str) -> None:
    assert registry.create_registered_model(store, name).name == name
    assert registry.get_registered_model(store, name).name == name


@pytest.mark.parametrize(
    ("there", "alike", "letter"),
    [
        ("churn", "сhurn", "CYRILLIC SMALL LETTER ES"),
        ("churn", "churո", "ARMENIAN SMALL LETTER VO"),
        ("сhurn", "churn", "CYRILLIC SMALL LETTER ES"),
        ("COPE", "СОРЕ", "CYRILLIC CAPITAL LETTER ES"),
        ("ΑΒ", "АВ", "CYRILLIC CAPITAL LETTER A"),
        ("a-b", "a–b", "EN DASH"),
        ("it's", "it’s", "RIGHT SINGLE QUOTATION MARK"),
    ],
)
def test_a_name_that_looks_like_anothers_is_refused_with_the_letter(
    store: Store, there: str, alike: str, letter: str
) -> None:
    registry.create_registered_model(store, there)
    with pytest.raises(InvalidInput, match=f"looks like {there!r}, which another model has: .* is {letter}"):
        registry.create_registered_model(store, alike)
    registry.create_registered_model(store, "apart")
    with pytest.raises(InvalidInput, match="looks like"):
        registry.rename_registered_model(store, "apart", alike)
    assert registry.rename_registered_model(store, there, alike).name == alike, "its own name is no other's"


def test_ascii_looks_like_itself() -> None:
    text = "".join(map(chr, range(128)))
    assert skeleton(text) == text
