"""Several processes that promote at once, and one that is killed while it does."""

from collections.abc import Iterator

import pytest

from runlake.registry import operations as registry
from runlake.store import Store
from tests.store.programs import Programs

PROMOTE = """
from runlake.registry import operations as registry
store = Store.open(root)
say("ready")
hear()
for _ in range(int(arguments[0])):
    version = registry.create_model_version(store, "m", "s3://bucket/m").version
    registry.transition_model_version_stage(store, "m", version, "Production", True)
    registry.set_registered_model_alias(store, "m", "champion", version)
    say(version)
"""


@pytest.fixture
def programs(store: Store) -> Iterator[Programs]:
    registry.create_registered_model(store, "m")
    programs = Programs(store.root)
    yield programs
    programs.kill_all()


def test_of_promotions_at_once_one_is_the_last_and_all_are_events(store: Store, programs: Programs) -> None:
    started = [programs.start(PROMOTE, 10) for _ in range(3)]
    assert {program.hear() for program in started} == {"ready"}
    for program in started:
        program.say()
    said = [program.finish() for program in started]
    assert [status for status, _ in said] == [0, 0, 0]
    made = sorted(int(line) for _, lines in said for line in lines.split())
    assert made == list(range(1, 31))
    stages = [version.current_stage for version in registry.search_model_versions(store)]
    assert sorted(stages) == ["Archived"] * 29 + ["Production"]
    events = store.catalog.registry_events()
    assert store.catalog.verify_registry_events().events == len(events) == 1 + 3 * 30
    promoted, named = (
        [event for event in events if event.action == action][-1].version for action in ("move_version", "set_alias")
    )
    assert [v.version for v in registry.get_latest_versions(store, "m", ["Production"])] == [promoted]
    assert registry.get_model_version_by_alias(store, "m", "champion").version == named


def test_a_killed_promotion_leaves_all_of_a_change_or_nothing(store: Store, programs: Programs) -> None:
    program = programs.start(PROMOTE, 100_000)
    assert program.hear() == "ready"
    program.say()
    said = [program.hear() for _ in range(20)]
    program.kill()
    assert registry.get_model_version_by_alias(store, "m", "champion").version >= int(said[-1])
    versions = registry.search_model_versions(store, order_by=["version_number ASC"])
    assert [version.version for version in versions] == list(range(1, len(versions) + 1))
    assert [version.current_stage for version in versions].count("Production") == 1
    actions = [event.action for event in store.catalog.registry_events(limit=1_000_000)]
    assert actions.count("create_version") == len(versions)
    assert store.catalog.verify_registry_events().events == len(actions)
