"""The events of the registry: all changes, in a chain that shows whether one was altered."""

import sqlite3
from typing import Any

import pytest

from runlake.errors import Corrupt, RunlakeError
from runlake.registry import operations as registry
from runlake.store import Store


@pytest.fixture
def changed(store: Store, run_id: str) -> Store:
    """Everything that can be changed, changed by ann."""
    by: Any = {"user_id": "ann"}
    registry.create_registered_model(store, "m", {"a": "1"}, "d", **by)
    for _ in range(2):
        registry.create_model_version(store, "m", f"runs:/{run_id}/model", run_id, **by)
    registry.update_registered_model(store, "m", "e", **by)
    registry.set_registered_model_tag(store, "m", "b", "2", **by)
    registry.delete_registered_model_tag(store, "m", "b", **by)
    registry.update_model_version(store, "m", 1, "first", **by)
    registry.set_model_version_tag(store, "m", 1, "c", "3", **by)
    registry.delete_model_version_tag(store, "m", 1, "c", **by)
    registry.set_registered_model_alias(store, "m", "champion", 1, **by)
    registry.set_registered_model_alias(store, "m", "champion", 2, **by)
    registry.delete_registered_model_alias(store, "m", "champion", **by)
    registry.transition_model_version_stage(store, "m", 1, "Production", **by)
    registry.transition_model_version_stage(store, "m", 2, "Production", True, **by)
    registry.rename_registered_model(store, "m", "n", **by)
    registry.delete_model_version(store, "n", 1, **by)
    registry.delete_registered_model(store, "n", **by)
    return store


def test_every_change_is_an_event(changed: Store) -> None:
    events = changed.catalog.registry_events("m")
    assert [event.action for event in events] == [
        *("create_model", "create_version", "create_version", "update_model", "set_model_tag", "delete_model_tag"),
        *("update_version", "set_version_tag", "delete_version_tag", "set_alias", "set_alias", "delete_alias"),
        *("move_version", "move_version", "rename_model", "delete_version", "delete_model"),
    ]
    assert {event.user_id for event in events} == {"ann"}
    assert [event.at_ms for event in events] == sorted(event.at_ms for event in events)
    assert events[10].payload == {"alias": "champion", "before": 1}
    assert events[13].payload == {"archived": [1], "before": "None", "stage": "Production"}
    assert events == changed.catalog.registry_events("n")
    assert changed.catalog.registry_events(after=15) == events[15:]


def test_the_chain_holds_and_names_its_end(changed: Store) -> None:
    head = changed.catalog.verify_registry_events()
    assert (head.events, head.hash) == (17, changed.catalog.registry_events()[-1].hash)


def test_what_failed_is_no_event(changed: Store) -> None:
    with pytest.raises(RunlakeError):
        registry.delete_registered_model(changed, "n")
    registry.create_registered_model(changed, "n")
    registry.delete_registered_model_tag(changed, "n", "nothing")
    assert changed.catalog.verify_registry_events().events == 18


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE registry_event SET user_id = 'bob' WHERE event = 5", "event 5 of the registry is not what"),
        ("UPDATE registry_event SET hash = '" + "1" * 64 + "' WHERE event = 5", "event 5 of the registry is not"),
        ("UPDATE registry_event SET at_ms = at_ms + 1 WHERE event = 17", "event 17 of the registry is not"),
        ("DELETE FROM registry_event WHERE event = 3", "event 3 of the registry is missing"),
        ("DELETE FROM registry_event WHERE event < 3", "event 1 of the registry is missing"),
    ],
)
def test_an_event_that_was_altered_is_found(changed: Store, damage: str, said: str) -> None:
    path = changed.root / "catalog.db"
    changed.close()
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="events of the registry are never"):
        connection.execute(damage)
    for trigger in ("registry_event_kept", "registry_event_stays"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(damage)
    connection.commit()
    connection.close()
    with pytest.raises(Corrupt, match=said):
        changed.catalog.verify_registry_events()
