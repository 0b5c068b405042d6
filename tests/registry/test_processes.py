"""Several processes that promote at once, and one that is killed while it does."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from runlake import lifecycle, recording
from runlake.catalog import Stamp
from runlake.errors import NotFound, PromotionRefused
from runlake.promotion import PromotionState
from runlake.registry import gates
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


JUDGED = """
from runlake import query
from runlake.errors import PromotionRefused
from runlake.registry import operations as registry
store = Store.open(root)
query.judge_run
say("ready")
hear()
for version in arguments:
    try:
        registry.set_registered_model_alias(store, "m", "champion", version, user_id=version)
    except PromotionRefused as refused:
        said = refused.report.unmet[0].actual
    else:
        said = "champion"
    say(version, said)
"""


def test_of_promotions_at_once_each_meets_what_the_one_before_has_left(store: Store, programs: Programs) -> None:
    """Every version is better than those before; whoever is promoted after a better one is refused with its value."""
    for number in range(1, 25):
        run_id = lifecycle.create_run(store, "0", None, {}, None, owned=False).info.run_id
        recording.log_metrics(store, run_id, {"auc": number / 100}, 0, None)
        registry.create_model_version(store, "m", f"runs:/{run_id}/model", run_id)
    gates.set_gate(store, "m", "@champion", better_than="@champion by max(metrics.auc)")
    shares = [list(range(first, 25, 3)) for first in (1, 2, 3)]
    started = [programs.start(JUDGED, *share) for share in shares]
    assert {program.hear() for program in started} == {"ready"}
    for program in started:
        program.say()
    said = dict(line.split(" ", 1) for program in started for line in program.finish()[1].splitlines())
    assert len(said) == 24
    promoted = [event.version for event in store.catalog.registry_events() if event.action == "set_alias"]
    assert promoted == sorted(promoted), "a champion is never followed by a worse one"
    assert promoted[-1] == 24
    assert {int(version) for version, what in said.items() if what == "champion"} == set(promoted)
    for version, what in said.items():
        if what != "champion":
            assert int(what.split("version ")[1].split()[0]) > int(version)
    assert store.catalog.verify_registry_events()


def test_a_promotion_is_judged_again_when_what_it_was_judged_by_has_changed(store: Store, run_id: str) -> None:
    """Between judging and its transaction: a rule is added, a better champion comes, a tag goes, the version goes."""
    registry.create_registered_model(store, "m")
    recording.log_metrics(store, run_id, {"auc": 0.5}, 0, None)
    for _ in range(3):
        registry.create_model_version(store, "m", f"runs:/{run_id}/model", run_id, {"snapshot": "d1"})
    gates.set_gate(store, "m", "@champion", tags="snapshot", better_than="@champion by max(metrics.auc)")

    def promote(meanwhile: Callable[[], object], version: int = 1) -> None:
        actions = [meanwhile]

        def change(state: PromotionState | None, told: Mapping[str, object]) -> bool:
            if actions:
                actions.pop()()
            return store.catalog.set_alias("m", "champion", version, stamp=Stamp("ann", 1), state=state, told=told)

        gates.promote(store, "m", version, "@champion", change, user_id="ann")

    with pytest.raises(PromotionRefused, match="tag snapshot is set; neither"):
        promote(lambda: registry.delete_model_version_tag(store, "m", 1, "snapshot"))
    with pytest.raises(PromotionRefused, match=r"auc is 0\.5; version 3 has 0\.5"):
        promote(lambda: registry.set_registered_model_alias(store, "m", "champion", 3), 2)
    registry.set_registered_model_alias(store, "m", "champion", 2, force=True, reason="x")
    gates.set_gate(store, "m", "@champion", tags="snapshot")
    with pytest.raises(PromotionRefused, match="approved by 1 user; none"):
        promote(lambda: gates.set_gate(store, "m", "@champion", approvals=1), 3)
    gates.delete_gate(store, "m", "@champion")
    with pytest.raises(PromotionRefused, match="no result was posted"):
        promote(lambda: gates.set_gate(store, "m", "@champion", check="c"), 3)
    gates.post_check(store, "m", 3, "c", True)
    with pytest.raises(NotFound):
        promote(lambda: registry.delete_model_version(store, "m", 3), 3)
    assert registry.get_model_version_by_alias(store, "m", "champion").version == 2
