"""MLflow's pages in a browser: they show what is in the store, and nothing that they ask for fails."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server.browser import Visit
from tests.server.people import PASSWORD, people
from tests.server.wire import API, Server, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

POINTS = 100_000

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("pages"), "--ui", "mlflow") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    visit = Visit(browser, server.url)
    yield visit
    visit.page.close()
    assert visit.mistakes == []


def log(server: Server, run_id: str, key: str, values: list[float]) -> None:
    points = [{"key": key, "value": value, "timestamp": 1, "step": step} for step, value in enumerate(values)]
    for begin in range(0, len(points), 1000):
        assert server.post("runs/log-batch", run_id=run_id, metrics=points[begin : begin + 1000]).status == 200


def test_the_first_page_lists_the_experiments(server: Server, visit: Visit) -> None:
    server.create_experiment("first of all")
    page = visit.go("/")
    page.get_by_role("link", name="first of all").wait_for()


def test_the_table_shows_the_runs_with_their_parameters_and_metrics(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("table")
    for index in range(30):
        run_id = server.create_run(experiment_id, run_name=f"run-{index}", start_time=1_700_000_000_000 + index)
        server.post("runs/log-parameter", run_id=run_id, key="depth", value=str(index))
        log(server, run_id, "loss", [1.0, 0.5 + index])
        server.post("runs/update", run_id=run_id, status="FINISHED", end_time=1_700_000_060_000)
    page = visit.go(f"/experiments/{experiment_id}/runs")
    page.get_by_role("link", name="run-29").wait_for()
    page.get_by_text("30 matching runs").wait_for()
    page.get_by_placeholder("metrics.rmse").fill("params.depth = '7' AND metrics.loss > 7")
    page.keyboard.press("Enter")
    page.get_by_text("1 matching run").wait_for()
    page.get_by_role("link", name="run-7").wait_for()


def test_runs_are_renamed_and_deleted_from_the_table(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("edited")
    run_id = server.create_run(experiment_id, run_name="old name")
    page = visit.go(f"/experiments/{experiment_id}/runs")
    dialog = page.get_by_role("dialog")
    page.get_by_role("row").filter(has_text="old name").get_by_role("checkbox").first.check(force=True)
    page.get_by_role("button", name="Rename").click()
    dialog.get_by_role("textbox").fill("new name")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="new name").wait_for()
    page.get_by_role("row").filter(has_text="new name").get_by_role("checkbox").first.check(force=True)
    page.get_by_role("button", name="Delete").click()
    with page.expect_response(lambda answer: answer.url.endswith("runs/delete")):
        dialog.get_by_role("button", name="Delete").click()
    info = server.run(run_id)["info"]
    assert (info["run_name"], info["lifecycle_stage"]) == ("new name", "deleted")


def test_a_run_shows_all_that_it_has(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("one run")
    run_id = server.create_run(experiment_id, run_name="the-run", tags=[{"key": "team", "value": "vision"}])
    server.post("runs/log-parameter", run_id=run_id, key="optimizer", value="adam")
    log(server, run_id, "odd", [math.nan])
    log(server, run_id, "endless", [math.inf])
    page = visit.go(f"/experiments/{experiment_id}/runs/{run_id}")
    for text in ("the-run", "vision", "optimizer", "adam", "endless", "1.7976931348623157e+308"):
        page.get_by_text(text).first.wait_for()


def test_a_run_that_is_not_there_is_said_to_be_missing(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("none")
    page = visit.go(f"/experiments/{experiment_id}/runs/{'0' * 32}")
    page.get_by_text("does not exist").wait_for()


def test_a_series_of_100_000_points_is_drawn(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("chart")
    run_id = server.create_run(experiment_id)
    log(server, run_id, "loss", [(step * 7919 % 1000) / 1000 for step in range(POINTS)])
    with visit.page.expect_response(lambda answer: "get-history-bulk-interval" in answer.url) as asked:
        page = visit.go(f"/experiments/{experiment_id}/runs/{run_id}/model-metrics")
    steps = [point["step"] for point in asked.value.json()["metrics"]]
    assert (steps[0], steps[-1]) == (0, POINTS - 1)
    assert 100 <= len(steps) <= 2500
    line = page.locator(".scatterlayer .lines path.js-line").first
    line.wait_for(state="attached")
    assert (line.get_attribute("d") or "").count("L") >= 100


def test_the_registry_shows_models_and_their_versions(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("registered")
    run_id = server.create_run(experiment_id, run_name="the-maker")
    proxied = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts"
    server.send("PUT", f"{proxied}/model/MLmodel", b"flavors: {}\nmodel_uuid: a\n")
    server.post("registered-models/create", name="digits-net", tags=[{"key": "team", "value": "vision"}])
    for _ in range(2):
        server.post("model-versions/create", name="digits-net", source=f"runs:/{run_id}/model", run_id=run_id)
    server.post("registered-models/alias", name="digits-net", alias="champion", version="2")
    page = visit.go("/models")
    page.add_locator_handler(
        page.get_by_role("dialog").get_by_role("button", name="Close"), lambda close: close.click()
    )  # an introduction, for whoever comes first
    page.get_by_role("link", name="digits-net").click()
    page.get_by_text("champion").first.wait_for()
    page.get_by_role("link", name="Version 2").first.click()
    page.get_by_text("the-maker").first.wait_for()
    page = visit.go(f"/experiments/{experiment_id}/runs/{run_id}")
    page.get_by_text("digits-net").first.wait_for()


SIGNED = b"""flavors: {}
model_uuid: a
signature:
  inputs: '[{"name": "age", "type": "double", "required": true}, {"name": "plan", "type": "string", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
"""


@pytest.fixture
def version(server: Server) -> str:
    """The name of a model with one version, which has all that a page can show."""
    name, experiment_id = "of-a-page", server.create_experiment("of a version")
    run_id = server.create_run(experiment_id, run_name="its-maker")
    log(server, run_id, "auc", [0.75])
    server.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts/model/MLmodel", SIGNED)
    server.post("registered-models/create", name=name)
    told = {"description": "knows the winter", "tags": [{"key": "validation", "value": "approved"}]}
    server.post("model-versions/create", name=name, source=f"runs:/{run_id}/model", run_id=run_id, **told)
    server.post("model-versions/transition-stage", name=name, version="1", stage="Staging")
    return name


def test_a_version_shows_what_it_is_and_a_gate_refuses_an_alias_with_its_reason(
    server: Server, visit: Visit, version: str
) -> None:
    gate = {"name": version, "target": "@champion", "require": "metrics.auc > 0.9"}
    set_gate = ("POST", "/api/runlake/v1/call/set_gate", json.dumps(gate), {"Content-Type": "application/json"})
    assert server.send(*set_gate).status == 200
    page = visit.go(f"/models/{version}/versions/1")
    for text in ("its-maker", "Staging", "knows the winter", "validation", "approved", "Inputs (2)"):
        page.get_by_text(text).first.wait_for()
    page.get_by_text("Inputs (2)").click()
    page.get_by_text("plan").first.wait_for()
    page.get_by_role("button", name="Add", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("champion")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Save aliases").click()
    dialog.get_by_text("does not become @champion").wait_for()
    dialog.get_by_text("metrics.auc is 0.75").wait_for()
    assert any(mistake.startswith("409 POST ") for mistake in visit.mistakes)
    visit.mistakes.clear()
    made = server.get("model-versions/get", name=version, version="1").json["model_version"]
    log(server, made["run_id"], "auc", [0.75, 0.95])
    dialog.get_by_role("button", name="Save aliases").click()
    dialog.wait_for(state="detached")
    page.get_by_text("champion").first.wait_for()
    assert server.get("registered-models/alias", name=version, alias="champion").json["model_version"]["version"] == "1"


def test_artifacts_are_shown_and_their_scripts_do_not_run(server: Server, visit: Visit) -> None:
    experiment_id = server.create_experiment("artifacts")
    run_id = server.create_run(experiment_id)
    proxied = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts"
    html = b"<h1>a report</h1><script>document.querySelector('h1').textContent = 'hacked'</script>"
    server.send("PUT", f"{proxied}/notes.txt", b"what was done")
    server.send("PUT", f"{proxied}/report.html", html)
    page = visit.go(f"/experiments/{experiment_id}/runs/{run_id}/artifacts")
    page.get_by_text("notes.txt", exact=True).click()
    page.get_by_text("what was done").wait_for()
    assert visit.mistakes == []
    page.get_by_text("report.html", exact=True).click()
    page.frame_locator("iframe").get_by_role("heading", name="a report").wait_for()
    assert any("violates the following Content Security Policy" in mistake for mistake in visit.mistakes)
    visit.mistakes.clear()


def test_a_visitor_signs_in_and_sees_what_may_be_read(browser: Browser, tmp_path: Path) -> None:
    headers = {**people(tmp_path)["manager"], "Content-Type": "application/json"}
    with served(tmp_path, "--ui", "mlflow", "--auth") as server:
        assert server.send("GET", "/").headers["www-authenticate"].startswith("Basic")  # so that a browser asks
        made = server.send("POST", f"{API}mlflow/experiments/create", json.dumps({"name": "for readers"}), headers)
        assert made.status == 200
        for name, sees in (("reader", True), ("stranger", False)):
            visit = Visit(browser, server.url, {"username": name, "password": PASSWORD})
            page = visit.go("/experiments")
            page.get_by_text(name, exact=True).first.wait_for()
            listed = page.get_by_role("link", name="for readers")
            listed.or_(page.get_by_text("Create your first experiment")).first.wait_for()
            assert (listed.count() > 0) is sees
            page.close()
            assert visit.mistakes == []


def test_no_page_of_the_menu_asks_for_what_fails(visit: Visit) -> None:
    for place, heading in (
        ("/experiments", "Experiments"),
        ("/models", "Registered Models"),
        ("/prompts", "Prompts"),
        ("/settings", "General"),
        ("/experiments/0", "Overview"),
        ("/experiments/0/models", "Agent versions"),
        ("/experiments/0/evaluation-runs", "Evaluation runs"),
    ):
        visit.go(place).get_by_role("heading", name=heading).first.wait_for()
    visit.page.wait_for_load_state("load")
