"""Pages of the registry: a newcomer finds a model, sees why a version may not be served, and promotes one that may."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from runlake import access
from runlake.access import Kind, Level
from runlake.registry import gates, operations
from runlake.store import Store
from tests.browser import Visitor
from tests.server.people import PASSWORD
from tests.server.wire import Server, served
from tests.ui.accessible import assert_accessible
from tests.ui.lakes import lake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

VERSIONS = 600
NAME = "<img src=x onerror=document.title='ran'> עברית"
TEXT = f"{NAME} \u202ereversed</script><script>document.title='ran'</script>"
MANIFEST = """
flavors:
  sklearn: {sklearn_version: 1.5.0, serialization_format: skops}
  python_function: {loader_module: runlake.sklearn, python_version: 3.12.3}
mlflow_version: 3.1.0
utc_time_created: '2026-01-01 00:00:00'
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string", "name": "<b>plan</b>"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: '[{"name": "top", "type": "long", "default": 3, "shape": null}]'
"""
DESCRIPTION = """Who leaves **next month**. Trained on [the tables](https://example.org/tables).

- one row a customer
- <script>document.title = "ran"</script>
"""


def fill(root: Path) -> None:
    """A model of six hundred versions with gates, and one whose every text is hostile."""
    runs = []
    with lake(root) as filled:
        for n in range(12):
            metrics = {"val/auc": 0.8 + n / 100, "loss": float("nan") if n == 4 else 1 / (n + 1)}
            files = {"model/MLmodel": MANIFEST, "model/requirements.txt": "scikit-learn==1.5.0\n"} if n else {}
            runs.append(filled.run(f"trial {n:02}", params={"lr": 0.1, "seed": n}, metrics=metrics, files=files))
        bad = filled.run(NAME, experiment=NAME, params={"p": TEXT}, metrics={"m": 1}, tags={"t": TEXT})
    with contextlib.closing(Store.open(root)) as store:
        operations.create_registered_model(store, "churn", {"team": "risk"}, DESCRIPTION, user_id="ann")
        for n in range(VERSIONS):
            run = runs[n % 12]
            operations.create_model_version(store, "churn", f"runs:/{run}/model", run, user_id="ann")
        operations.set_registered_model_alias(store, "churn", "champion", 3, user_id="ann")
        operations.transition_model_version_stage(store, "churn", 6, "Production", user_id="ann")
        better = "@champion by max(metrics.`val/auc`)"
        require = "metrics.`val/auc` > 0.9"
        gates.set_gate(store, "churn", "@champion", require=require, signature=True, better_than=better, user_id="ann")
        gates.set_gate(store, "churn", "Production", require=require, check="shadow-7d", user_id="ann")
        gates.post_check(store, "churn", VERSIONS, "shadow-7d", False, "differs in 3 % of rows", user_id="ci")
        for n in range(120):
            operations.create_registered_model(store, f"other {n:03}")
        operations.create_registered_model(store, NAME, {"t": TEXT}, TEXT, user_id=TEXT)
        made = operations.create_model_version(
            *(store, NAME, f"runs:/{bad}/m", bad, {"t": TEXT}), description=TEXT, user_id=TEXT
        )
        gates.set_gate(store, NAME, "@champion", tags=["none"], require=f"tags.t = '{NAME[:4]}'", user_id=TEXT)
        gates.approve(store, NAME, made.version, "@champion", TEXT, user_id=TEXT)
        gates.post_check(store, NAME, made.version, "scripts", False, TEXT, user_id=TEXT)


def fill_second(root: Path) -> None:
    """A model with one version that its gate refuses."""
    with lake(root) as filled:
        run = filled.run("trial", metrics={"val/auc": 0.5})
    with contextlib.closing(Store.open(root)) as store:
        operations.create_registered_model(store, "second", user_id="ann")
        operations.create_model_version(store, "second", f"runs:/{run}/model", run, user_id="ann")
        gates.set_gate(store, "second", "Production", check="shadow-7d", user_id="ann")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("registry")
    fill(folder / "lake")
    fill_second(folder / "lake")
    with served(folder) as server:
        yield server


def shown(page: Page, url: str) -> None:
    """Open a page of the registry and wait until its log has been read."""
    page.goto(url)
    page.locator(".log li").first.wait_for()


def test_a_newcomer_finds_a_model_sees_why_a_gate_refuses_and_promotes_a_version_that_may_be_served(
    page: Page, registry: Server
) -> None:
    page.goto(f"{registry.url}/models")
    page.get_by_role("searchbox", name="Find models").fill("leaves chu")
    page.get_by_text("models 1 to 1 of 1", exact=True).wait_for()
    assert "@champion → 3" in page.get_by_role("row", name="churn").inner_text()
    page.get_by_role("link", name="churn", exact=True).click()

    production = page.get_by_role("article", name="Production")
    production.get_by_text("it failed: differs in 3 % of rows").wait_for()
    assert "1 of 2 rules is not met" in production.inner_text()
    champion = page.get_by_role("article", name="@champion")
    assert "All 3 rules are met" in champion.inner_text()
    assert page.get_by_role("slider").get_attribute("aria-label") == "metrics.`val/auc` over versions"

    production.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Version 6 goes from Production to Archived.").wait_for()
    assert dialog.get_by_role("button", name="Promote to Production", exact=True).is_disabled()
    assert_accessible(page)
    dialog.get_by_role("radio", name="@champion").check()
    dialog.get_by_text("@champion means version 3 now; it will mean version 600.").wait_for()
    dialog.get_by_label("Your name, for the log").fill("bea")
    dialog.get_by_role("button", name="Promote to @champion", exact=True).click()

    page.get_by_text("Version 600 of churn is now @champion.").wait_for()
    dialog.wait_for(state="detached")
    champion.get_by_role("link", name="Version 600").wait_for()
    entry = page.locator(".log li").first
    entry.get_by_text("instead of").wait_for()
    assert "bea let @champion mean version 600 instead of version 3" in entry.inner_text()
    entry.get_by_text("What the gate found (3 rules)").click()
    assert "version 3 has 0.82" in entry.inner_text()
    page.get_by_label("Kind").select_option("Promotions and moves")
    page.locator(".log li", has_text="registered").first.wait_for(state="detached")
    assert page.locator(".log > li").count() in (3, 4), "of hundreds of events, and one of another test"
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("events of the store are as they were written").wait_for()


def test_a_version_that_is_registered_meanwhile_is_not_the_one_that_is_promoted(page: Page, registry: Server) -> None:
    shown(page, f"{registry.url}/models/other 001")
    version = {"name": "other 001", "source": "s3://models/1"}
    for _ in range(2):
        assert page.request.post(f"{registry.url}/api/2.0/mlflow/model-versions/create", data=version).ok
    page.get_by_role("article", name="Staging").get_by_role("button", name="Promote version 2").click()
    dialog = page.get_by_role("dialog", name="Promote version 2")
    dialog.get_by_label("Your name").fill("ann ")  # and goes on
    assert page.request.post(f"{registry.url}/api/2.0/mlflow/model-versions/create", data=version).ok
    page.get_by_text("the latest is version 3").wait_for()
    assert dialog.get_by_label("Your name").input_value() == "ann "
    dialog.get_by_role("button", name="Promote to Staging").click()
    page.get_by_role("article", name="Staging").get_by_role("link", name="Version 2").wait_for()
    page.locator(".log .who", has_text=re.compile("^ann$")).wait_for()


def test_older_events_that_come_late_are_not_listed_among_those_of_a_kind(page: Page, registry: Server) -> None:
    shown(page, f"{registry.url}/models/churn")
    held: list[Route] = []
    page.route("**/events?*before=*", lambda route: held.append(route))
    with page.expect_request("**/events?*before=*"):
        page.get_by_role("button", name="Show older").click()
    page.get_by_role("combobox", name="Kind").select_option(label="Gates, approvals and checks")
    page.locator(".log li").nth(3).wait_for(state="detached")
    for route in held:
        with contextlib.suppress(Exception):  # the page has given it up
            route.continue_()
    page.evaluate("() => fetch('/api/runlake/v1/models/churn/events').then((answer) => answer.text())")
    assert page.locator(".log li").count() == 3


def test_what_a_gate_refuses_goes_by_force_only_with_a_reason_and_the_name_written_out(
    page: Page, registry: Server, visitor: Visitor
) -> None:
    shown(page, f"{registry.url}/models/second/1")
    page.get_by_role("button", name="Promote …", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("no result was posted").wait_for()
    dialog.get_by_text("Promote it all the same").click()
    by_force = dialog.get_by_role("button", name="Promote to Production by force")
    dialog.get_by_label("Reason").fill("6 is on fire")
    assert by_force.is_disabled()
    dialog.get_by_label("To go on, write").fill("second")
    by_force.click()
    page.get_by_text("By force: 6 is on fire").wait_for()
    page.locator(".page-head .chip", has_text="Production").wait_for()

    # what the gate said when it was asked may no longer be so when it is answered
    page.get_by_role("article", name="Staging").get_by_role("button", name="Promote").click()
    dialog.get_by_text("It has no gate").wait_for()
    gate = {"name": "second", "target": "Staging", "approvals": 1}
    asked = page.request.post(f"{registry.url}/api/runlake/v1/call/set_gate", data=gate)
    assert asked.ok
    visitor.expect("409")
    dialog.get_by_role("button", name="Promote to Staging", exact=True).click()
    dialog.get_by_text("approved by 1 user").wait_for()
    assert "does not become Staging: 1 of 1 rules is not met" in dialog.get_by_role("alert").inner_text()


def test_who_manages_a_model_sets_its_gates_and_is_told_what_is_wrong_with_them(
    page: Page, registry: Server, visitor: Visitor
) -> None:
    shown(page, f"{registry.url}/models/{quote(NAME)}")
    card = page.get_by_role("article", name="Production")
    card.get_by_role("button", name="Set a gate of Production").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Filter on its run").fill("metrics.m >")
    dialog.get_by_label("Tags that are set").fill("reviewed, t,")
    address = f"{registry.url}/api/runlake/v1/models/{quote(NAME)}"
    assert page.request.patch(address, data={"description": "from afar"}).ok
    page.get_by_text("from afar").first.wait_for()  # what others do meanwhile takes nothing of what is typed
    assert_accessible(page)
    visitor.expect("400")
    dialog.get_by_role("button", name="Set the gate").click()
    dialog.get_by_role("alert").wait_for()
    dialog.get_by_label("Filter on its run").fill("metrics.m > 0")
    dialog.get_by_label("Approved by").fill("1")
    dialog.get_by_role("button", name="Set the gate").click()
    card.get_by_text("2 of 4 rules are not met").wait_for()

    page.get_by_role("link", name="Version 1", exact=True).first.click()
    page.get_by_label("Your name, for the log").fill("bea")
    page.get_by_label("For", exact=True).select_option("Production")
    page.get_by_label("Comment").fill("looked at it")
    page.get_by_role("button", name="Approve").click()
    card.get_by_text("1 of 4 rules is not met").wait_for()
    page.locator(".log li", has_text="bea approves of it for Production").wait_for()
    card.get_by_role("button", name="Change the gate of Production").click()
    dialog.get_by_role("button", name="Remove the gate").click()
    card.get_by_text("It has no gate").wait_for()


def test_a_metric_is_read_over_versions_by_keys_and_versions_are_turned_over_and_sorted(
    page: Page, registry: Server
) -> None:
    shown(page, f"{registry.url}/models/churn?metric=metrics.loss")
    page.get_by_text("50 versions with what has no place on an axis (×).").wait_for()
    curve = page.get_by_role("slider", name="metrics.loss over versions")
    curve.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert curve.get_attribute("aria-valuetext") == "version 2: 0.5"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert curve.get_attribute("aria-valuetext") == "version 5: NaN"

    # what happens elsewhere is seen, and the cursor stays
    elsewhere = {"name": "churn", "alias": "fallback", "version": 1}
    assert page.request.post(f"{registry.url}/api/runlake/v1/call/set_alias", data=elsewhere).ok
    page.get_by_role("article", name="@fallback").wait_for()
    assert curve.get_attribute("aria-valuetext") == "version 5: NaN"

    version = page.get_by_role("combobox", name="Version that gates are asked about")
    version.fill("577")
    page.get_by_role("option", name="577").wait_for()
    assert page.request.post(f"{registry.url}/api/runlake/v1/call/set_alias", data={**elsewhere, "version": 2}).ok
    page.get_by_role("article", name="@fallback").get_by_role("link", name="Version 2").wait_for()
    assert version.input_value() == "577", "what others do leaves what is being written"
    version.press("Enter")
    page.get_by_role("article", name="Production").get_by_role("button", name="Promote version 577").wait_for()
    assert "judged=577" in page.url

    table = page.get_by_role("table")
    page.get_by_role("button", name="Later versions").click()
    table.get_by_role("link", name="Version 580", exact=True).wait_for()
    for version in (580, 579):
        table.get_by_label(f"Choose the run of version {version}", exact=True).check()
    assert "/compare?run=" in (page.get_by_role("link", name="Compare 2 runs").get_attribute("href") or "")
    table.get_by_role("button", name="metrics.loss").click()
    table.get_by_role("columnheader", name="metrics.loss").and_(page.locator("[aria-sort=descending]")).wait_for()
    table.get_by_role("link", name="Version 589", exact=True).wait_for()
    assert page.url.endswith("?metric=metrics.loss&judged=577&sort=metrics.loss+DESC"), "a link shows the same"
    page.go_back()
    table.get_by_role("link", name="Version 580", exact=True).wait_for()

    curve.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Version 600", level=1).wait_for()
    for text in ("<b>plan</b>", "Tensor(float64, (-1,))", 'load_model("models:/churn', "sklearn_version: 1.5.0"):
        page.get_by_text(text).first.wait_for()
    page.get_by_role("button", name="Describe it").click()
    page.get_by_role("textbox", name="description of version 600").fill(
        "# Better\n\n<img src=x onerror=document.title='ran'>*than before*"
    )
    page.get_by_role("button", name="Save").click()
    page.locator(".markdown em", has_text="than before").wait_for()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Key").fill("reviewed")
    page.get_by_label("Value").fill("<yes>")
    page.keyboard.press("Enter")
    page.get_by_text("<yes>").first.wait_for()
    page.locator(".log li", has_text="set the tag reviewed of version 600 to <yes>").wait_for()


def test_every_page_is_accessible_fits_a_phone_and_runs_nothing_that_somebody_has_written(
    page: Page, registry: Server
) -> None:
    hostile = f"/models/{quote(NAME)}"
    for path in ("/models", "/models/churn", "/models/churn/599", hostile, f"{hostile}/1"):
        page.goto(registry.url + path)
        page.locator("tr, .log li").nth(1).wait_for()
        page.emulate_media(color_scheme="dark" if "churn" in path else "light")
        assert_accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.set_viewport_size({"width": 1440, "height": 900})
        assert page.title().endswith(" · runlake"), "no script of theirs has run"
    assert page.get_by_text(NAME).count() > 3, "what was written is there as text"


def test_who_may_only_read_changes_nothing_and_who_may_edit_forces_nothing(browser: Browser, tmp_path: Path) -> None:
    fill_second(tmp_path / "lake")
    levels = {"reader": Level.READ, "editor": Level.EDIT}
    with contextlib.closing(Store.open(tmp_path / "lake")) as store:
        access.add_user(store, "admin", PASSWORD, admin=True)
        for who, level in levels.items():
            access.add_user(store, who, PASSWORD)
            for kind in Kind:
                access.grant(store, who, level, kind)
    with served(tmp_path, "--auth") as server, contextlib.ExitStack() as leaving:
        seen = {}
        for who in levels:
            visitor = Visitor(browser, http_credentials={"username": who, "password": PASSWORD})
            leaving.callback(visitor.close)
            shown(visitor.page, f"{server.url}/models/second/1")
            seen[who] = visitor.page
        reader, editor = seen["reader"], seen["editor"]
        reader.get_by_role("article", name="Production").get_by_text("no result was posted").wait_for()
        names = [button.inner_text() for button in reader.locator("main").get_by_role("button").all()]
        assert [name for name in names if name] == ["Verify"]
        editor.get_by_role("button", name="Promote …", exact=True).click()
        dialog = editor.get_by_role("dialog")
        dialog.get_by_text("Who manages this model may promote it all the same").wait_for()
        assert dialog.get_by_text("Your name").count() == dialog.get_by_text("by force").count() == 0
        dialog.get_by_role("radio", name="Staging").check()
        dialog.get_by_role("button", name="Promote to Staging", exact=True).click()
        editor.locator(".log > li", has_text="editor moved version 1 to Staging").wait_for()
        reader.locator(".page-head .chip", has_text="Staging").wait_for()
