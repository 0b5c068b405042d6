"""What pages show: windows of runs, columns, filters, charts and cross-filters of a real store, over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from runlake import query
from runlake.entities import ViewType
from runlake.errors import InvalidInput
from runlake.query import brushing, run_window
from runlake.store import Store
from tests.server.wire import Answer, Server, served

API = "/api/runlake/v1/"
RUNS = 40

PROGRAM = f"""
import sys, runlake
runlake.set_tracking_uri(sys.argv[1])
runlake.set_experiment("sweep")
for n in range({RUNS}):
    with runlake.start_run(run_name=f"run {{n:02}}"):
        runlake.log_params({{"lr": 10.0 ** -(n % 4), "opt": ["adam", "sgd"][n % 2], "seed": n, "same": 1}})
        runlake.set_tag("team", "a" if n < 10 else "b")
        for step in range(20):
            runlake.log_metric("loss", n + step / 100, step=step * 10)
        if n == 3:
            runlake.log_metric("loss", float("nan"), step=200)
        if n % 2:
            runlake.log_metric("acc", n / 100, step=0)
runlake.set_experiment("long")
for n in range(3):
    with runlake.start_run(run_name="long", tags={{"note": "é" * 5000 + str(n)}}):
        runlake.log_param("kind", ["a", "b", "c" * 5000][n])
runlake.set_experiment("far")
with runlake.start_run(run_name="far"):
    for step in range(5):
        runlake.log_metric("loss", float(step), step=2**60 + step)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a store with a sweep of 40 runs and a run with steps beyond 2^53."""
    folder = tmp_path_factory.mktemp("views")
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder / "lake")], check=True, cwd=folder, timeout=60)
    with served(folder) as server:
        yield server


@pytest.fixture
def store(lake: Server) -> Iterator[Store]:
    """The store that is served, opened here as well."""
    with contextlib.closing(Store.open(lake.store)) as opened:
        yield opened


def get(server: Server, path: str, headers: dict[str, str] | None = None, /, **fields: Any) -> Answer:
    return server.send("GET", f"{API}{path}?{urlencode(fields, doseq=True)}", headers=headers)


def post(server: Server, path: str, /, **fields: Any) -> Answer:
    return server.send("POST", API + path, json.dumps(fields), {"Content-Type": "application/json"})


def tables(answer: Answer) -> list[pl.DataFrame]:
    """The streams of which an answer consists."""
    assert answer.status == 200, answer.body
    body, found, start = answer.body, [], 0
    for size in map(int, answer.headers["x-runlake-parts"].split(",")):
        found.append(pl.read_ipc_stream(body[start : start + size]))
        start += size
    return found


def notes(answer: Answer) -> Any:
    """What is said behind the streams."""
    return json.loads(answer.body[sum(map(int, answer.headers["x-runlake-parts"].split(","))) :])


def experiment_id(server: Server, name: str) -> str:
    found: str = post(server, "call/find_experiment", name=name).json["value"]["experiment_id"]
    return found


# -- experiments and runs


def test_experiments_are_listed_with_their_runs(lake: Server) -> None:
    found = {one["name"]: one for one in get(lake, "experiments").json["experiments"]}
    assert {name: (one["runs"], one["live"]) for name, one in found.items()} == {
        "Default": (0, 0),
        "sweep": (RUNS, 0),
        "long": (3, 0),
        "far": (1, 0),
    }
    assert found["sweep"]["last_start_time"] <= found["far"]["last_start_time"]
    assert [one["name"] for one in get(lake, "experiments", experiments="far").json["experiments"]] == ["far"]


def test_a_window_has_the_rows_and_columns_that_are_looked_at(lake: Server) -> None:
    answer = get(
        lake,
        "runs",
        experiments="sweep",
        where="params.opt = 'sgd'",
        sort=["params.lr DESC", "metrics.loss DESC"],
        columns=["run_name", "params.lr", "min(metrics.loss)"],
        offset=1,
        limit=3,
    )
    (frame,) = tables(answer)
    assert answer.headers["x-runlake-total"] == "20"
    assert frame.rows() == [("run 33", 0.1, 33.0), ("run 29", 0.1, 29.0), ("run 25", 0.1, 25.0)]
    assert int(answer.headers["x-runlake-tx"]) > 0


def test_a_window_that_a_client_has_is_not_sent_again(lake: Server) -> None:
    first = get(lake, "runs", experiments="sweep", limit=2)
    again = get(lake, "runs", {"If-None-Match": first.headers["etag"]}, experiments="sweep", limit=2)
    assert (again.status, again.body) == (304, b"")


def test_pages_of_one_transaction_are_of_one_order_while_runs_come(lake: Server) -> None:
    asked = {"experiments": "sweep", "sort": ["start_time DESC"], "columns": ["run_name"], "limit": 2}
    first = get(lake, "runs", **asked)
    tx = first.headers["x-runlake-tx"]
    made = {"run_id": "a" * 32, "name": "late", "user_id": "u", "start_time": 2**42, "tags": {}}
    assert post(lake, "call/create_run", experiment_id=experiment_id(lake, "sweep"), **made).status == 200
    (held,) = tables(get(lake, "runs", **asked, tx=tx))
    assert held.equals(tables(first)[0])
    (now,) = tables(fresh := get(lake, "runs", **asked))
    assert now["run_name"][0] == "late"
    assert int(fresh.headers["x-runlake-tx"]) > int(tx)
    assert fresh.headers["etag"] != first.headers["etag"]
    assert post(lake, "call/delete_run", run_id="a" * 32).status == 200


def test_groups_have_means_deviations_and_counts_of_finite_values(lake: Server) -> None:
    answer = get(lake, "runs", experiments="sweep", group=["params.opt"], columns=["metrics.loss", "params.seed"])
    (frame,) = tables(answer)
    assert frame.columns[:3] == ["params.opt", "runs", "mean(metrics.loss)"]
    rows = {row["params.opt"]: row for row in frame.to_dicts()}
    assert (rows["sgd"]["runs"], rows["sgd"]["count(metrics.loss)"]) == (20, 19), "one has NaN last"
    assert rows["adam"]["mean(params.seed)"] == 19.0
    assert answer.headers["x-runlake-total"] == "2"


def test_nested_runs_are_given_level_by_level_whichever_of_them_a_filter_leaves(lake: Server) -> None:
    ids = {name: letter * 32 for name, letter in (("sweep", "b"), ("fold 1", "c"), ("fold 2", "d"), ("inner", "e"))}
    for start, (name, parent) in enumerate(
        (("sweep", None), ("fold 1", "sweep"), ("fold 2", "sweep"), ("inner", "fold 1"))
    ):
        tags = {"mlflow.parentRunId": ids[parent]} if parent else {}
        made = {"run_id": ids[name], "name": name, "user_id": "u", "start_time": start, "tags": tags}
        assert post(lake, "call/create_run", experiment_id=experiment_id(lake, "far"), **made).status == 200

    def level(**fields: Any) -> list[tuple[Any, ...]]:
        asked = {"experiments": "far", "sort": "start_time", "columns": "run_name", "nested": "true", **fields}
        return tables(get(lake, "runs", **asked))[0].rows()

    assert level() == [("sweep", 2), ("far", 0)]
    assert level(parent=ids["sweep"]) == [("fold 1", 1), ("fold 2", 0)]
    assert level(parent=ids["fold 1"]) == [("inner", 0)]
    assert level(where="run_name != 'sweep'") == [("fold 1", 1), ("fold 2", 0), ("far", 0)]
    assert level(where="run_name != 'fold 1'") == [("sweep", 1), ("inner", 0), ("far", 0)]
    assert notes(get(lake, "runs", experiments="far", nested="true")) == {"runs": 5}
    assert tables(get(lake, "runs", experiments="sweep", columns="run_name", nested="true"))[0]["children"].sum() == 0
    for run_id in ids.values():
        assert post(lake, "call/delete_run", run_id=run_id).status == 200


def test_columns_that_all_runs_have_alike_are_left_out_where_differences_are_wanted(lake: Server) -> None:
    asked = ["params.same", "params.lr", "tags.team", "params.nowhere"]
    answer = get(lake, "runs", experiments="sweep", columns=asked, differs="true")
    assert notes(answer) == {"columns": ["params.lr", "tags.team"], "unknown": ["params.nowhere"]}
    assert tables(answer)[0].columns == ["params.lr", "tags.team"]


def test_artifact_uris_are_where_clients_find_them(lake: Server) -> None:
    (frame,) = tables(get(lake, "runs", experiments="far", columns=["run_id", "artifact_uri"]))
    ((run_id, uri),) = frame.rows()
    assert uri == f"mlflow-artifacts:/{experiment_id(lake, 'far')}/{run_id}/artifacts"
    assert get(lake, "runs", group="artifact_uri").status == 400


def test_curves_are_not_grouped_by_where_the_server_keeps_artifacts(lake: Server) -> None:
    answer = post(lake, "series", keys=["loss"], experiments="far", group=["artifact_uri"])
    assert (answer.status, answer.json["message"][:30]) == (400, "runs cannot be grouped by arti")
    assert str(lake.store).encode() not in answer.body


def test_a_field_that_is_named_in_two_ways_groups_once(lake: Server) -> None:
    twice = ["params.opt", "params.`opt`"]
    (frame,) = tables(get(lake, "runs", experiments="sweep", group=twice, columns="metrics.loss"))
    assert frame.columns[:3] == ["params.opt", "runs", "mean(metrics.loss)"]
    _, groups = tables(post(lake, "series", keys=["loss"], experiments="sweep", group=twice))
    assert groups.columns == ["group", "params.opt", "runs"]


def test_what_has_no_room_in_a_url_is_posted(lake: Server) -> None:
    where = f"params.seed IN ({', '.join(map(str, range(5, 20_000)))})"
    answer = post(lake, "runs", experiments=["sweep"], where=where, columns=["run_name"], limit=1)
    assert (answer.headers["x-runlake-total"], len(tables(answer))) == ("35", 1)
    assert post(lake, "filter", experiments="sweep", text=where).json["count"] == 35
    assert tables(post(lake, "columns", where=where, kind=["params"], q="seed"))[0]["min"].to_list() == [5.0]


def test_long_texts_are_cut_where_that_is_asked_for(lake: Server) -> None:
    asked = {"experiments": "long", "columns": "tags.note"}
    assert [len(text) for text in tables(get(lake, "runs", **asked))[0]["tags.note"]] == [5001] * 3
    (cut,) = tables(get(lake, "runs", **asked, characters=10))
    assert cut["tags.note"].to_list() == ["é" * 10 + "…"] * 3


def test_long_texts_are_no_categories_and_no_completions(lake: Server) -> None:
    answer = post(lake, "crossfilter", experiments="long", axes=[{"key": "params.kind"}])
    assert notes(answer)["axes"][0]["values"] == ["a", "b", None]
    assert counted(tables(answer)[0], 0, 0) == {0: 1, 1: 1, 2: 1}
    said = get(lake, "filter", experiments="long", text="params.kind = ").json
    assert [choice["text"] for choice in said["completions"]] == ["'a'", "'b'"]


def test_a_body_is_packed_for_whoever_takes_gzip_and_rows_of_json_for_whoever_asks(lake: Server) -> None:
    packed = get(lake, "runs", {"Accept-Encoding": "gzip"}, experiments="sweep")
    assert packed.headers["content-encoding"] == "gzip"
    assert pl.read_ipc_stream(gzip.decompress(packed.body)).height == RUNS, "readers stop where a stream ends"
    said = get(lake, "runs", {"Accept": "application/json"}, experiments="far", columns="run_name").json
    assert said["parts"] == [{"types": {"run_name": "String"}, "rows": [{"run_name": "far"}]}]


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        ("runs", {"where": "params.lr <"}, "\n  params.lr <\n             ^"),
        ("runs", {"columns": "params.lr params.x"}, "only one name may stand here"),
        ("runs", {"limit": "many"}, "the field 'limit' is 'many'; it must be a whole number"),
        ("runs", {"offset": -1}, "offset is -1; it must be from 0 to"),
        ("runs", {"sort": ["metrics.loss UP"]}, "only ASC or DESC may follow"),
        ("columns", {"kind": "metric"}, "kind is 'metric'; it must be one of attributes, params, metrics, tags"),
        ("columns", {"limit": 100_000}, "limit is 100000; it must be from 0 to 1000"),
        ("columns", {"offset": -1}, "offset is -1; it must be from 0 to 50000"),
    ],
)
def test_mistakes_are_shown_where_they_are(lake: Server, path: str, fields: dict[str, Any], message: str) -> None:
    answer = get(lake, path, **fields)
    assert answer.status == 400
    assert message in answer.json["message"]


def test_a_window_is_no_larger_than_memory_may_be(lake: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = post(lake, "runs", columns=["status"] * 50_001)
    assert "the number of columns is 50001; it must be from 0 to 50,000" in answer.json["message"]
    monkeypatch.setattr(run_window, "MOST_CELLS", 79)
    question = query.question_of("sweep", None, None, ViewType.ACTIVE_ONLY)
    with pytest.raises(InvalidInput, match="2 columns of 40 runs are 80 values; the limit is 79"):
        query.window(store, question, columns=["status", "run_name"])
    assert query.window(store, question, columns=["status", "run_name"], limit=39).frame.height == 39
    with pytest.raises(InvalidInput, match="2 columns of 40 runs are 80 values"):  # whatever is seen of the groups
        query.window(store, question, columns=["metrics.loss", "metrics.acc"], group=["params.seed"], limit=1)
    assert query.window(store, question, columns=["metrics.loss"], group=["params.seed"]).frame.height == 40
    answer = post(lake, "runs", group=[f"params.p{n}" for n in range(21)])
    assert "runs are grouped by 21 fields; the limit is 20" in answer.json["message"]


def test_long_texts_are_cut_or_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_window, "MOST_TEXT_BYTES", 25_000)
    question = query.question_of("long", None, None, ViewType.ACTIVE_ONLY)
    with pytest.raises(InvalidInput, match="the texts of 3 runs have 30,003 bytes; the limit is 25,000"):
        query.window(store, question, columns=["tags.note"])
    with pytest.raises(InvalidInput, match="cut them with characters"):
        query.window(store, question, columns=["tags.note"], characters=10_000)
    assert query.window(store, question, columns=["tags.note"], limit=2).frame.height == 2
    assert query.window(store, question, columns=["tags.note"], characters=100).frame.height == 3


def test_an_answer_that_is_too_long_for_json_is_sent_as_arrow_alone(lake: Server) -> None:
    asked = json.dumps({"experiments": "sweep", "columns": [f"params.p{n}" for n in range(25_001)]})
    said = {"Content-Type": "application/json", "Accept": "application/json"}
    refused = lake.send("POST", f"{API}runs", asked, said)
    assert (refused.status, refused.json["message"]) == (
        400,
        "the answer has 1,000,040 values; as JSON it may have 1,000,000",
    )
    assert tables(lake.send("POST", f"{API}runs", asked, {"Content-Type": "application/json"}))[0].width == 25_001


def test_counts_of_more_pairs_of_bins_than_there_is_room_for_are_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brushing, "MOST_COUNTS", 79)
    question = query.question_of("sweep", None, None, ViewType.ACTIVE_ONLY)
    axes = [query.Axis.of(key) for key in ("metrics.loss", "metrics.acc", "params.opt")]
    with pytest.raises(InvalidInput, match="2 pairs of axes may be 80; the limit is 79"):
        query.crossfilter(store, question, axes)
    assert query.crossfilter(store, question, axes, pairs=[(0, 2)]).total == 40


def test_experiments_are_named_so_often_and_no_more(lake: Server) -> None:
    many = post(lake, "runs", experiments=["sweep"] * 1_000_000, limit=1)
    assert many.headers["x-runlake-total"] == str(RUNS), "each is looked up once"
    refused = post(lake, "runs", experiments=[f"e{n}" for n in range(10_001)])
    assert (refused.status, refused.json["message"]) == (400, "10,001 experiments are named; at most 10,000 may be")


# -- columns


def test_columns_are_found_by_a_part_of_their_name_the_best_first(lake: Server) -> None:
    (frame,) = tables(answer := get(lake, "columns", experiments="sweep", q="s"))
    assert answer.headers["x-runlake-total"] == str(frame.height)
    names = frame["name"].to_list()
    assert names.index("params.seed") < names.index("metrics.loss")
    row = frame.row(by_predicate=pl.col("name") == "params.seed", named=True)
    wanted = {"type": "Int64", "runs": 40, "min": 0.0, "max": 39.0, "distinct": 40, "kind": "params", "key": "seed"}
    assert row == {"name": "params.seed", **wanted}
    (metrics,) = tables(get(lake, "columns", experiments="sweep", kind="metrics", where="params.opt = 'sgd'"))
    assert dict(metrics.select("name", "runs").rows()) == {"metrics.loss": 20, "metrics.acc": 20}


def test_columns_are_found_in_parts_and_by_their_names_alone(lake: Server) -> None:
    (whole,) = tables(get(lake, "columns", experiments="sweep", limit=1000))
    (part,) = tables(get(lake, "columns", experiments="sweep", offset=2, limit=3))
    assert part.equals(whole[2:5])
    (differing,) = tables(get(lake, "columns", experiments="sweep", differs="1", limit=1000))
    assert tables(get(lake, "columns", experiments="sweep", differs="1", offset=1, limit=2))[0].equals(differing[1:3])
    (names,) = tables(get(lake, "columns", experiments="sweep", limit=50_000, values="false"))
    assert names.select("name", "kind", "key").equals(whole.select("name", "kind", "key"))
    assert names["runs"].null_count() == names.height


def test_columns_that_differ_are_found_alone(lake: Server) -> None:
    (frame,) = tables(get(lake, "columns", experiments="sweep", kind="params", differs="1"))
    assert set(frame["key"]) == {"lr", "opt", "seed"}


# -- filter


def told(server: Server, text: str, at: int | None = None) -> Any:
    more = {} if at is None else {"at": at}
    return get(server, "filter", experiments="sweep", text=text, **more).json


def offered(server: Server, text: str, at: int | None = None) -> list[str]:
    return [choice["text"] for choice in told(server, text, at)["completions"]]


def test_a_filter_tells_how_many_runs_it_leaves(lake: Server) -> None:
    said = told(lake, "params.opt = 'sgd' AND params.seed < 10")
    assert (said["count"], said["error"]) == (5, None)


def test_a_mistake_in_a_filter_has_its_place(lake: Server) -> None:
    said = told(lake, "params.lr < 1 AND loss < 1")
    assert said["error"]["span"] == [18, 22]
    assert "metrics.loss" in said["error"]["hint"]
    assert said["count"] is None
    assert told(lake, "params.lr <")["error"]["span"] == [11, 11]
    assert get(lake, "runs", where="a ~ 1").json["span"] == [2, 3]


def test_a_key_that_no_run_has_is_said(lake: Server) -> None:
    assert "params.seed" in told(lake, "params.sed = 1")["warnings"][0]


@pytest.mark.parametrize(
    ("text", "start", "first"),
    [
        ("", 0, "run_id"),
        ("params.l", 0, "params.lr"),
        ("params.lr < 1 and se", 18, "params.seed"),
        ("NOT (metrics.`lo", 5, "metrics.loss"),
        ("min(", 4, "metrics.acc"),
        ("min(met", 4, "metrics.acc"),
        ("params.lr ", 10, "="),
        ("params.opt L", 11, "LIKE"),
        ("params.opt = ", 13, "'adam'"),
        ("params.opt = 's", 13, "'sgd'"),
        ("params.opt IN ('adam', ", 23, "'adam'"),
        ("params.lr = ", 12, "0.001"),
        ("status = 'RU", 9, "'RUNNING'"),
        ("params.lr BETWEEN 1 ", 20, "AND"),
        ("params.lr IS ", 13, "NULL"),
        ("params.lr IS NULL ", 18, "AND"),
        ("params.lr = 1 o", 14, "OR"),
    ],
)
def test_what_may_be_written_next(lake: Server, text: str, start: int, first: str) -> None:
    said = told(lake, text)
    texts = [choice["text"] for choice in said["completions"]]
    assert said["start"] == start
    assert first in texts[:4], texts


def test_completions_are_for_the_place_of_the_cursor(lake: Server) -> None:
    assert offered(lake, "params.op = 'sgd'", 9) == ["params.opt"]
    assert offered(lake, "metrics.loss < 'x", 12) == ["metrics.loss"]


def test_values_are_offered_of_columns_that_have_few_with_the_number_of_runs(lake: Server) -> None:
    said = told(lake, "tags.team = ")["completions"]
    assert said == [
        {"text": "'b'", "kind": "value", "detail": "30 runs"},
        {"text": "'a'", "kind": "value", "detail": "10 runs"},
    ]
    assert offered(lake, "run_id = ") == [f for f in offered(lake, "run_id = ") if f.startswith("'")]


# -- series


def test_curves_share_one_grid_and_have_a_batch_a_key(lake: Server) -> None:
    answer = post(
        lake, "series", keys=["loss", "acc"], experiments="sweep", where="params.seed < 4", sort=["params.seed"]
    )
    curves, runs = tables(answer)
    assert notes(answer)["keys"] == ["loss", "acc"]
    grid = notes(answer)["grid"]
    assert grid == {"start": "0", "width": "2", "buckets": 200}
    assert runs["run_name"].to_list() == ["run 00", "run 01", "run 02", "run 03"]
    first = curves.filter(pl.col("key") == 0, pl.col("run") == 1)
    assert first["bucket"].to_list() == [step * 5 for step in range(20)]
    assert first["mean"].to_list() == [1 + step / 100 for step in range(20)]
    last = curves.row(by_predicate=(pl.col("run") == 3) & (pl.col("bucket") == 100), named=True)
    assert (last["mean"], last["count"], last["non_finite"]) == (None, 1, 1)
    assert set(curves.filter(pl.col("key") == 1)["run"]) == {1, 3}


def test_buckets_have_the_exact_extremes_and_a_zoom_the_points(lake: Server) -> None:
    (run_id,) = tables(get(lake, "runs", experiments="sweep", where="params.seed = 5", columns="run_id"))[0].row(0)
    answer = post(lake, "series", keys="loss", runs=run_id, points=3)
    rows = tables(answer)[0].to_dicts()
    assert notes(answer)["grid"] == {"start": "0", "width": "64", "buckets": 3}
    assert (answer.headers["x-runlake-total"], notes(answer)["left_out"]) == ("1", 0)
    assert [(row["bucket"], row["min"], row["max"], row["count"]) for row in rows] == [
        (0, 5.0, 5.06, 7),
        (1, 5.07, 5.12, 6),
        (2, 5.13, 5.19, 7),
    ]
    zoomed = post(lake, "series", keys="loss", runs=[run_id], points=50, range=[30, 60])
    assert notes(zoomed)["grid"] == {"start": "30", "width": "1", "buckets": 31}
    assert tables(zoomed)[0]["bucket"].to_list() == [0, 10, 20, 30]


def test_steps_that_a_browser_cannot_hold_are_exact(lake: Server) -> None:
    answer = post(lake, "series", keys="loss", experiments="far", range=[str(2**60 + 1), str(2**60 + 3)])
    assert notes(answer)["grid"] == {"start": str(2**60 + 1), "width": "1", "buckets": 3}
    assert tables(answer)[0]["last"].to_list() == [1.0, 2.0, 3.0]


def test_the_whole_axis_can_be_looked_at(lake: Server) -> None:
    answer = post(lake, "series", keys="loss", experiments="far", range=["-1" + "0" * 40, "1" + "0" * 40], points=7)
    assert notes(answer)["grid"] == {"start": str(-(2**63)), "width": str(2**62), "buckets": 4}
    assert tables(answer)[0].select("bucket", "count").rows() == [(2, 5)]


def test_a_live_run_is_seen_without_asking_for_all_of_it_again(lake: Server) -> None:
    made = {"run_id": "f" * 32, "name": "live", "user_id": "u", "start_time": 1, "tags": {}}
    assert post(lake, "call/create_run", experiment_id=experiment_id(lake, "far"), **made).status == 200

    def log(*steps: int) -> None:
        points = [{"key": "live", "value": float(step), "timestamp": 1, "step": step} for step in steps]
        path = "/api/2.0/mlflow/runs/log-batch"
        body = json.dumps({"run_id": "f" * 32, "metrics": points})
        assert lake.send("POST", path, body, {"Content-Type": "application/json"}).status == 200

    log(0, 1, 2)
    asked = {"keys": ["live"], "runs": ["f" * 32], "points": 100}
    first = post(lake, "series", **asked)
    same = lake.send(
        "POST",
        f"{API}series",
        json.dumps(asked),
        {"Content-Type": "application/json", "If-None-Match": first.headers["etag"]},
    )
    assert same.status == 304
    log(3, 4)
    grid = notes(first)["grid"]
    more = post(lake, "series", **asked, since={"start": grid["start"], "width": grid["width"], "bucket": 2})
    assert (notes(more)["grid"], notes(more)["since"]) == (grid, 2)
    assert tables(more)[0].select("bucket", "last").rows() == [(2, 2.0), (3, 3.0), (4, 4.0)]
    assert post(lake, "call/delete_run", run_id="f" * 32).status == 200


def test_who_has_a_grid_gets_what_came_since(lake: Server) -> None:
    asked = {"keys": "loss", "experiments": "sweep", "where": "params.seed = 5"}
    grid = notes(post(lake, "series", **asked))["grid"]
    answer = post(lake, "series", **asked, since={"start": grid["start"], "width": grid["width"], "bucket": 90})
    assert notes(answer)["since"] == 90
    assert tables(answer)[0]["bucket"].to_list() == list(range(90, 200, 10))
    other = post(lake, "series", **asked, since={"start": "0", "width": "512", "bucket": 90})
    assert notes(other)["since"] == 0
    assert tables(other)[0].height == 20


def test_groups_are_means_and_bands_over_all_of_their_runs(lake: Server) -> None:
    asked = {"keys": "loss", "experiments": "sweep", "group": ["params.opt"], "top": 1}
    curves, groups = tables(post(lake, "series", **asked))
    assert sorted(groups.select("params.opt", "runs").rows()) == [("adam", 20), ("sgd", 20)]
    group = groups.row(by_predicate=pl.col("params.opt") == "adam", named=True)["group"]
    row = curves.filter(pl.col("group") == group).row(0, named=True)
    evens = pl.Series(range(0, RUNS, 2)).cast(pl.Float64)
    assert (row["mean"], row["min"], row["max"], row["runs"]) == (19.0, 0.0, 38.0, 20)
    assert row["high"] - row["mean"] == pytest.approx(evens.std())
    (quantiles, _) = tables(post(lake, "series", **asked, band=[0.1, 0.9]))
    assert quantiles.filter(pl.col("group") == group)["low"][0] == pytest.approx(evens.quantile(0.1, "linear"))


def test_pinned_runs_are_drawn_first_and_hidden_ones_are_not(lake: Server) -> None:
    asked = {"experiments": "sweep", "sort": ["params.seed"]}
    ids = tables(get(lake, "runs", **asked, columns="run_id"))[0]["run_id"].to_list()
    where = "params.seed < 10"
    answer = post(lake, "series", keys="loss", **asked, where=where, top=3, pins=[ids[30]], hides=[ids[1]])
    assert tables(answer)[1]["run_name"].to_list() == ["run 30", "run 00", "run 02", "run 03"]
    assert set(tables(answer)[0]["run"]) == {0, 1, 2, 3}
    assert (answer.headers["x-runlake-total"], notes(answer)["left_out"]) == ("10", 7)


@pytest.mark.parametrize("x", ["time", "relative"])
def test_curves_over_time_have_every_point(lake: Server, x: str) -> None:
    answer = post(lake, "series", keys=["loss"], experiments="sweep", x=x, top=3, sort=["params.seed"])
    assert tables(answer)[0].group_by("run").agg(pl.col("count").sum()).sort("run")["count"].to_list() == [20, 20, 20]


def test_curves_over_another_metric_stand_at_its_values(lake: Server) -> None:
    answer = post(lake, "series", keys=["acc"], x="metrics.loss", experiments="sweep", top=40, sort=["params.seed"])
    curves, runs = tables(answer)
    assert notes(answer)["grid"]["start"] == "1.0"
    assert (curves.height, runs.height) == (20, 40), "at step 0 of half of the runs"
    assert curves["bucket"][-1] == 199


def test_several_charts_in_one_answer_are_each_as_they_are_alone(lake: Server) -> None:
    keys = ["loss", "acc", "nothing"]
    runs = {"experiments": "sweep", "where": "params.seed < 12", "points": 7}
    for x in ("step", "time", "relative", "metrics.loss"):
        together = post(lake, "series", keys=keys, x=x, apart=True, **runs)
        curves = tables(together)[0]
        for place, key in enumerate(keys):
            alone = post(lake, "series", keys=[key], x=x, **runs)
            assert notes(together)["grids"][place] == notes(alone)["grid"]
            mine = curves.filter(pl.col("key") == place).drop("key")
            assert mine.equals(tables(alone)[0].drop("key")), (x, key)
    grids = notes(post(lake, "series", keys=keys, apart=True, **runs))["grids"]
    assert grids[0] != grids[1]
    since = [{"start": grids[0]["start"], "width": grids[0]["width"], "bucket": 5}, None, None]
    later = post(lake, "series", keys=keys, apart=True, since=since, **runs)
    assert notes(later)["since"] == [5, 0, 0]
    assert tables(later)[0].filter(pl.col("key") == 0)["bucket"].min() == 5
    whole = tables(post(lake, "series", keys=["acc"], **runs))[0]
    assert tables(later)[0].filter(pl.col("key") == 1).height == whole.height
    refused = post(lake, "series", keys=keys, since=since, **runs)
    assert (refused.status, refused.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_ledger_and_gaps_come_when_they_are_wanted(lake: Server) -> None:
    answer = post(lake, "series", keys=["loss"], experiments="sweep", ledger=True)
    _, _, ledger, gaps = tables(answer)
    assert (ledger.columns, ledger.height) == (["run", "key", "merged", "dropped"], 0)
    assert (gaps.columns, gaps.height) == (["run", "points", "exact", "reason"], 0)
    assert answer.headers["x-runlake-total"] == "40"
    assert notes(answer)["left_out"] == 20, "a cap says so"


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"keys": []}, 400, "keys is empty"),
        ({"keys": "loss", "points": 0}, 400, "points is 0; it must be from 1 to 5,000"),
        ({"keys": "loss", "x": "steps"}, 400, "unknown attribute 'steps'"),
        ({"keys": "loss", "x": "params.lr"}, 400, "x is 'params.lr'; it must be step, time, relative, or a metric"),
        ({"keys": "loss", "range": [5, 3]}, 400, "the range from 5 to 3 is empty"),
        ({"keys": "loss", "range": ["inf", None]}, 400, "the range from inf to None has no ends"),
        ({"keys": "loss", "range": ["a", None]}, 400, "range has the bound 'a'; it must be a number"),
        ({"keys": "loss", "range": [None, "9" * 400]}, 400, "it must be a number, of 309 digits at most"),
        ({"keys": "loss", "runs": ["nope"]}, 404, "there is no run 'nope'"),
        ({"keys": "loss", "top": 1000}, 400, "top is 1000; it must be from 1 to 500"),
        (
            {"keys": "loss", "group": ["params.opt"], "band": "sd"},
            400,
            "band is 'sd'; it must be 'std' or two quantiles",
        ),
        ({"keys": "loss", "since": {}}, 400, "since must have start and width"),
    ],
)
def test_what_cannot_be_drawn_is_refused(lake: Server, fields: dict[str, Any], status: int, message: str) -> None:
    answer = post(lake, "series", **fields)
    assert answer.status == status
    assert message in answer.json["message"]


def test_a_metric_that_nobody_logged_is_an_empty_chart(lake: Server) -> None:
    curves, runs = tables(post(lake, "series", keys="nothing", experiments="sweep"))
    assert (curves.height, runs.height) == (0, 20)


# -- crossfilter


LR, OPT, ACC = {"key": "params.lr", "scale": "log", "bins": 4}, {"key": "params.opt"}, {"key": "metrics.acc", "bins": 2}


def counted(frame: pl.DataFrame, kind: int, axis: int) -> dict[Any, int]:
    found = frame.filter(pl.col("kind") == kind, pl.col("axis") == axis)
    return {(a, b) if kind > 1 else a: count for a, b, count in found.select("a", "b", "count").rows()}


def test_each_axis_is_counted_under_the_brushes_of_the_others(lake: Server) -> None:
    answer = post(
        lake, "crossfilter", experiments="sweep", axes=[LR, OPT, ACC], brush=["params.lr > 0.05", "params.opt = 'sgd'"]
    )
    counts, top = tables(answer)
    assert counted(counts, 0, 0) == {0: 10, 1: 10, 2: 10, 3: 10}
    assert counted(counts, 1, 0) == {0: 10, 2: 10}, "under params.opt = 'sgd'"
    assert counted(counts, 1, 1) == {0: 10, 1: 10}, "under params.lr > 0.05"
    assert sum(counted(counts, 1, 2).values()) == 10, "under both"
    assert (notes(answer)["total"], notes(answer)["left"]) == (40, 10)
    assert top.height == 0


def test_pairs_of_neighbouring_axes_are_counted_with_what_is_missing_as_a_bin(lake: Server) -> None:
    answer = post(
        lake, "crossfilter", experiments="sweep", axes=[LR, OPT, ACC], brush=[None, None, "metrics.acc > 0.2"]
    )
    counts, _ = tables(answer)
    assert counted(counts, 2, 1) == {(0, 2): 20, (1, 0): 10, (1, 1): 10}
    assert counted(counts, 3, 1) == {(1, 1): 10}
    lr, opt, acc = notes(answer)["axes"]
    assert (lr["scale"], lr["low"], lr["high"], lr["bins"]) == ("log", 0.001, 1.0, 4)
    assert opt == {"key": "params.opt", "scale": "category", "bins": 2, "values": ["adam", "sgd"]}
    assert (acc["scale"], acc["low"], acc["high"]) == ("linear", 0.01, 0.39)


def test_the_best_of_what_is_left_comes_with_its_values(lake: Server) -> None:
    asked = {"experiments": "sweep", "sort": ["metrics.acc DESC"], "axes": [ACC, OPT], "top": 2}
    answer = post(lake, "crossfilter", **asked, brush=["metrics.acc < 0.3"], all=False)
    counts, top = tables(answer)
    assert top.drop("run_id").rows() == [("run 29", 0.29, "sgd"), ("run 27", 0.27, "sgd")]
    assert set(counts["kind"]) == {1, 3}, "what brushes do not change was not wanted"


def test_pinned_runs_come_before_the_best_and_hidden_ones_not_at_all(lake: Server) -> None:
    asked = {"experiments": "sweep", "sort": ["metrics.acc DESC"], "axes": [ACC], "top": 2, "color": "params.seed"}
    _, best = tables(post(lake, "crossfilter", **asked, brush=["metrics.acc > 0.2"]))
    ids = dict(best.select("run_name", "run_id").rows())
    _, worst = tables(post(lake, "crossfilter", **{**asked, "sort": ["metrics.acc"]}))
    pins, hides = worst["run_id"].to_list(), [ids["run 37"]]
    _, drawn = tables(post(lake, "crossfilter", **asked, brush=["metrics.acc > 0.2"], pins=pins, hides=hides))
    assert drawn.drop("run_id", "0").rows() == [("run 01", 1.0), ("run 03", 3.0), ("run 39", 39.0), ("run 35", 35.0)]


def test_any_pairs_of_axes_are_counted_with_the_mean_of_another_field(lake: Server) -> None:
    asked = {"experiments": "sweep", "axes": [LR, OPT, ACC], "brush": [None, "params.opt = 'sgd'"]}
    answer = post(lake, "crossfilter", **asked, pairs=[[2, 0], [1, 1]], color="metrics.acc")
    counts, _ = tables(answer)
    turned = counted(tables(post(lake, "crossfilter", **asked, pairs=[[0, 2]]))[0], 2, 0)
    assert len(turned) > 4
    assert counted(counts, 2, 0) == {(b, a): count for (a, b), count in turned.items()}
    assert counted(counts, 3, 1) == {(1, 1): 20}
    assert counts.filter(kind=3, axis=1)["mean"].to_list() == [pytest.approx(0.2)]
    assert notes(answer)["color"] == {"low": 0.01, "high": 0.39}
    texts = post(lake, "crossfilter", **asked, color="params.opt", top=1)
    assert tables(texts)[1]["color"].to_list() == ["sgd"]
    assert "color" not in notes(texts), "texts have no mean"
    neighbours, _ = tables(post(lake, "crossfilter", **asked, pairs=[[0, 1], [1, 2]]))
    assert neighbours.equals(tables(post(lake, "crossfilter", **asked))[0])


def test_an_axis_says_what_has_no_place_on_it(lake: Server) -> None:
    axes = [{"key": "metrics.loss"}, {"key": "params.seed", "scale": "log"}, {"key": "metrics.acc"}]
    said = notes(post(lake, "crossfilter", experiments="sweep", axes=axes))["axes"]
    assert [(axis["whole"], axis["unplaced"]) for axis in said] == [(False, 1), (True, 1), (False, 0)]


def test_few_whole_numbers_have_a_bin_each(lake: Server) -> None:
    answer = post(
        lake, "crossfilter", experiments="sweep", axes=[{"key": "params.seed"}, {"key": "params.seed", "bins": 8}]
    )
    each, few = notes(answer)["axes"]
    assert (each["low"], each["high"], each["bins"]) == (-0.5, 39.5, 40)
    assert counted(tables(answer)[0], 0, 0) == dict.fromkeys(range(40), 1)
    assert (few["low"], few["high"], few["bins"]) == (0, 39, 8)


def test_an_axis_of_a_metric_is_reduced_as_it_is_asked(lake: Server) -> None:
    axes = [{"key": "metrics.loss", "reduce": "min", "bins": 8}, {"key": "metrics.loss", "bins": 8}]
    answer = post(lake, "crossfilter", experiments="sweep", axes=axes)
    first, last = notes(answer)["axes"]
    assert (first["key"], first["low"], first["high"]) == ("min(metrics.loss)", 0.0, 39.0)
    assert last["high"] == 39.19
    assert counted(tables(answer)[0], 0, 1)[8] == 1, "the run with NaN last"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"axes": []}, "axes has 0 entries; it must have from 1 to 64"),
        ({"axes": [{}]}, "an axis has no key"),
        ({"axes": [{"key": "params.lr", "bin": 3}]}, "an axis has no field 'bin'"),
        ({"axes": [{"key": "params.lr", "bins": "3"}]}, "the bins of an axis is '3'; it must be a whole number"),
        ({"axes": [{"key": "params.lr", "scale": "ln"}]}, "scale is 'ln'; it must be one of"),
        ({"axes": [{"key": "artifact_uri"}]}, "artifact_uri is no axis"),
        ({"axes": [LR], "brush": ["params.lr <"]}, "\n  params.lr <\n             ^"),
        ({"axes": [LR], "brush": [None, None]}, "brush has 2 entries for 1 axes"),
        ({"axes": [LR], "pairs": [[0, 1]]}, "pairs has [0, 1]; these must be places of two of the 1 axes"),
        ({"axes": [LR], "pairs": [[0]]}, "pairs has an entry of 1 numbers; it must be the places of two axes"),
    ],
)
def test_mistakes_in_a_cross_filter(lake: Server, fields: dict[str, Any], message: str) -> None:
    answer = post(lake, "crossfilter", **fields)
    assert answer.status == 400
    assert message in answer.json["message"]


# -- points and differences


def test_few_runs_are_points_and_many_are_counts_with_the_best(lake: Server) -> None:
    asked = {"x": {"key": "params.lr", "scale": "log", "bins": 4}, "y": ACC, "experiments": "sweep"}
    (points,) = tables(answer := post(lake, "points", **asked, color="params.seed", sort=["params.seed"]))
    assert (notes(answer)["total"], notes(answer)["left"]) == (40, 20), "half of the runs have no accuracy"
    assert points.drop("run_id").row(0) == ("run 01", 0.1, 0.01, 1)
    best, cells = tables(post(lake, "points", **asked, color="params.seed", most=10, top=1, sort=["metrics.acc DESC"]))
    assert best["run_name"].to_list() == ["run 39"]
    assert cells.select("x", "y", "count").sum().row(0)[2] == 20
    assert cells.columns == ["x", "y", "count", "color"]


def test_what_differs_between_runs(lake: Server) -> None:
    (found,) = tables(get(lake, "runs", experiments="sweep", sort="params.seed", columns="run_id", limit=2))
    said = post(lake, "diff", runs=found["run_id"].to_list()).json
    assert said["names"] == ["run 00", "run 01"]
    rows = {(row["kind"], row["key"], row["field"]): row["values"] for row in said["rows"]}
    assert rows["param", "opt", "value"] == ["adam", "sgd"]
    assert ("param", "same", "value") not in rows
    latest = post(lake, "diff", runs=found["run_id"].to_list(), fields=["latest"]).json["rows"]
    assert {row["field"] for row in latest if row["kind"] == "metric"} == {"latest"}
    assert [row for row in latest if row["kind"] != "metric"] == [
        row for row in said["rows"] if row["kind"] != "metric"
    ]
    assert "no field 'value'" in post(lake, "diff", runs=found["run_id"].to_list(), fields=["value"]).json["message"]
    everything = post(lake, "diff", runs=found["run_id"].to_list(), same=True).json["rows"]
    assert {"kind": "param", "key": "same", "field": "value", "differs": False, "values": ["1", "1"]} in everything
    polars = next(row for row in everything if (row["kind"], row["key"]) == ("package", "polars"))
    assert polars["values"] == [pl.__version__] * 2
    assert not any(row["kind"] == "package" for row in said["rows"]), "both have the same packages"
