"""Saved views: whoever may sign in finds them, and only who has made one may replace or remove it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from runlake.catalog.saved_views import MOST_OF_A_USER, MOST_VIEWS
from runlake.store import Store
from tests.server.people import Called, Headers
from tests.server.wire import Answer, Server

VIEWS = "/api/runlake/v1/views"


def send(server: Server, method: str, name: str = "", /, **fields: Any) -> Answer:
    path = f"{VIEWS}/{quote(name, safe='')}" if name else VIEWS
    body = json.dumps(fields) if method == "PUT" else None
    return server.send(method, path, body, {"Content-Type": "application/json"} if body else {})


@pytest.mark.parametrize("name", ["best of May", "lr / wd", "β 100%", "<script>alert(1)</script>"])
def test_a_view_is_found_again_under_its_name_until_it_is_deleted(server: Server, name: str) -> None:
    saved = send(server, "PUT", name, page="runs", state='?where=metrics.loss < 1&sort="é"').json["view"]
    assert (saved["name"], saved["page"], saved["user_id"]) == (name, "runs", None)
    assert send(server, "GET", name).json["view"] == saved
    listed = send(server, "GET").json["views"]
    assert [view for view in listed if view["name"] == name] == [{k: v for k, v in saved.items() if k != "state"}]
    again = send(server, "PUT", name, page="compare", state="").json["view"]
    assert (again["page"], again["state"], again["creation_time"]) == ("compare", "", saved["creation_time"])
    assert send(server, "DELETE", name).status == 200
    assert send(server, "GET", name).mistake == (404, "RESOURCE_DOES_NOT_EXIST")
    assert send(server, "DELETE", name).mistake == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        (" x", {}, "cannot be called"),
        (" ", {}, "cannot be called"),
        ("a\tb", {}, "does not show"),
        ("n" * 201, {}, "201 characters"),
        ("x", {"page": "../x"}, "1 to 40 of a-z"),
        ("x", {"page": ""}, "1 to 40 of a-z"),
        ("x", {"state": "é" * 40_000}, "80,000 bytes; the limit is 65,536"),
        ("x", {"state": 1}, "it must be text"),
        ("x", {"more": "1"}, "there is no field 'more'"),
        ("x", {"caller": "admin"}, "there is no field 'caller'"),
        ("x", {"user_id": "ada"}, "there is no field 'user_id'"),
    ],
)
def test_a_view_that_cannot_be_saved_is_refused(server: Server, name: str, fields: dict[str, Any], said: str) -> None:
    answer = send(server, "PUT", name, **{"page": "runs", "state": "", **fields})
    assert answer.mistake == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json["message"]
    assert send(server, "GET", "x").status == 404


def test_what_is_in_the_path_cannot_be_said_otherwise_in_the_body(server: Server) -> None:
    assert send(server, "PUT", "here", page="runs", state="1", name="there").json["view"]["name"] == "here"
    assert send(server, "GET", "there").status == 404


def test_a_store_keeps_so_many_views_and_no_more(server: Server) -> None:
    store = Store.open(server.store)
    kept = len(store.catalog.saved_views())
    for number in range(MOST_VIEWS - kept):
        store.catalog.put_view(f"view {number}", "runs", "", user_id=None, as_admin=True)
    answer = send(server, "PUT", "one too many", page="runs", state="")
    assert (answer.status, answer.json["message"]) == (400, "there are 2,000 saved views; delete one first")
    assert send(server, "PUT", "view 0", page="runs", state="new").status == 200
    store.close()


def test_a_view_is_of_who_saved_it(call: Called) -> None:
    path = f"{VIEWS}/shared"
    assert call("editor", "PUT", path, page="runs", state="1").json["view"]["user_id"] == "editor"
    for other in ("reader", "manager"):
        refused = call(other, "PUT", path, page="runs", state="2")
        assert refused.mistake == (403, "PERMISSION_DENIED")
        assert "is of user 'editor'" in refused.json["message"]
        assert call(other, "DELETE", path).mistake == (403, "PERMISSION_DENIED")
        assert call(other, "GET", path).json["view"]["state"] == "1"
    assert call("editor", "PUT", path, page="runs", state="3").status == 200
    kept = call("admin", "PUT", path, page="runs", state="4").json["view"]
    assert (kept["user_id"], kept["state"]) == ("editor", "4")
    assert call("admin", "DELETE", path).status == 200


def test_one_user_does_not_take_the_room_of_all(tokens: tuple[Server, dict[str, Headers]], call: Called) -> None:
    store = Store.open(tokens[0].store)
    for number in range(MOST_OF_A_USER):
        store.catalog.put_view(f"of a reader {number}", "runs", "", user_id="reader", as_admin=False)
    refused = call("reader", "PUT", f"{VIEWS}/one%20too%20many", page="runs", state="")
    assert (refused.status, refused.json["message"]) == (400, "user 'reader' has 200 saved views; delete one first")
    assert call("reader", "PUT", f"{VIEWS}/of%20a%20reader%200", page="runs", state="new").status == 200
    assert call("manager", "PUT", f"{VIEWS}/another", page="runs", state="").status == 200
    store.close()
