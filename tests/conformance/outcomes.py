"""What many small calls of a client come to, right ones and wrong ones, as JSON: `python outcomes.py URI`.

An outcome is a plain value, "ok" for anything else, or the code of the error. It needs nothing but the client.
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient

NOBODY = "f" * 32
PLAIN = (str, int, float, bool, type(None))


def prepared(c: MlflowClient) -> SimpleNamespace:
    """Make what the calls are about: an experiment, its runs, and a registered model with three versions."""
    e = c.create_experiment("exp", tags={"a": "b"})
    r = c.create_run(e, run_name="n", tags={"t": "1"}, start_time=1000).info.run_id
    gone = c.create_run(e).info.run_id
    c.delete_run(gone)
    deleted = c.create_experiment("deleted")
    c.delete_experiment(deleted)
    source = f"{c.get_run(r).info.artifact_uri}/model"
    c.create_registered_model("m")
    c.create_registered_model("m2")
    for _ in range(3):
        c.create_model_version("m", source, r)
    return SimpleNamespace(e=e, r=r, gone=gone, deleted=deleted, source=source)


def fresh(c: MlflowClient, s: SimpleNamespace) -> str:
    """Make a logged model."""
    return c.create_logged_model(s.e).model_id


Call = Callable[[MlflowClient, SimpleNamespace], Any]

EXPERIMENTS: dict[str, Call] = {
    "exp dup": lambda c, s: c.create_experiment("exp"),
    "exp dup deleted": lambda c, s: len(c.create_experiment("deleted")) > 0,
    "exp empty": lambda c, s: c.create_experiment(""),
    "exp none": lambda c, s: c.create_experiment(None),
    "exp long": lambda c, s: c.create_experiment("x" * 600),
    "exp get missing": lambda c, s: c.get_experiment("999999"),
    "exp get weird": lambda c, s: c.get_experiment("abc"),
    "exp by name missing": lambda c, s: c.get_experiment_by_name("nope"),
    "exp by name none": lambda c, s: c.get_experiment_by_name(""),
    "exp rename deleted": lambda c, s: c.rename_experiment(s.deleted, "z"),
    "exp rename dup": lambda c, s: c.rename_experiment(s.e, "Default"),
    "exp rename none": lambda c, s: c.rename_experiment(s.e, None),
    "exp delete twice": lambda c, s: c.delete_experiment(s.deleted),
    "exp restore active": lambda c, s: c.restore_experiment(s.e),
    "exp tag long": lambda c, s: c.set_experiment_tag(s.e, "k", "v" * 30000),
    "exp tag key bad": lambda c, s: c.set_experiment_tag(s.e, "../k", "v"),
    "exp tag del missing": lambda c, s: c.delete_experiment_tag(s.e, "none"),
    "exp tag deleted": lambda c, s: c.set_experiment_tag(s.deleted, "k", "v"),
    "exp search bad": lambda c, s: c.search_experiments(filter_string="foo = 'x'"),
    "exp search size0": lambda c, s: c.search_experiments(max_results=0),
    "exp search size big": lambda c, s: c.search_experiments(max_results=100000),
    "exp search order bad": lambda c, s: c.search_experiments(order_by=["foo"]),
    "exp search": lambda c, s: [e.name for e in c.search_experiments(view_type=ViewType.ALL, order_by=["name DESC"])],
    "exp search tag": lambda c, s: [e.name for e in c.search_experiments(filter_string="tags.a = 'b'")],
}

RUNS: dict[str, Call] = {
    "run create in deleted": lambda c, s: c.create_run(s.deleted),
    "run create missing exp": lambda c, s: c.create_run("4711"),
    "run create name tag differ": lambda c, s: c.create_run(s.e, run_name="a", tags={"mlflow.runName": "b"}),
    "run create name tag": lambda c, s: c.create_run(s.e, tags={"mlflow.runName": "b"}).info.run_name,
    "run create user": lambda c, s: c.create_run(s.e, tags={"mlflow.user": "me"}).info.user_id,
    "run start": lambda c, s: (
        c.get_run(s.r).info.start_time,
        c.get_run(s.r).info.end_time,
        c.get_run(s.r).info.status,
    ),
    "run get missing": lambda c, s: c.get_run(NOBODY),
    "run get bad": lambda c, s: c.get_run("../x"),
    "run get none": lambda c, s: c.get_run(None),
    "run delete twice": lambda c, s: c.delete_run(s.gone),
    "run restore active": lambda c, s: c.restore_run(s.r),
    "run update deleted": lambda c, s: c.update_run(s.gone, name="x"),
    "run update name": lambda c, s: (
        c.update_run(s.r, name="nn"),
        c.get_run(s.r).data.tags["mlflow.runName"],
        c.get_run(s.r).info.run_name,
    )[1:],
    "run update status": lambda c, s: (c.update_run(s.r, status="SCHEDULED"), c.get_run(s.r).info.status)[1],
    "run update bad status": lambda c, s: c.update_run(s.r, status="NOPE"),
    "run runName tag": lambda c, s: (c.set_tag(s.r, "mlflow.runName", "via tag"), c.get_run(s.r).info.run_name)[1],
    "run terminated": lambda c, s: (
        c.set_terminated(s.r, "FAILED", 5000),
        c.get_run(s.r).info.status,
        c.get_run(s.r).info.end_time,
    )[1:],
    "log metric deleted": lambda c, s: c.log_metric(s.gone, "m", 1.0),
    "log metric missing": lambda c, s: c.log_metric(NOBODY, "m", 1.0),
    "log metric key": lambda c, s: c.log_metric(s.r, "a//b", 1.0),
    "log metric key dots": lambda c, s: c.log_metric(s.r, "../m", 1.0),
    "log metric key long": lambda c, s: c.log_metric(s.r, "m" * 251, 1.0),
    "log metric key empty": lambda c, s: c.log_metric(s.r, "", 1.0),
    "log metric key None": lambda c, s: c.log_metric(s.r, None, 1.0),
    "log metric key colon": lambda c, s: c.log_metric(s.r, "a:b c", 1.0),
    "log metric value str": lambda c, s: c.log_metric(s.r, "m", "abc"),
    "log metric value strnum": lambda c, s: c.log_metric(s.r, "m", "0.5"),
    "log metric value None": lambda c, s: c.log_metric(s.r, "m", None),
    "log metric ts neg": lambda c, s: c.log_metric(s.r, "m", 1.0, timestamp=-1),
    "log metric ts str": lambda c, s: c.log_metric(s.r, "m", 1.0, timestamp="5"),
    "log metric ts float": lambda c, s: c.log_metric(s.r, "mf", 1.0, timestamp=5.5),
    "log metric step str": lambda c, s: c.log_metric(s.r, "m", 1.0, step="x"),
    "log metric step float": lambda c, s: c.log_metric(s.r, "m3", 1.0, step=2.0),
    "log metric step neg": lambda c, s: (
        c.log_metric(s.r, "neg", 1.0, step=-3),
        c.get_metric_history(s.r, "neg")[0].step,
    )[1],
    "log param twice same": lambda c, s: [c.log_param(s.r, "p", 1), c.log_param(s.r, "p", 1)],
    "log param change": lambda c, s: c.log_param(s.r, "p", 2),
    "log param long": lambda c, s: (c.log_param(s.r, "long", "v" * 7000), len(c.get_run(s.r).data.params["long"]))[1],
    "log param key bad": lambda c, s: c.log_param(s.r, "/abs", 2),
    "log param deleted": lambda c, s: c.log_param(s.gone, "p", 2),
    "history missing key": lambda c, s: list(c.get_metric_history(s.r, "nope")),
    "history missing run": lambda c, s: list(c.get_metric_history(NOBODY, "nope")),
    "set tag long": lambda c, s: (c.set_tag(s.r, "longtag", "v" * 9000), len(c.get_run(s.r).data.tags["longtag"]))[1],
    "set tag deleted": lambda c, s: c.set_tag(s.gone, "p", 2),
    "delete tag missing": lambda c, s: c.delete_tag(s.r, "nope"),
    "delete tag deleted": lambda c, s: c.delete_tag(s.gone, "t"),
    "batch dup params": lambda c, s: c.log_batch(s.r, params=[Param("q", "1"), Param("q", "2")]),
    "batch dup params same": lambda c, s: c.log_batch(s.r, params=[Param("q", "1"), Param("q", "1")]),
    "batch changed": lambda c, s: c.log_batch(s.r, params=[Param("p", "77")]),
    "batch bad metric": lambda c, s: c.log_batch(s.r, metrics=[Metric("a", "x", 1, 1)]),
    "batch many": lambda c, s: (
        c.log_batch(
            s.r,
            params=[Param(f"pp{i}", "1") for i in range(150)],
            tags=[RunTag(f"tt{i}", "1") for i in range(120)],
            metrics=[Metric(f"mm{i}", 1.0, 1, 1) for i in range(1500)],
        ),
        len(c.get_run(s.r).data.metrics),
    )[0],
    "batch deleted": lambda c, s: c.log_batch(s.gone, params=[Param("q", "1")]),
    "inputs deleted": lambda c, s: c.log_inputs(s.gone, []),
}

SEARCHES: dict[str, Call] = {
    "search bad": lambda c, s: c.search_runs([s.e], "metrics.x = 'a'"),
    "search bad2": lambda c, s: c.search_runs([s.e], "nothing"),
    "search big": lambda c, s: c.search_runs([s.e], max_results=50001),
    "search token": lambda c, s: c.search_runs([s.e], page_token="garbage"),
    "search none": lambda c, s: list(c.search_runs([])),
    "search missing exp": lambda c, s: list(c.search_runs(["4711"])),
    "search deleted": lambda c, s: [
        r.info.run_id == s.gone for r in c.search_runs([s.e], run_view_type=ViewType.DELETED_ONLY)
    ],
    "search order": lambda c, s: c.search_runs([s.e], order_by=["metrics.m DESC", "metrics.m ASC"]),
    "search attr": lambda c, s: [
        r.info.status for r in c.search_runs([s.e], "attributes.status = 'FAILED' AND run_name = 'via tag'")
    ],
}

REGISTERED_MODELS: dict[str, Call] = {
    "rm dup": lambda c, s: c.create_registered_model("m"),
    "rm empty": lambda c, s: c.create_registered_model(""),
    "rm none": lambda c, s: c.create_registered_model(None),
    "rm slash": lambda c, s: c.create_registered_model("a/b"),
    "rm colon": lambda c, s: c.create_registered_model("a:b"),
    "rm blank": lambda c, s: c.create_registered_model(" "),
    "rm get missing": lambda c, s: c.get_registered_model("zz"),
    "rm update missing": lambda c, s: c.update_registered_model("zz", "d"),
    "rm rename same": lambda c, s: c.rename_registered_model("m", "m"),
    "rm rename empty": lambda c, s: c.rename_registered_model("m", ""),
    "rm delete missing": lambda c, s: c.delete_registered_model("zz"),
    "rm tag none": lambda c, s: c.set_registered_model_tag("m", None, "x"),
    "rm tag missing model": lambda c, s: c.set_registered_model_tag("zz", "a", "x"),
    "rm tag long": lambda c, s: c.set_registered_model_tag("m", "a", "x" * 100001),
    "rm tag del missing": lambda c, s: c.delete_registered_model_tag("m", "nope"),
    "rm search bad": lambda c, s: c.search_registered_models("foo = 'a'"),
    "rm search big": lambda c, s: c.search_registered_models(max_results=1001),
    "rm search zero": lambda c, s: c.search_registered_models(max_results=0),
    "rm search order bad": lambda c, s: c.search_registered_models(order_by=["foo"]),
    "rm search or": lambda c, s: [m.name for m in c.search_registered_models("name IN ('m','m2')")],
    "rm search gt": lambda c, s: c.search_registered_models("name > 'm'"),
    "latest": lambda c, s: [str(v.version) for v in c.get_latest_versions("m")],
    "latest stage": lambda c, s: [str(v.version) for v in c.get_latest_versions("m", ["None"])],
    "latest bad stage": lambda c, s: [str(v.version) for v in c.get_latest_versions("m", ["Foo"])],
    "latest missing": lambda c, s: c.get_latest_versions("zz"),
}

VERSIONS: dict[str, Call] = {
    "mv missing model": lambda c, s: c.create_model_version("zz", s.source, s.r),
    "mv get missing": lambda c, s: c.get_model_version("m", "99"),
    "mv get bad": lambda c, s: c.get_model_version("m", "x"),
    "mv get int": lambda c, s: str(c.get_model_version("m", 1).version),
    "mv update missing": lambda c, s: c.update_model_version("m", "99", "d"),
    "mv delete missing": lambda c, s: c.delete_model_version("m", "99"),
    "mv stage bad": lambda c, s: c.transition_model_version_stage("m", "1", "Foo"),
    "mv stage archive none": lambda c, s: c.transition_model_version_stage("m", "1", "None", True),
    "mv stage missing": lambda c, s: c.transition_model_version_stage("m", "99", "Production"),
    "mv tag missing": lambda c, s: c.set_model_version_tag("m", "99", "a", "b"),
    "mv tag both": lambda c, s: c.set_model_version_tag("m", "1", "a", "b", stage="Production"),
    "mv tag neither": lambda c, s: c.set_model_version_tag("m", key="a", value="b"),
    "mv tag del missing": lambda c, s: c.delete_model_version_tag("m", "1", "nope"),
    "mv search bad": lambda c, s: c.search_model_versions("foo = 'a'"),
    "mv search num": lambda c, s: [
        str(v.version)
        for v in c.search_model_versions("name = 'm' AND version_number > 1", order_by=["version_number ASC"])
    ],
    "mv search src": lambda c, s: len(c.search_model_versions(f"source_path = '{s.source}'")),
    "mv search run in": lambda c, s: len(c.search_model_versions(f"run_id IN ('{s.r}')")),
    "mv search run in empty": lambda c, s: len(c.search_model_versions("run_id IN ()")),
    "mv search big": lambda c, s: c.search_model_versions(max_results=200001),
    "mv number not reused": lambda c, s: str(c.create_model_version("m", s.source, s.r).version),
    "mv dl uri missing": lambda c, s: c.get_model_version_download_uri("m", "99"),
    "mv updated ts": lambda c, s: (
        c.get_registered_model("m").last_updated_timestamp >= c.get_registered_model("m").creation_timestamp
    ),
    "copy missing": lambda c, s: c.copy_model_version("models:/m/99", "cc"),
}

ALIASES: dict[str, Call] = {
    "alias set missing mv": lambda c, s: c.set_registered_model_alias("m", "al", "99"),
    "alias set missing model": lambda c, s: c.set_registered_model_alias("zz", "al", "1"),
    "alias bad": lambda c, s: c.set_registered_model_alias("m", "a b", "1"),
    "alias empty": lambda c, s: c.set_registered_model_alias("m", "", "1"),
    "alias LATEST": lambda c, s: c.set_registered_model_alias("m", "Latest", "1"),
    "alias V1": lambda c, s: c.set_registered_model_alias("m", "V1", "1"),
    "alias get missing": lambda c, s: c.get_model_version_by_alias("m", "nope"),
    "alias get missing model": lambda c, s: c.get_model_version_by_alias("zz", "nope"),
    "alias get latest": lambda c, s: str(c.get_model_version_by_alias("m", "latest").version),
    "alias del missing": lambda c, s: c.delete_registered_model_alias("m", "nope"),
    "alias dies with version": lambda c, s: (
        c.set_registered_model_alias("m", "dies", "3"),
        c.delete_model_version("m", "3"),
        dict(c.get_registered_model("m").aliases),
    )[2],
}

ARTIFACTS: dict[str, Call] = {
    "artifact missing": lambda c, s: c.download_artifacts(s.r, "nope"),
    "artifact list missing": lambda c, s: c.list_artifacts(s.r, "nope"),
    "artifact list dots": lambda c, s: c.list_artifacts(s.r, "../.."),
    "artifact log missing file": lambda c, s: c.log_artifact(s.r, "/nonexistent/file"),
    "artifact text dots": lambda c, s: c.log_text(s.r, "x", "../a.txt"),
}

LOGGED_MODELS: dict[str, Call] = {
    "lm get missing": lambda c, s: c.get_logged_model("m-" + "0" * 32),
    "lm create missing exp": lambda c, s: c.create_logged_model("4711", name="a"),
    "lm create deleted exp": lambda c, s: c.create_logged_model(s.deleted, name="a"),
    "lm create bad name": lambda c, s: c.create_logged_model(s.e, name="a/b"),
    "lm create empty name": lambda c, s: bool(c.create_logged_model(s.e, name="").name),
    "lm create none name": lambda c, s: bool(c.create_logged_model(s.e).name),
    "lm finalize pending": lambda c, s: c.finalize_logged_model(fresh(c, s), "PENDING").status,
    "lm delete twice": lambda c, s: (lambda i: (c.delete_logged_model(i), c.delete_logged_model(i)))(fresh(c, s)),
    "lm tag deleted": lambda c, s: (lambda i: (c.delete_logged_model(i), c.set_logged_model_tags(i, {"a": "b"})))(
        fresh(c, s)
    ),
    "lm del tag missing": lambda c, s: c.delete_logged_model_tag(fresh(c, s), "x"),
    "lm params change": lambda c, s: (lambda i: (c.log_model_params(i, {"a": "b"}), c.log_model_params(i, {"a": "c"})))(
        fresh(c, s)
    ),
    "lm search bad": lambda c, s: c.search_logged_models([s.e], "foo = 1"),
    "lm search empty ids": lambda c, s: list(c.search_logged_models([])),
    "lm outputs missing model": lambda c, s: c.log_outputs(
        s.r, [mlflow.entities.LoggedModelOutput("m-" + "0" * 32, 1)]
    ),
}

GROUPS = (EXPERIMENTS, RUNS, SEARCHES, REGISTERED_MODELS, VERSIONS, ALIASES, ARTIFACTS, LOGGED_MODELS)


def outcome(call: Call, c: MlflowClient, s: SimpleNamespace) -> Any:
    try:
        came = call(c, s)
    except FileNotFoundError:
        return "FileNotFoundError"
    except Exception as error:
        return str(getattr(error, "error_code", type(error).__name__))
    return came if isinstance(came, PLAIN) or (isinstance(came, list) and not came) else _plain(came)


def _plain(came: Any) -> Any:
    try:
        return json.loads(json.dumps(came))
    except TypeError:
        return "ok"


def main(uri: str) -> None:
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"  # a status of 500 is an outcome
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    mlflow.set_tracking_uri(uri)
    c = MlflowClient()
    s = prepared(c)
    found = {name: outcome(call, c, s) for group in GROUPS for name, call in group.items()}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
