"""What other stores send: runs, points and artifacts, once however often they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from runlake.catalog import Catalog
from tests.server.sender import ARROW, Sender, batch, new_id, sending
from tests.server.wire import Server, values


@pytest.fixture
def sender(server: Server) -> Iterator[Sender]:
    with sending(server.address) as one:
        yield one


def history(server: Server, run_id: str, key: str = "loss") -> list[Any]:
    """Steps of a metric, from all pages."""
    answer = server.get("metrics/get-history", run_id=run_id, metric_key=key)
    assert answer.status == 200, answer.body
    return [point["step"] for point in answer.json["metrics"]]


@pytest.fixture
def run_id(sender: Sender) -> str:
    """A run that was sent."""
    run_id = new_id()
    assert sender.runs(sender.run(run_id)).status == 200
    return run_id


def test_points_are_there_once_they_are_acknowledged_and_once_only(server: Server, sender: Sender, run_id: str) -> None:
    writer = new_id()
    assert sender.have(writer)[writer] == {"have": 0, "durable": 0}
    first = batch(writer, 0, 100, run_id)
    assert sender.points(first).json["have"] == 100
    assert history(server, run_id) == list(range(100))
    assert sender.points(first).json["have"] == 100
    assert sender.points(batch(writer, 50, 200, run_id)).json["have"] == 200
    assert history(server, run_id) == list(range(200))
    assert sender.have(writer)[writer]["have"] == 200
    assert values(server.run(run_id)["data"]["metrics"]) == {"loss": 99.5}


def test_a_batch_beyond_what_is_there_is_refused_and_told_what_is(sender: Sender, run_id: str) -> None:
    writer = new_id()
    sender.points(batch(writer, 0, 10, run_id))
    refused = sender.points(batch(writer, 20, 30, run_id))
    assert (refused.status, refused.json["error_code"], refused.json["have"]) == (409, "RESOURCE_CONFLICT", 10)
    assert sender.points(batch(writer, 20, 30, run_id), gap_from=15).status == 409
    assert sender.have(writer)[writer]["have"] == 10


def test_a_hole_that_its_store_knows_of_is_kept_as_one(server: Server, sender: Sender, run_id: str) -> None:
    writer = new_id()
    sender.points(batch(writer, 0, 10, run_id))
    assert sender.points(batch(writer, 20, 30, run_id), gap_from=10).json["have"] == 30
    assert sender.points(batch(writer, 30, 40, run_id)).json["have"] == 40
    assert history(server, run_id) == [*range(10), *range(20, 40)]
    # Of a stream whose beginning is lost nothing has to be there.
    other = new_id()
    assert sender.points(batch(other, 5, 8, run_id, "late"), gap_from=0).json["have"] == 8
    assert history(server, run_id, "late") == [5, 6, 7]


def test_an_acknowledgement_can_wait_for_the_disk(sender: Sender, run_id: str) -> None:
    writer = new_id()
    answer = sender.points(batch(writer, 0, 10, run_id), durability="disk")
    assert answer.json == {"have": 10, "durable": 10}
    sender.points(batch(writer, 10, 20, run_id))
    assert sender.have(writer, query="?durability=disk")[writer] == {"have": 20, "durable": 20}


def test_points_of_a_run_that_is_not_there_are_refused_and_leave_nothing_behind(server: Server, sender: Sender) -> None:
    writer = new_id()
    assert sender.points(batch(writer, 0, 10, new_id())).mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    assert sender.have(writer)[writer]["have"] == 0
    assert not list((server.store / "journals").glob(f"{writer}*"))


def test_a_run_comes_with_all_that_belongs_to_it(server: Server, sender: Sender) -> None:
    run_id, writer = new_id(), {"id": new_id(), "host": "far", "boot_id": "b", "pid": 1, "created_ms": 5, "rank": 3}
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}", "schema": None, "profile": None}
    answer = sender.runs(
        sender.run(
            run_id,
            version=12,
            status="FINISHED",
            end_time=2000,
            tags={"team": "vision"},
            params={"lr": "0.1"},
            inputs=[{"dataset": dataset, "tags": {"role": "train"}}],
            writers=[writer],
        )
    )
    assert answer.json["accepted"] == {run_id: 12}
    run = server.run(run_id)
    assert run["info"]["experiment_id"] == answer.json["experiments"]["7"]
    assert [run["info"][name] for name in ("run_name", "user_id", "status", "start_time", "end_time")] == [
        *("far", "me", "FINISHED", 1000, 2000)
    ]
    assert values(run["data"]["params"]) == {"lr": "0.1"}
    assert values(run["data"]["tags"]) == {"team": "vision", "mlflow.runName": "far"}
    assert run["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "d"
    told = sender.send("GET", f"runs/{run_id}").json
    assert (told["run"]["params"], told["experiment"]["name"], told["largest_step"]) == ({"lr": "0.1"}, "shared", None)


def test_what_a_store_sent_before_is_not_taken_back_by_what_it_sends_again(server: Server, sender: Sender) -> None:
    run_id = new_id()
    sender.runs(sender.run(run_id, 5, tags={"a": "1"}))
    sender.runs(sender.run(run_id, 8, tags={"a": "2", "b": "1"}))
    assert sender.runs(sender.run(run_id, 5, tags={"a": "1"})).json["accepted"] == {run_id: 8}
    sender.runs(sender.run(run_id, 9, deleted_tags=["b"]))
    assert values(server.run(run_id)["data"]["tags"]) == {"a": "2", "mlflow.runName": "far"}


def test_the_first_value_of_a_parameter_stays_and_the_other_is_shown(server: Server, sender: Sender) -> None:
    run_id = new_id()
    sender.runs(sender.run(run_id, params={"lr": "0.1"}))
    with sending(server.address) as other:
        answer = other.runs(other.run(run_id, params={"lr": "0.2", "depth": "3"}))
    assert answer.json["conflicts"] == [{"run_id": run_id, "key": "lr", "kept": "0.1", "refused": "0.2"}]
    data = server.run(run_id)["data"]
    assert values(data["params"]) == {"lr": "0.1", "depth": "3"}
    assert values(data["tags"])["runlake.conflict.lr"] == "0.2"


def test_a_run_of_several_stores_ends_with_the_last_and_as_the_worst(server: Server, sender: Sender) -> None:
    run_id = new_id()
    with sending(server.address) as other:
        for one in (sender, other):
            one.runs(one.run(run_id, 1, status="RUNNING"))
        sender.runs(sender.run(run_id, 2, status="FAILED", end_time=2000))
        assert server.run(run_id)["info"]["status"] == "RUNNING"
        other.runs(other.run(run_id, 2, status="FINISHED", end_time=3000))
        info = server.run(run_id)["info"]
        assert (info["status"], info["end_time"]) == ("FAILED", 3000)
        other.runs(other.run(run_id, 3, status="RUNNING"))
        other.runs(other.run(run_id, 4, status="FINISHED", end_time=4000))
        assert server.run(run_id)["info"]["status"] == "FINISHED"


def test_experiments_merge_by_name_and_a_deleted_one_is_not_revived(server: Server, sender: Sender) -> None:
    known = server.create_experiment("merged")

    def sent(run_id: str, **experiment: Any) -> str:
        experiments = [{"experiment_id": "7", "name": "merged", **experiment}]
        return str(sender.runs(sender.run(run_id), experiments=experiments).json["experiments"]["7"])

    assert sent(new_id(), tags={"a": "b"}) == known
    experiment = server.get("experiments/get", experiment_id=known).json["experiment"]
    assert values(experiment["tags"]) == {"a": "b"}
    server.post("experiments/update", experiment_id=known, new_name="renamed")
    assert sent(new_id()) == known
    server.post("experiments/delete", experiment_id=known)
    renewed = sent(new_id())
    assert renewed != known
    assert (
        server.get("experiments/get-by-name", experiment_name="merged").json["experiment"]["experiment_id"] == renewed
    )
    found = sender.send("GET", "experiments?name=merged").json["experiment"]
    assert (found["experiment_id"], found["lifecycle_stage"]) == (renewed, "active")
    assert sender.send("GET", "experiments?name=nobody").json == {"experiment": None}


def test_a_run_that_is_deleted_here_stays_so_until_its_store_restores_it(server: Server, sender: Sender) -> None:
    run_id = new_id()
    sender.runs(sender.run(run_id))
    server.post("runs/delete", run_id=run_id)
    sender.runs(sender.run(run_id, 2, tags={"a": "1"}))
    assert server.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    sender.runs(sender.run(run_id, 3, lifecycle_stage="active"))
    assert server.run(run_id)["info"]["lifecycle_stage"] == "active"
    sender.runs(sender.run(run_id, 4, lifecycle_stage="deleted"))
    assert server.run(run_id)["info"]["lifecycle_stage"] == "deleted"
    # Points that were logged before its store heard of that are kept, for the day it is restored.
    assert sender.points(batch(new_id(), 0, 3, run_id)).status == 200


def test_artifacts_are_asked_for_by_content_and_sent_once(server: Server, sender: Sender, run_id: str) -> None:
    content = b"weights" * 1000
    told = {"path": "model/w.bin", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def missing(**other: Any) -> Any:
        return sender.post(f"runs/{run_id}/artifacts/state", files=[{**told, **other}]).json["missing"]

    assert missing() == ["model/w.bin"]
    assert sender.put_file(run_id, "model/w.bin", content).status == 200
    assert missing() == []
    assert missing(sha256="0" * 64) == ["model/w.bin"]
    assert missing(size=3) == ["model/w.bin"]
    experiment = server.run(run_id)["info"]["experiment_id"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run_id}/artifacts/model/w.bin"
    assert server.send("GET", path).body == content
    # What came another way is looked at.
    server.send("PUT", path, b"else" * 1750)
    assert missing() == ["model/w.bin"]
    server.send("PUT", path, content)
    assert missing() == []


def test_a_file_with_another_digest_leaves_what_was_there(server: Server, sender: Sender, run_id: str) -> None:
    sender.put_file(run_id, "a.txt", b"right")
    assert sender.put_file(run_id, "a.txt", b"wrong", "0" * 64).mistake == (400, "INVALID_PARAMETER_VALUE")
    state = {"path": "a.txt", "size": 5, "sha256": hashlib.sha256(b"right").hexdigest()}
    assert sender.post(f"runs/{run_id}/artifacts/state", files=[state]).json["missing"] == []
    for path in ("..%2F..%2Fx", "a/%2e%2e/%2e%2e/x"):
        assert sender.put_file(run_id, path, b"x").status == 400
    assert sender.put_file(new_id(), "a.txt", b"x").mistake == (404, "RESOURCE_DOES_NOT_EXIST")


def test_what_runs_share_is_kept_by_its_digest(server: Server, sender: Sender) -> None:
    content = b"numpy==2.3\n"
    digest = hashlib.sha256(content).hexdigest()
    assert sender.post("provenance/state", digests=[digest]).json["missing"] == [digest]
    assert sender.send("PUT", f"provenance/{'0' * 64}", content).status == 400
    assert sender.send("PUT", f"provenance/{digest}", content).status == 200
    assert sender.post("provenance/state", digests=[digest]).json["missing"] == []
    assert (server.store / "provenance" / digest).read_bytes() == content


def test_a_store_that_sends_to_itself_is_told_so(server: Server, sender: Sender) -> None:
    sender.source = json.loads((server.store / "lake.json").read_text())["store_id"]
    assert sender.runs(sender.run(new_id())).status == 400
    # Its own writer's points are there already; others under that writer's name are not taken.
    run_id = server.create_run()
    server.post("runs/log-metric", run_id=run_id, key="loss", value=1, timestamp=1, step=1)
    catalog = Catalog.open(server.store)
    (own,) = (state.info.id for state in catalog.unsealed_writers() if not catalog.replicas([state.info.id]))
    catalog.close()
    have = sender.have(own)[own]["have"]
    assert have > 0
    assert sender.points(batch(own, have, have + 1, run_id)).mistake == (400, "INVALID_PARAMETER_VALUE")
    assert history(server, run_id) == [1]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "nobody"},
        {"experiments": [{"experiment_id": "7"}]},
        {"experiments": {"7": "name"}},
        {"runs": [{"run_id": "../x"}]},
        {"runs": [{"run_id": "a", "experiment_id": "7", "version": "1", "start_time": 1}]},
        {"runs": [{"run_id": "a", "experiment_id": "7", "version": 1, "start_time": 1, "status": "DONE"}]},
        {"runs": [{"run_id": "a", "experiment_id": "7", "version": 1, "start_time": 1, "tags": {"../a": "b"}}]},
        {"runs": [{"run_id": "a", "experiment_id": "7", "version": 1, "start_time": 1, "writers": [{"id": "w"}]}]},
        {"runs": [{}] * 501},
    ],
)
def test_runs_that_are_not_legal_are_refused(sender: Sender, fields: dict[str, Any]) -> None:
    given = {"source": sender.source, "experiments": [], "runs": [], **fields}
    assert sender.post("runs", **given).mistake == (400, "INVALID_PARAMETER_VALUE")


def test_a_run_of_an_experiment_that_was_not_sent_is_refused(sender: Sender) -> None:
    run = {**sender.run(new_id()), "experiment_id": "unknown"}
    assert sender.runs(run).mistake == (404, "RESOURCE_DOES_NOT_EXIST")


def test_points_that_are_not_legal_are_refused(sender: Sender, run_id: str) -> None:
    good = batch(new_id(), 0, 10, run_id)
    for wrong in (b"", b"{}", good[:-30], good[:200] + b"\xff" * 50 + good[250:]):
        assert sender.points(wrong).mistake == (400, "INVALID_PARAMETER_VALUE")
    assert sender.points(good, writer=new_id()).status == 400
    assert sender.points(good, first=1).status == 400
    assert sender.points(good, gap_from="x").status == 400
    assert sender.send("POST", "points", good, {"Content-Type": "text/plain"}).status == 400
    assert sender.send("POST", "points", bytes(33 << 20), {"Content-Type": ARROW}).status == 413
    sender.close()
    assert sender.points(good).status == 200
