"""Access of a catalog: users, their tokens, and the permissions on experiments and registered models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runlake.catalog.part import Part, clock_ms
from runlake.errors import AlreadyExists, NotFound

if TYPE_CHECKING:
    from runlake.catalog.session import Session

EVERYBODY: Final = 0
"""Stands for a user in permissions that all have who have none of their own."""


@dataclass(frozen=True)
class UserRow:
    """A user; `password` is the hash."""

    number: int
    name: str
    password: str
    admin: bool
    created_ms: int


@dataclass(frozen=True)
class TokenRow:
    """A token; what it is made of is known to its holder alone, `digest` is the hash. `expires_ms` None is never."""

    token_id: str
    digest: str
    user: int
    scope: str
    note: str
    created_ms: int
    expires_ms: int | None


@dataclass(frozen=True)
class AccessRows:
    """Everything about access, as it was at one moment. Permissions: (user, kind, resource) to level."""

    version: int
    users: list[UserRow]
    tokens: list[TokenRow]
    permissions: dict[tuple[int, str, str], str]


class Access(Part):
    """Who may call a server of this store, and what for."""

    def access_version(self) -> int:
        """Return a number that every change of users, tokens and permissions makes larger."""
        with self._database.reading() as session:
            return _version(session)

    def read_access(self) -> AccessRows:
        """Return all users, by name, all tokens, the oldest first, and all permissions."""
        with self._database.reading() as session:
            users = session.all("SELECT user, name, password, admin, created_ms FROM user ORDER BY name")
            tokens = session.all(
                "SELECT token_id, digest, user, scope, note, created_ms, expires_ms FROM token"
                " ORDER BY created_ms, token_id"
            )
            permissions = session.all("SELECT user, kind, resource, level FROM permission")
            return AccessRows(
                _version(session),
                [UserRow(user, name, password, bool(admin), made) for user, name, password, admin, made in users],
                [TokenRow(*row) for row in tokens],
                {(user, kind, resource): level for user, kind, resource, level in permissions},
            )

    def add_user(self, name: str, password: str, *, admin: bool) -> int:
        """Add a user with the hash of a password; return the user's number, which nobody else ever has.

        Raises:
            AlreadyExists: there is one of that name.
        """
        with self._database.writing(durable=True) as session:
            if session.one("SELECT 1 FROM user WHERE name = ?", (name,)) is not None:
                raise AlreadyExists(f"user {name!r} already exists")
            _touch(session)
            return session.insert(
                "INSERT INTO user (name, password, admin, created_ms) VALUES (?, ?, ?, ?)",
                (name, password, admin, clock_ms()),
            )

    def change_user(self, name: str, *, password: str | None = None, admin: bool | None = None) -> None:
        """Give a user another hash of a password, or make them an administrator or none.

        Raises:
            NotFound: there is no such user.
        """
        with self._database.writing(durable=True) as session:
            user = _user(session, name)
            if password is not None:
                session.run("UPDATE user SET password = ? WHERE user = ?", (password, user))
            if admin is not None:
                session.run("UPDATE user SET admin = ? WHERE user = ?", (admin, user))
            _touch(session)

    def remove_user(self, name: str) -> None:
        """Remove a user with all tokens and permissions; what they made stays.

        Raises:
            NotFound: there is no such user.
        """
        with self._database.writing(durable=True) as session:
            user = _user(session, name)
            for table in ("token", "permission", "user"):
                session.run(f"DELETE FROM {table} WHERE user = ?", (user,))
            _touch(session)

    def add_token(
        self, token_id: str, digest: str, user: str, *, scope: str, note: str, expires_ms: int | None
    ) -> None:
        """Add a token of a user.

        Raises:
            NotFound: there is no such user.
        """
        with self._database.writing(durable=True) as session:
            session.insert(
                "INSERT INTO token (token_id, digest, user, scope, note, created_ms, expires_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (token_id, digest, _user(session, user), scope, note, clock_ms(), expires_ms),
            )
            _touch(session)

    def remove_token(self, token_id: str) -> None:
        """Remove a token.

        Raises:
            NotFound: there is none with that id.
        """
        with self._database.writing(durable=True) as session:
            if not session.run("DELETE FROM token WHERE token_id = ?", (token_id,)):
                raise NotFound(f"there is no token {token_id!r}")
            _touch(session)

    def set_permission(self, user: str | None, kind: str, resource: str, level: str | None) -> None:
        """Set what a user may do with an experiment or registered model; level None takes the permission back.

        Args:
            user: None is everybody.
            resource: Id or name; "" is all of the kind.

        Raises:
            NotFound: there is no such user.
        """
        with self._database.writing(durable=True) as session:
            number = EVERYBODY if user is None else _user(session, user)
            if level is None:
                session.run(
                    "DELETE FROM permission WHERE user = ? AND kind = ? AND resource = ?", (number, kind, resource)
                )
            else:
                session.run(
                    "INSERT INTO permission (user, kind, resource, level) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (user, kind, resource) DO UPDATE SET level = excluded.level",
                    (number, kind, resource, level),
                )
            _touch(session)

    def move_permissions(self, kind: str, resource: str, renamed: str | None) -> None:
        """Let everybody's permissions follow what got another name; None removes them with what they were for."""
        with self._database.writing(durable=True) as session:
            move_permissions(session, kind, resource, renamed)


def move_permissions(session: Session, kind: str, resource: str, renamed: str | None) -> None:
    """Let permissions follow what gets another name, or remove them with it, in the transaction that does that."""
    if renamed is None:
        session.run("DELETE FROM permission WHERE kind = ? AND resource = ?", (kind, resource))
    elif renamed != resource:
        session.run("DELETE FROM permission WHERE kind = ? AND resource = ?", (kind, renamed))
        session.run("UPDATE permission SET resource = ? WHERE kind = ? AND resource = ?", (renamed, kind, resource))
    _touch(session)


def _version(session: Session) -> int:
    return int(session.all("SELECT version FROM access")[0][0])


def _touch(session: Session) -> None:
    session.run("UPDATE access SET version = version + 1")


def _user(session: Session, name: str) -> int:
    row = session.one("SELECT user FROM user WHERE name = ?", (name,))
    if row is None:
        raise NotFound(f"there is no user {name!r}")
    return int(row[0])
