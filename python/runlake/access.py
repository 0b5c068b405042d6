"""Access: who may call a server of a store, and what each may do with experiments and registered models.

A permission is for one experiment or model, or for all of a kind, and for one user, or for everybody. What is said
about the one thing goes before what is said about all, and what is said about the user before what is said about
everybody; where nothing is said, everybody may read. Administrators may do everything.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cache
from typing import TYPE_CHECKING, Final

from runlake.errors import InvalidInput, PermissionDenied

if TYPE_CHECKING:
    from runlake.catalog import AccessRows, UserRow
    from runlake.store import Store

EVERYBODY: Final = "everybody"
"""What a permission names instead of a user when it is for all of them; no user has this name."""

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 1024
MAX_USER_NAME: Final = 255
TOKEN_PREFIX: Final = "rlk_"
"""What tokens begin with, so that scanners find one that was published by mistake."""

_ALL: Final = ""
_EVERYBODY: Final = 0
_LOG_N, _R, _P = 15, 8, 3  # 32 MiB and 0.2 s: OWASP's choice for 32 MiB
_hashing = threading.BoundedSemaphore(2)  # however many ask, they take 64 MiB together
_USER_NAME = re.compile(r"[^\s:\x00-\x1f\x7f]([^:\x00-\x1f\x7f]*[^\s:\x00-\x1f\x7f])?")
_HASH = re.compile(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([0-9a-f]+)\$([0-9a-f]+)")


class Kind(Enum):
    """What there are permissions for: experiments, by id, and registered models, by name."""

    EXPERIMENT = "experiment"
    MODEL = "registered_model"


class Level(IntEnum):
    """What a user may do with one thing; each includes those before it."""

    NONE = 0
    READ = 1
    EDIT = 2
    MANAGE = 3  # delete it, and say who else may do what


class Scope(IntEnum):
    """What a token can be used for, within what its user may do; each includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3  # users, tokens and permissions


@dataclass(frozen=True)
class Token:
    """A token as it is remembered. `expires_ms` None is never."""

    user: str
    scope: Scope
    expires_ms: int | None

    def has_expired(self) -> bool:
        """Tell whether it is no longer good for anything."""
        return self.expires_ms is not None and self.expires_ms <= time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Policy:
    """All users, tokens and permissions of a store, as they were at one moment."""

    version: int
    users: Mapping[str, UserRow]
    tokens: Mapping[str, Token]
    permissions: Mapping[tuple[int, str, str], Level]

    @classmethod
    def read(cls, store: Store) -> Policy:
        """Read what the catalog has."""
        return cls.of(store.catalog.read_access())

    @classmethod
    def of(cls, rows: AccessRows) -> Policy:
        """Make a policy of what the catalog has."""
        names = {user.number: user.name for user in rows.users}
        return cls(
            rows.version,
            {user.name: user for user in rows.users},
            {row.digest: Token(names[row.user], Scope[row.scope], row.expires_ms) for row in rows.tokens},
            {place: Level[level] for place, level in rows.permissions.items()},
        )

    def level(self, name: str, kind: Kind, resource: str) -> Level:
        """Return what a user may do with an experiment or a model, whether it exists or not."""
        user = self.users.get(name)
        if user is None:
            return Level.NONE
        if user.admin:
            return Level.MANAGE
        for place in (resource, _ALL):
            for number in (user.number, _EVERYBODY):
                found = self.permissions.get((number, kind.value, place))
                if found is not None:
                    return found
        return Level.READ

    def find_token(self, secret: str) -> Token | None:
        """Return the token that a text is; None when it is none, or no longer."""
        # Looking up a hash of 256 random bits tells nobody anything by the time it takes.
        token = self.tokens.get(digest_of(secret))
        return None if token is None or token.has_expired() else token


@dataclass(frozen=True)
class Caller:
    """Who a request comes from. Without a name it is anybody, on a server that does not ask."""

    name: str | None = None
    scope: Scope = Scope.ADMIN
    policy: Policy | None = field(default=None, repr=False)

    @property
    def is_admin(self) -> bool:
        """Whether the caller may do everything."""
        if self.policy is None or self.name is None:
            return True
        user = self.policy.users.get(self.name)
        return user is not None and user.admin

    def level(self, kind: Kind, resource: str) -> Level:
        """Return what the caller may do with an experiment, by id, or a model, by name."""
        if self.policy is None or self.name is None:
            return Level.MANAGE
        return self.policy.level(self.name, kind, resource)

    def may_read(self, kind: Kind, resource: str) -> bool:
        """Tell whether the caller may see an experiment or a model."""
        return self.level(kind, resource) >= Level.READ

    def require(self, level: Level, kind: Kind, resource: str) -> None:
        """Refuse a caller who may do less than `level` with an experiment or a model.

        Raises:
            PermissionDenied: they may do less.
        """
        if (found := self.level(kind, resource)) < level:
            what = "experiment" if kind is Kind.EXPERIMENT else "registered model"
            raise PermissionDenied(
                f"user {self.name!r} has {found.name} on {what} {resource[:100]!r}; this needs {level.name}",
                hint="ask somebody who manages it, or an administrator, for a permission",
            )


ANYBODY: Final = Caller()
"""The caller of a server that does not ask who calls."""


# -- passwords and tokens


def hash_password(password: str) -> str:
    """Return a salted scrypt hash with everything that it takes to compare a password with it."""
    salt = secrets.token_bytes(16)
    return f"$scrypt$ln={_LOG_N},r={_R},p={_P}${salt.hex()}${_scrypt(password, salt, _LOG_N, _R, _P).hex()}"


def password_matches(password: str, hashed: str) -> bool:
    """Tell whether a password is the one that was hashed; takes 0.2 s and 32 MiB, and as long for a wrong one."""
    found = _HASH.fullmatch(hashed)
    if found is None:
        return False
    log_n, r, p = (int(number) for number in found.groups()[:3])
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(found[4]), log_n, r, p), bytes.fromhex(found[5]))


@cache
def nobodys_hash() -> str:
    """Return a hash that no password has, to compare with where there is no user: that takes as long."""
    return hash_password(secrets.token_hex(32))


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    given = password.encode("utf-8", "surrogatepass")[: 4 * MAX_PASSWORD]
    with _hashing:
        return hashlib.scrypt(given, salt=salt, n=1 << log_n, r=r, p=p, maxmem=1 << 28, dklen=32)


def digest_of(secret: str) -> str:
    """Return the hash of a token. One round is enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


# -- changes


def add_user(store: Store, name: str, password: str, *, admin: bool = False) -> int:
    """Add a user, and return the number by which MLflow knows it.

    Raises:
        InvalidInput: the name is not legal, or the password is too short.
        AlreadyExists: there is a user of that name.
    """
    if not isinstance(name, str) or len(name) > MAX_USER_NAME or not _USER_NAME.fullmatch(name) or name == EVERYBODY:
        raise InvalidInput(
            f"{name[:40]!r} cannot be the name of a user",
            hint=f"it has 1 to {MAX_USER_NAME} characters, no colon, no space at its ends, and is not {EVERYBODY!r}",
        )
    return store.catalog.add_user(name, hash_password(check_password(password, name)), admin=admin)


def set_password(store: Store, name: str, password: str) -> None:
    """Give a user another password; the one before is good for nothing from then on.

    Raises:
        NotFound: there is no such user.
        InvalidInput: the password is too short.
    """
    store.catalog.change_user(name, password=hash_password(check_password(password, name)))


def check_password(password: str, name: str) -> str:
    """Return a password when it is one that may be taken.

    Raises:
        InvalidInput: it is too short or too long, or is the user's name.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInput(
            f"the password has {len(password)} characters; it must have {MIN_PASSWORD} to {MAX_PASSWORD}"
        )
    if password.strip().lower() == name.lower() or len(set(password)) < 4:
        raise InvalidInput("the password is easy to guess: it is the user's name, or a few characters again and again")
    return password


def create_token(
    store: Store, user: str, scope: Scope = Scope.WRITE, *, note: str = "", lifetime_s: int | None = None
) -> tuple[str, str]:
    """Make a token of a user; return its id and its secret, which is kept nowhere.

    Args:
        lifetime_s: Seconds after which it is good for nothing; None is never.

    Raises:
        NotFound: there is no such user.
    """
    token_id, secret = secrets.token_hex(4), TOKEN_PREFIX + secrets.token_urlsafe(32)
    expires_ms = None if lifetime_s is None else time.time_ns() // 1_000_000 + lifetime_s * 1000
    store.catalog.add_token(token_id, digest_of(secret), user, scope=scope.name, note=note, expires_ms=expires_ms)
    return token_id, secret


def grant(store: Store, user: str, level: Level | None, kind: Kind, resource: str | None = None) -> None:
    """Say what a user, or `EVERYBODY`, may do with an experiment, a model, or with all that nothing else is said about.

    Args:
        level: None takes back what was said.
        resource: Id of an experiment or name of a model; None is all of the kind.

    Raises:
        NotFound: there is no such user.
    """
    named = None if user == EVERYBODY else user
    store.catalog.set_permission(
        named, kind.value, _ALL if resource is None else resource, None if level is None else level.name
    )
