"""Saved views of a catalog: states of pages that people have given a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runlake.catalog.part import Part, clock_ms
from runlake.entities import SavedView
from runlake.errors import InvalidInput, NotFound, PermissionDenied

if TYPE_CHECKING:
    from runlake.catalog.session import Session

MOST_VIEWS: Final = 2000
"""Most saved views of a store: a page lists all of them."""

MOST_OF_A_USER: Final = 200
"""Most of one user, so that nobody takes the room of all others."""

_COLUMNS: Final = "name, page, state, user_id, created_ms, updated_ms"


class SavedViews(Part):
    """What a catalog knows of saved views."""

    def saved_views(self) -> list[SavedView]:
        """Return all views by name, without their states."""
        with self._database.reading() as session:
            rows = session.all("SELECT name, page, '', user_id, created_ms, updated_ms FROM saved_view ORDER BY name")
            return [SavedView(*row) for row in rows]

    def get_view(self, name: str) -> SavedView:
        """Return a view.

        Raises:
            NotFound: none has that name.
        """
        with self._database.reading() as session:
            return _require(session, name)

    def put_view(self, name: str, page: str, state: str, *, user_id: str | None, as_admin: bool) -> SavedView:
        """Save a view under a name that nobody else has given; it takes the place of one's own.

        Args:
            user_id: Who saves it, and owns a new one; None is nobody in particular.
            as_admin: Whether it may be somebody else's.

        Raises:
            PermissionDenied: it is somebody else's.
            InvalidInput: there are as many as there may be, of all or of this user.
        """
        with self._database.writing() as session:
            if (found := _find(session, name)) is not None:
                _require_own(found, user_id, as_admin=as_admin)
                session.run(
                    "UPDATE saved_view SET page = ?, state = ?, updated_ms = ? WHERE name = ?",
                    (page, state, clock_ms(), name),
                )
                return _require(session, name)
            _require_room(session, user_id, as_admin=as_admin)
            now = clock_ms()
            session.run(
                f"INSERT INTO saved_view ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", (name, page, state, user_id, now, now)
            )
            return _require(session, name)

    def delete_view(self, name: str, *, user_id: str | None, as_admin: bool) -> None:
        """Remove a view; see `put_view`.

        Raises:
            NotFound: none has that name.
            PermissionDenied: it is somebody else's.
        """
        with self._database.writing() as session:
            _require_own(_require(session, name), user_id, as_admin=as_admin)
            session.run("DELETE FROM saved_view WHERE name = ?", (name,))


def _find(session: Session, name: str) -> SavedView | None:
    row = session.one(f"SELECT {_COLUMNS} FROM saved_view WHERE name = ?", (name,))
    return None if row is None else SavedView(*row)


def _require(session: Session, name: str) -> SavedView:
    found = _find(session, name)
    if found is None:
        raise NotFound(f"there is no saved view {name!r}")
    return found


def _require_room(session: Session, user_id: str | None, *, as_admin: bool) -> None:
    total, own = session.all("SELECT count(*), count(*) FILTER (WHERE user_id = ?) FROM saved_view", (user_id,))[0]
    if total >= MOST_VIEWS:
        raise InvalidInput(f"there are {total:,} saved views; delete one first")
    if own >= MOST_OF_A_USER and not as_admin:
        raise InvalidInput(f"user {user_id!r} has {own:,} saved views; delete one first")


def _require_own(found: SavedView, user_id: str | None, *, as_admin: bool) -> None:
    if not as_admin and found.user_id != user_id:
        owner = "nobody in particular" if found.user_id is None else f"user {found.user_id!r}"
        raise PermissionDenied(f"the saved view {found.name!r} is of {owner}", hint="save it under another name")
