"""The registry: versions, stages, aliases, names and searches, on a store of this process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runlake.catalog import Stamp
from runlake.errors import AlreadyExists, InvalidInput, NotFound
from runlake.registry import gates
from runlake.registry import operations as registry
from runlake.store import Store


def register(store: Store, run_id: str, name: str = "model", **more: Any) -> int:
    return registry.create_model_version(store, name, f"runs:/{run_id}/model", run_id, **more).version


@pytest.fixture
def model(store: Store) -> str:
    return registry.create_registered_model(store, "model", {"team": "vision"}, "sees").name


def test_a_model_has_what_it_was_made_with(store: Store, model: str) -> None:
    found = registry.get_registered_model(store, model)
    assert (found.name, found.description, found.tags) == ("model", "sees", {"team": "vision"})
    assert (found.latest_versions, found.aliases) == ([], {})
    assert found.creation_timestamp == found.last_updated_timestamp > 0


def test_a_name_is_taken_until_its_model_is_deleted(store: Store, model: str) -> None:
    with pytest.raises(AlreadyExists, match=r"Registered Model \(name=model\) already exists\."):
        registry.create_registered_model(store, model)
    registry.delete_registered_model(store, model)
    with pytest.raises(NotFound, match="Registered Model with name=model not found"):
        registry.get_registered_model(store, model)
    assert registry.create_registered_model(store, model).latest_versions == []


def test_half_a_character_is_refused_wherever_text_is_kept(store: Store, model: str, run_id: str) -> None:
    register(store, run_id)
    half = "\ud800"
    attempts: list[Callable[[], object]] = [
        lambda: registry.create_registered_model(store, "new", {"a": half}),
        lambda: registry.create_registered_model(store, "new", None, half),
        lambda: registry.set_registered_model_tag(store, model, "a", half),
        lambda: registry.update_registered_model(store, model, half),
        lambda: register(store, run_id, run_link=half),
        lambda: registry.create_model_version(store, model, f"s3://bucket/{half}"),
        lambda: registry.set_model_version_tag(store, model, 1, "a", half),
        lambda: gates.approve(store, model, 1, "@champion", half, user_id="ann"),
        lambda: gates.post_check(store, model, 1, "shadow", True, half),
    ]
    before = store.catalog.verify_registry_events()
    for attempt in attempts:
        with pytest.raises(InvalidInput, match="cannot be written as UTF-8"):
            attempt()
    assert store.catalog.verify_registry_events() == before


def test_numbers_of_versions_count_up_and_are_not_used_again(store: Store, model: str, run_id: str) -> None:
    assert [register(store, run_id) for _ in range(3)] == [1, 2, 3]
    registry.delete_model_version(store, model, 3)
    assert register(store, run_id) == 4
    for gone in (3, 0, -1, 1 << 63, -(1 << 70), "9" * 40):
        with pytest.raises(NotFound, match=rf"Model Version \(name=model, version={gone}\) not found"):
            registry.get_model_version(store, model, gone)


def test_versions_that_are_made_at_once_have_different_numbers(store: Store, model: str, run_id: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: register(store, run_id), range(40)))
    assert sorted(made) == list(range(1, 41))
    assert store.catalog.verify_registry_events().events == 41


def test_versions_tags_and_aliases_follow_a_rename(store: Store, model: str, run_id: str) -> None:
    register(store, run_id, tags={"a": "1"})
    registry.set_registered_model_alias(store, model, "champion", 1)
    renamed = registry.rename_registered_model(store, model, "other")
    assert (renamed.name, renamed.aliases, renamed.tags) == ("other", {"champion": 1}, {"team": "vision"})
    found = registry.get_model_version_by_alias(store, "other", "champion")
    assert (found.name, found.version, found.tags, found.aliases) == ("other", 1, {"a": "1"}, ["champion"])
    assert register(store, run_id, "other") == 2
    with pytest.raises(NotFound):
        registry.get_model_version(store, model, 1)


def test_a_rename_to_a_taken_name_changes_nothing(store: Store, model: str) -> None:
    registry.create_registered_model(store, "other")
    with pytest.raises(AlreadyExists):
        registry.rename_registered_model(store, model, "other")
    assert registry.get_registered_model(store, model).tags == {"team": "vision"}


def test_archiving_leaves_one_version_in_a_stage(store: Store, model: str, run_id: str) -> None:
    for version in (1, 2, 3):
        register(store, run_id)
        registry.transition_model_version_stage(store, model, version, "production", version == 3)
    stages = {v.version: v.current_stage for v in registry.search_model_versions(store)}
    assert stages == {1: "Archived", 2: "Archived", 3: "Production"}
    latest = registry.get_latest_versions(store, model)
    assert [(v.version, v.current_stage) for v in latest] == [(2, "Archived"), (3, "Production")]
    assert [v.version for v in registry.get_latest_versions(store, model, ["PRODUCTION"])] == [3]


def test_a_stage_from_which_nothing_is_served_archives_nothing(store: Store, model: str, run_id: str) -> None:
    register(store, run_id)
    with pytest.raises(InvalidInput, match="'Archived' is not an Active stage"):
        registry.transition_model_version_stage(store, model, 1, "Archived", archive_existing_versions=True)
    with pytest.raises(InvalidInput, match="Value must be one of None, Staging, Production, Archived"):
        registry.transition_model_version_stage(store, model, 1, "Testing")


def test_an_alias_means_one_version_at_a_time(store: Store, model: str, run_id: str) -> None:
    register(store, run_id), register(store, run_id)
    for version in (1, 2):
        registry.set_registered_model_alias(store, model, "champion", version)
        assert registry.get_model_version_by_alias(store, model, "champion").version == version
    assert registry.get_model_version(store, model, 1).aliases == []
    registry.delete_model_version(store, model, 2)
    with pytest.raises(InvalidInput, match="alias champion not found"):
        registry.get_model_version_by_alias(store, model, "champion")
    registry.delete_registered_model_alias(store, model, "champion")


def test_the_alias_latest_is_the_highest_version_whatever_its_stage(store: Store, model: str, run_id: str) -> None:
    with pytest.raises(NotFound, match="Latest version not found"):
        registry.get_model_version_by_alias(store, model, "latest")
    register(store, run_id), register(store, run_id)
    registry.transition_model_version_stage(store, model, 1, "Staging")
    assert registry.get_model_version_by_alias(store, model, "Latest").version == 2


ILLEGAL_NAMES = [
    *("", " ", "a/b", "a:b", "..", ".", "n" * 257, "n" * 1000, "a/../b", "a\\b/c", "../a", " a", "a ", "a\u00a0b"),
    *("a\u200bb", "a\u2060b", "a\nb", "a\x00b", "\u202egp.a", "a\u2066b", "\ufeffa", "a\u00adb", "\ud800"),
    *("a\U000e0041", "a\u034fb", "a\ufe0f", "a\u3164", "a\u2800b", "a\u115fb"),
    *("\uff41bc", "ﬁt", "e\u0301", "\U0001d41a", "ﾊﾟ", "a\uff0fb", "①"),
]


@pytest.mark.parametrize("name", ILLEGAL_NAMES)
def test_a_name_that_could_be_taken_for_another_is_refused(store: Store, model: str, name: str) -> None:
    for call in (
        lambda: registry.create_registered_model(store, name),
        lambda: registry.rename_registered_model(store, model, name),
    ):
        with pytest.raises(InvalidInput):
            call()
    assert [found.name for found in registry.search_registered_models(store)] == ["model"]


ILLEGAL_ALIASES = [
    "",
    "latest",
    "LATEST",
    "v1",
    "V20",
    "a b",
    "a@b",
    "a/b",
    "x" * 256,
    "a\n",
    "champi\u043en",
    "\ufb01t",
]


@pytest.mark.parametrize("alias", ILLEGAL_ALIASES)
def test_an_alias_that_could_be_taken_for_a_version_is_refused(
    store: Store, model: str, run_id: str, alias: str
) -> None:
    register(store, run_id)
    with pytest.raises(InvalidInput):
        registry.set_registered_model_alias(store, model, alias, 1)


def test_limits_of_tags_are_those_of_the_registry(store: Store, model: str, run_id: str) -> None:
    register(store, run_id)
    registry.set_model_version_tag(store, model, 1, "k", "x" * 100_000)
    for wrong in (("k", "x" * 100_001), ("k" * 251, "x"), ("../k", "x")):
        with pytest.raises(InvalidInput):
            registry.set_model_version_tag(store, model, 1, *wrong)
        with pytest.raises(InvalidInput):
            registry.set_registered_model_tag(store, model, *wrong)
    registry.delete_model_version_tag(store, model, "1", "k")
    registry.delete_model_version_tag(store, model, "1", "k")
    assert registry.get_model_version(store, model, 1).tags == {}
    with pytest.raises(InvalidInput, match="Parameter 'version' must be an integer, got 'one'"):
        registry.get_model_version(store, model, "one")


# -- searching


@pytest.fixture
def many(store: Store, run_id: str) -> Store:
    for name in ("apple", "banana", "Cherry"):
        registry.create_registered_model(store, name, {"kind": "fruit", "length": str(len(name))})
        for number in (1, 2, 3):
            register(store, run_id, name, tags={"number": str(number)})
    registry.create_registered_model(store, "a prompt", {"mlflow.prompt.is_prompt": "true"})
    return store


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        (None, ["Cherry", "apple", "banana"]),
        ("name = 'apple'", ["apple"]),
        ("name LIKE '%a%'", ["apple", "banana"]),
        ("name ILIKE 'C%'", ["Cherry"]),
        ("name IN ('apple', 'pear')", ["apple"]),
        ("tags.kind = 'fruit' AND name != 'apple'", ["Cherry", "banana"]),
        ("tags.length > 5", ["Cherry", "banana"]),
        ("tags.other != 'x'", []),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", ["a prompt"]),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", ["Cherry", "apple", "banana"]),
    ],
)
def test_models_are_found_by_name_and_tags(many: Store, filter_string: str | None, expected: list[str]) -> None:
    assert [found.name for found in registry.search_registered_models(many, filter_string)] == expected


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("name = 'apple'", [("apple", 3), ("apple", 2), ("apple", 1)]),
        ("version_number = 2 AND name LIKE '%a%'", [("apple", 2), ("banana", 2)]),
        ("version_number = '2' AND name = 'apple'", [("apple", 2)]),
        ("tags.number = '1'", [("Cherry", 1), ("apple", 1), ("banana", 1)]),
        ("run_id = 'nobody'", []),
        ("name IN ('apple', 'pear') AND tags.number IN ('1', '3')", [("apple", 3), ("apple", 1)]),
        ("name NOT IN ('apple', 'banana') AND tags.number = '3'", [("Cherry", 3)]),
        ("name = 'apple' AND name = 'banana'", []),
        ("tags.number = '1' AND tags.number = '2'", []),
        ("(name = 'apple' OR tags.number = '1') AND version_number < 2", [("Cherry", 1), ("apple", 1), ("banana", 1)]),
        ("NOT name = 'apple' AND NOT tags.number = 1 AND version_number = 2", [("Cherry", 2), ("banana", 2)]),
        ("source_path LIKE 'runs:/%/model' AND version_number > 2", [("Cherry", 3), ("apple", 3), ("banana", 3)]),
    ],
)
def test_versions_are_found_by_what_they_are_of(many: Store, filter_string: str, expected: Any) -> None:
    found = registry.search_model_versions(many, filter_string, order_by=["name ASC"])
    assert [(version.name, version.version) for version in found] == expected


def test_versions_that_changed_last_come_first(many: Store) -> None:
    later = Stamp(None, registry.get_model_version(many, "Cherry", 3).creation_timestamp + 1)
    many.catalog.update_version("banana", 1, "newer", later)
    assert registry.search_model_versions(many)[0].description == "newer"
    oldest = registry.search_model_versions(many, order_by=["creation_timestamp ASC"])
    assert [v.creation_timestamp for v in oldest] == sorted(v.creation_timestamp for v in oldest)


def test_pages_hold_everything_once(many: Store) -> None:
    names, token = [], None
    while True:
        page = registry.search_registered_models(many, max_results=2, order_by=["name DESC"], page_token=token)
        names += [found.name for found in page]
        if (token := page.token) is None:
            break
    assert names == ["banana", "apple", "Cherry"]


def test_what_may_not_be_read_is_on_no_page(many: Store) -> None:
    readable = {"apple", "Cherry"}.__contains__
    first = registry.search_registered_models(many, max_results=1, may_read=readable)
    rest = registry.search_registered_models(many, page_token=first.token, may_read=readable)
    assert ([found.name for found in first], [found.name for found in rest]) == (["Cherry"], ["apple"])
    assert rest.token is None
    versions = registry.search_model_versions(many, "version_number = 1", may_read=readable)
    assert {version.name for version in versions} == {"apple", "Cherry"}


MISTAKES: dict[str, Callable[[Store], Any]] = {
    "attribute of versions": lambda store: registry.search_registered_models(store, "run_id = 'x'"),
    "name that is a number": lambda store: registry.search_registered_models(store, "name = 3"),
    "order that is unknown": lambda store: registry.search_registered_models(store, order_by=["run_id"]),
    "order by one thing twice": lambda store: registry.search_registered_models(store, order_by=["name", "name DESC"]),
    "order by a tag": lambda store: registry.search_model_versions(store, order_by=["tags.number"]),
    "page of models that is too long": lambda store: registry.search_registered_models(store, max_results=1001),
    "page of versions that is too long": lambda store: registry.search_model_versions(store, max_results=200_001),
    "empty page": lambda store: registry.search_model_versions(store, max_results=0),
    "token of nobody": lambda store: registry.search_registered_models(store, page_token="x"),
    "version that is a word": lambda store: registry.search_model_versions(store, "version_number = 'two'"),
    "empty list": lambda store: registry.search_model_versions(store, "run_id IN ()"),
    "unknown attribute": lambda store: registry.search_model_versions(store, "nothing = 1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_search_that_cannot_be_understood_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InvalidInput):
        MISTAKES[name](store)
