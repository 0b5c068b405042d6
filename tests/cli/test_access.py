"""`runlake users`, `runlake tokens` and `runlake grant`."""

import io
import json

import pytest

from runlake import access
from runlake.access import Kind, Level, Policy, Scope
from runlake.cli.options import opened_folder
from tests.cli.conftest import Cli, Result

PASSWORD = "correct horse battery"


@pytest.fixture
def users(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line with two users, `ann`, an administrator, and `bob`, in ./lake."""

    def here(*arguments: str) -> Result:
        return cli(*arguments, "--store", "lake")

    for arguments in (("ann", "--admin"), ("bob",)):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        assert here("users", "add", *arguments).status == 0
    return here


def policy() -> Policy:
    with opened_folder("lake") as store:
        return Policy.read(store)


def test_a_user_is_added_with_the_password_of_the_first_line(users: Cli) -> None:
    found = policy().users
    assert [(user.name, user.admin) for user in found.values()] == [("ann", True), ("bob", False)]
    assert access.password_matches(PASSWORD, found["bob"].password)


def test_a_password_is_asked_for_twice_and_not_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def prompt(text: str) -> str:
        asked.append(text)
        return PASSWORD

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.termui.hidden_prompt_func", prompt)
    assert cli("users", "add", "ann", "--store", "lake").status == 0
    assert len(asked) == 2


def test_no_password_and_a_weak_one_are_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, said in (("", "stdin has no password"), ("short\n", "it must have 12 to 1024")):
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        result = cli("users", "add", "ann", "--store", "lake")
        assert result.status == 2
        assert said in result.err


def test_a_password_is_changed_and_a_user_removed(users: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"another {PASSWORD}\n"))
    assert users("users", "passwd", "bob").status == 0
    assert access.password_matches(f"another {PASSWORD}", policy().users["bob"].password)
    assert users("users", "remove", "bob").status == 0
    assert list(policy().users) == ["ann"]
    assert users("users", "remove", "bob").err == "error: there is no user 'bob'\n"


def test_a_token_is_printed_once_listed_without_its_secret_and_revoked(users: Cli) -> None:
    secret = users("tokens", "create", "bob", "--scope", "read", "--expires", "30d", "--note", "ci").out.strip()
    token = policy().find_token(secret)
    assert token is not None
    assert (token.user, token.scope) == ("bob", Scope.READ)
    (listed,) = json.loads(users("tokens", "list", "--json").out)
    assert (listed["user"], listed["scope"], listed["expired"], listed["note"]) == ("bob", "read", False, "ci")
    assert secret not in users("tokens", "list").out
    assert users("tokens", "revoke", listed["id"]).status == 0
    assert policy().find_token(secret) is None


@pytest.mark.parametrize("given", ["30", "0d", "d", "1y", "-1d"])
def test_a_time_that_is_none_is_refused(users: Cli, given: str) -> None:
    result = users("tokens", "create", "bob", "--expires", given)
    assert (result.status, "is no time such as" in result.err) == (2, True)


def test_permissions_are_for_one_experiment_a_model_or_everything(users: Cli) -> None:
    assert users("grant", "bob", "edit", "-e", "Default", "-m", "net").err == "bob: edit on Default, model net\n"
    assert users("grant", "everybody", "none").status == 0
    found = policy()
    assert found.level("bob", Kind.EXPERIMENT, "0") is found.level("bob", Kind.MODEL, "net") is Level.EDIT
    assert found.level("bob", Kind.EXPERIMENT, "1") is Level.NONE
    assert found.level("ann", Kind.EXPERIMENT, "1") is Level.MANAGE
    listed = users("users", "list").out.splitlines()
    assert listed[1] == "bob\tedit Default, edit model net\t0 tokens"
    assert listed[2] == "everybody\tnothing in all experiments, nothing in all models\t0 tokens"
    assert users("grant", "bob", "unset", "-e", "Default").status == 0
    assert policy().level("bob", Kind.EXPERIMENT, "0") is Level.NONE


def test_who_or_what_is_not_there_gets_no_permission(users: Cli) -> None:
    assert users("grant", "eve", "read").err == "error: there is no user 'eve'\n"
    assert users("grant", "bob", "read", "-e", "nothing").err == "error: there is no experiment 'nothing'\n"
