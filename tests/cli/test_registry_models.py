"""`runlake registry list`, `search`, `create`, `rename`, `describe`, `tag`, `untag` and `delete`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from runlake import config, registry
from tests.cli.conftest import Cli


class Terminal(io.StringIO):
    """Somebody who sits there."""

    def isatty(self) -> bool:
        return True


def answering(answer: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let somebody answer what is asked, and return the questions."""
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.termui.visible_prompt_func", prompt)
    return asked


def test_registered_models_are_listed_with_what_stages_and_aliases_mean(cli: Cli, churn: Path) -> None:
    registry.create_registered_model("other", {"team": "growth"})
    registry.set_registered_model_alias("churn", "champion", 2)
    registry.transition_model_version_stage("churn", 1, "Production")
    lines = cli("registry", "list").out.splitlines()
    assert lines == [
        "name\tlatest\tstages\taliases\ttags\tdescription\tchanged",
        "churn\t3\tProduction 1\t@champion 2\tteam=risk\twho leaves\t[TIME]",
        "other\t\t\t\tteam=growth\t\t[TIME]",
    ]
    (found,) = json.loads(cli("registry", "list", "--where", "tags.team = 'risk'", "--json").out)
    assert (found["name"], found["latest_versions"]) == ("churn", {"None": 3, "Production": 1})
    limited = cli("registry", "list", "--limit", "1", "--sort", "name DESC")
    assert limited.out.splitlines()[1].startswith("other\t")
    assert limited.err == "1 models, and there are more; --limit 0 shows all\n"


def test_versions_are_searched_with_the_filter_language(cli: Cli, churn: Path) -> None:
    registry.set_model_version_tag("churn", "2", "data", "2026-01")
    lines = cli("registry", "search", "name = 'churn' AND tags.data = '2026-01'").out.splitlines()
    assert lines[1:] == [f"churn\t2\tNone\t\t[ID]\tdata=2026-01\t{config.os_user()}\t[TIME]"]
    asked = cli("registry", "search", "version_number > 1", "--sort", "version_number ASC", "--limit", "0", "--json")
    assert [version["version"] for version in json.loads(asked.out)] == [2, 3]
    assert len(cli("registry", "search").out.splitlines()) == 4
    wrong = cli("registry", "search", "stage = 'Production'")
    assert (wrong.status, "unknown attribute 'stage'" in wrong.err) == (2, True)


def test_more_than_a_page_is_listed(cli: Cli, churn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runlake.cli.paging._A_PAGE", 2)
    assert len(cli("registry", "search", "--limit", "0").out.splitlines()) == 4
    limited = cli("registry", "search", "--limit", "3")
    assert (len(limited.out.splitlines()), limited.err) == (4, "")


def test_a_model_is_created_renamed_and_described(cli: Cli, churn: Path) -> None:
    made = cli(
        "registry", "create", "leads", "--tag", "team=sales", "--tag", "a=b=c", "--description", "who buys", "--json"
    )
    told = json.loads(made.out)
    assert (told["name"], told["tags"], told["description"]) == ("leads", {"team": "sales", "a": "b=c"}, "who buys")
    again = cli("registry", "create", "leads")
    assert (again.status, "leads" in again.err) == (2, True)
    assert cli("registry", "rename", "leads", "buyers").err == "'leads' is called 'buyers' now\n"
    assert cli("registry", "describe", "buyers", "more").err == "'buyers' has another description\n"
    assert cli("registry", "describe", "churn/2", "a version").err == "version 2 of 'churn' has another description\n"
    assert registry.get_registered_model("buyers").description == "more"
    assert registry.get_model_version("churn", "2").description == "a version"
    assert {event.user_id for event in registry.log("buyers")} == {config.os_user()}


def test_tags_are_set_and_removed_of_models_and_versions(cli: Cli, churn: Path) -> None:
    registry.set_registered_model_alias("churn", "challenger", 3)
    done = cli("registry", "tag", "churn@challenger", "data=2026-01", "reviewed=yes", "--json")
    told: dict[str, Any] = json.loads(done.out)
    assert (told["version"], told["tags"]) == (3, {"data": "2026-01", "reviewed": "yes"})
    assert done.err == "version 3 of 'churn' has data=2026-01, reviewed=yes\n"
    assert cli("registry", "untag", "churn/3", "reviewed", "nothing").status == 0
    assert registry.get_model_version("churn", "3").tags == {"data": "2026-01"}
    assert cli("registry", "tag", "churn", "team=growth").err == "'churn' has team=growth\n"
    assert json.loads(cli("registry", "untag", "churn", "team", "--json").out)["tags"] == {}
    mistaken = cli("registry", "tag", "churn", "team")
    assert (mistaken.status, mistaken.err) == (2, "error: 'team' is no tag\nhint: write KEY=VALUE\n")
    assert cli("registry", "tag", "chrun", "a=b").err.endswith("hint: did you mean churn?\n")


def test_deleting_asks_first(cli: Cli, churn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering("n", monkeypatch)
    kept = cli("registry", "delete", "churn/1")
    assert (kept.status, kept.err.splitlines()[-1]) == (1, "nothing was deleted")
    assert asked == ["Delete version 1 of 'churn'? [y/N]: "]
    answering("y", monkeypatch)
    assert cli("registry", "delete", "churn/1").status == 0
    assert [version.version for version in registry.search_model_versions("name = 'churn'")] == [3, 2]
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    unasked = cli("registry", "delete", "churn")
    assert (unasked.status, unasked.out) == (2, "")
    assert unasked.err.startswith(
        "error: nobody is there to be asked about deleting 'churn' with 2 versions\nhint: --yes"
    )
    done = cli("registry", "delete", "churn", "--yes", "--json")
    assert json.loads(done.out) == {"name": "churn", "version": None, "deleted": True}
    assert registry.search_registered_models() == []
    assert cli("registry", "log", "churn").status == 0


def test_what_a_gate_guards_is_not_deleted(cli: Cli, churn: Path) -> None:
    registry.set_registered_model_alias("churn", "champion", 2)
    registry.set_gate("churn", "@champion", approvals=1)
    for reference in ("churn/2", "churn@champion", "churn"):
        refused = cli("registry", "delete", reference, "--yes")
        assert (refused.status, refused.out) == (1, "")
        assert "it cannot be deleted" in refused.err
    assert cli("registry", "delete", "churn/9", "--yes").status == 2
