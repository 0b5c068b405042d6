"""Native saved views: states of pages under names, for everybody who may sign in to find again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from runlake.access import Caller
from runlake.errors import InvalidInput
from runlake.names import MAX_VIEW_NAME, MAX_VIEW_STATE_BYTES, check_text, shortened
from runlake.server.view import View
from runlake.store import Store

_PAGE: Final = re.compile(r"[a-z]{1,40}")
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")


def saved_views(store: Store) -> View:
    """List the saved views by name, without their states."""
    found = [view.to_dictionary() for view in store.catalog.saved_views()]
    for view in found:
        del view["state"]
    return View(value={"views": found}, total=len(found))


def saved_view(store: Store, name: str) -> View:
    """Return a saved view with its state."""
    return View(value={"view": store.catalog.get_view(name).to_dictionary()})


def put_view(store: Store, caller: Caller, name: str, page: str, state: str) -> View:
    """Save the state of a page under a name; it takes the place of an earlier one of the same user."""
    if not _PAGE.fullmatch(page):
        raise InvalidInput(f"page is {shortened(page)!r}; it must be 1 to 40 of a-z")
    if (size := len(state.encode())) > MAX_VIEW_STATE_BYTES:
        raise InvalidInput(f"state has {size:,} bytes; the limit is {MAX_VIEW_STATE_BYTES:,}")
    checked = _checked(name)
    saved = store.catalog.put_view(checked, page, state, user_id=caller.name, as_admin=caller.is_admin)
    return View(value={"view": saved.to_dictionary()})


def delete_view(store: Store, caller: Caller, name: str) -> View:
    """Delete a saved view of one's own; administrators may delete any."""
    store.catalog.delete_view(name, user_id=caller.name, as_admin=caller.is_admin)
    return View()


def _checked(name: str) -> str:
    """Return a name that can be seen, and that a browser leaves as it is in a URL."""
    if not name.strip() or name != name.strip() or name in (".", ".."):
        raise InvalidInput(f"a saved view cannot be called {shortened(name)!r}", hint="begin and end with a character")
    if found := _HIDDEN.search(name):
        raise InvalidInput(f"the name of a saved view has the character {found.group()!r}, which does not show")
    return check_text(name, MAX_VIEW_NAME, "the name of a saved view")


SAVED_VIEWS: Final[Mapping[tuple[str, str], Callable[..., View]]] = {
    ("GET", "views"): saved_views,
    ("GET", "views/{name:path}"): saved_view,
    ("PUT", "views/{name:path}"): put_view,
    ("DELETE", "views/{name:path}"): delete_view,
}
"""What can be asked of saved views, by method and path."""
