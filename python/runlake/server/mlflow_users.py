"""Users and permissions over MLflow's wire: what `mlflow.server.get_app_client("basic-auth")` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runlake import access
from runlake.access import Kind, Level, Policy
from runlake.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied
from runlake.server.endpoint import Endpoint
from runlake.server.mlflow_errors import invalid, missing, not_implemented

if TYPE_CHECKING:
    from collections.abc import Callable

    from runlake.catalog import UserRow
    from runlake.server.mlflow_fields import Fields
    from runlake.store import Store

_LEVELS: Final = {"NO_PERMISSIONS": Level.NONE, "READ": Level.READ, "EDIT": Level.EDIT, "MANAGE": Level.MANAGE}
_NAMES: Final = {level: name for name, level in _LEVELS.items()}
_KINDS: Final = {kind.value: kind for kind in Kind}
_WORKSPACE: Final = "default"


def _policy(store: Store, fields: Fields) -> Policy:
    """Return who may do what, as it is now.

    Raises:
        MlflowException: 501, nobody is asked who they are.
    """
    if fields.caller.name is None:
        raise not_implemented("There are users and permissions where the server is started with --auth.")
    return Policy.read(store)


def _user(policy: Policy, name: str) -> UserRow:
    user = policy.users.get(name)
    if user is None:
        raise NotFound(f"User with username={name} not found")
    return user


def _own_or_any(store: Store, fields: Fields) -> tuple[Policy, UserRow]:
    """Return the user that is meant: oneself, or for administrators anybody."""
    policy, name = _policy(store, fields), fields.text("username")
    if name != fields.caller.name and not fields.caller.is_admin:
        raise PermissionDenied("only administrators may ask about, or change, other users")
    return policy, _user(policy, name)


def _shown(user: UserRow) -> dict[str, Any]:
    return {"id": user.number, "username": user.name, "is_admin": user.admin}


def _with_permissions(policy: Policy, user: UserRow) -> dict[str, Any]:
    """Return a user as client 2 reads it."""
    found: dict[Kind, list[dict[str, Any]]] = {kind: [] for kind in Kind}
    for (number, kind, resource), level in sorted(policy.permissions.items()):
        if number == user.number and resource:
            found[Kind(kind)].append(_permission(user, Kind(kind), resource, level))
    return {
        **_shown(user),
        "experiment_permissions": found[Kind.EXPERIMENT],
        "registered_model_permissions": found[Kind.MODEL],
    }


def _permission(user: UserRow, kind: Kind, resource: str, level: Level) -> dict[str, Any]:
    name = "experiment_id" if kind is Kind.EXPERIMENT else "name"
    return {name: resource, "user_id": user.number, "permission": _NAMES[level]}


def _level(fields: Fields) -> Level:
    given = fields.text("permission")
    if given not in _LEVELS:
        raise invalid("permission", given, f"it is one of {', '.join(_LEVELS)}.")
    return _LEVELS[given]


# -- users


def create(store: Store, fields: Fields) -> dict[str, Any]:
    """Add a user."""
    _policy(store, fields)
    name = fields.text("username")
    access.add_user(store, name, fields.text("password"))
    policy = Policy.read(store)
    return {"user": _with_permissions(policy, _user(policy, name))}


def get(store: Store, fields: Fields) -> dict[str, Any]:
    """Return a user."""
    return {"user": _with_permissions(*_own_or_any(store, fields))}


def list_all(store: Store, fields: Fields) -> dict[str, Any]:
    """Return all users, by name."""
    return {"users": [{**_shown(user), "roles": []} for user in _policy(store, fields).users.values()]}


def current(store: Store, fields: Fields) -> dict[str, Any]:
    """Return who asks; nothing where nobody is asked, since MLflow's pages want to know without being told."""
    if fields.caller.name is None:
        return {}
    policy = _policy(store, fields)
    return {"user": _shown(_user(policy, fields.caller.name)), "is_basic_auth": True}


def update_password(store: Store, fields: Fields) -> dict[str, Any]:
    """Give a user another password; who changes their own has to know the one before."""
    _, user = _own_or_any(store, fields)
    password = fields.text("password")
    if user.name == fields.caller.name:
        before = fields.text_or("current_password")
        if not before:
            raise InvalidInput("Current password is required when changing your own password.")
        if not access.password_matches(before, user.password):
            raise InvalidInput("Current password does not match.")
        if before == password:
            raise InvalidInput("New password must differ from the current password.")
    access.set_password(store, user.name, password)
    return {}


def update_admin(store: Store, fields: Fields) -> dict[str, Any]:
    """Make a user an administrator, or no longer one."""
    policy = _policy(store, fields)
    admin = fields.values.get("is_admin")
    if not isinstance(admin, bool):
        raise missing("is_admin") if admin is None else invalid("is_admin", admin)
    user = _user(policy, fields.text("username"))
    if not admin and user.name == fields.caller.name:
        raise InvalidInput("Administrators cannot take this from themselves; another one can.")
    store.catalog.change_user(user.name, admin=admin)
    return {}


def delete(store: Store, fields: Fields) -> dict[str, Any]:
    """Remove a user with all tokens and permissions."""
    user = _user(_policy(store, fields), fields.text("username"))
    if user.name == fields.caller.name:
        raise InvalidInput(
            "Users cannot delete their own account. Ask another admin to delete this user instead.",
            error_code="BAD_REQUEST",
        )
    store.catalog.remove_user(user.name)
    return {}


# -- permissions, as client 3 asks for them


def _granted(policy: Policy, user: UserRow) -> dict[str, Any]:
    rows = [
        {
            "role_id": user.number,
            "role_name": f"__user_{user.number}__",
            "workspace": _WORKSPACE,
            "resource_type": kind,
            "resource_pattern": resource or "*",
            "permission": _NAMES[level],
        }
        for (number, kind, resource), level in sorted(policy.permissions.items())
        if number == user.number
    ]
    return {"is_admin": user.admin, "permissions": rows}


def list_own(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the permissions of who asks."""
    policy = _policy(store, fields)
    assert fields.caller.name is not None
    return _granted(policy, _user(policy, fields.caller.name))


def list_permissions(store: Store, fields: Fields) -> dict[str, Any]:
    """Return the permissions of a user."""
    return _granted(*_own_or_any(store, fields))


def get_permission(store: Store, fields: Fields) -> dict[str, Any]:
    """Return what a user may do with something, by whatever permission."""
    policy, user = _own_or_any(store, fields)
    kind, resource = _resource(fields)
    level = policy.level(user.name, kind, resource)
    return {"allowed": level >= Level.EDIT, "permission": _NAMES[level]}


def grant(store: Store, fields: Fields) -> dict[str, Any]:
    """Give a user a permission, in the place of the one before."""
    user = _user(_policy(store, fields), fields.text("username"))
    access.grant(store, user.name, _level(fields), *_resource(fields))
    return {}


def revoke(store: Store, fields: Fields) -> dict[str, Any]:
    """Take a permission back."""
    policy = _policy(store, fields)
    user, (kind, resource) = _user(policy, fields.text("username")), _resource(fields)
    _require_permission(policy, user, kind, resource)
    access.grant(store, user.name, None, kind, resource)
    return {}


def _resource(fields: Fields) -> tuple[Kind, str]:
    given = fields.text("resource_type")
    if given not in _KINDS:
        raise invalid("resource_type", given, f"it is one of {', '.join(_KINDS)}.")
    return _KINDS[given], fields.text("resource_id")


def _require_permission(policy: Policy, user: UserRow, kind: Kind, resource: str) -> Level:
    level = policy.permissions.get((user.number, kind.value, resource))
    if level is None:
        raise NotFound(f"there is no permission of user {user.name!r} for {kind.value} {resource!r}")
    return level


# -- permissions, as client 2 asks for them


def _endpoints_of(kind: Kind, path: str, field: str) -> tuple[Endpoint, ...]:
    """Make the endpoints for the permissions of one kind."""

    def create_one(store: Store, fields: Fields) -> dict[str, Any]:
        policy, resource = _policy(store, fields), fields.text(field)
        user, level = _user(policy, fields.text("username")), _level(fields)
        if (user.number, kind.value, resource) in policy.permissions:
            raise AlreadyExists(f"user {user.name!r} has a permission for {kind.value} {resource!r}; update it")
        access.grant(store, user.name, level, kind, resource)
        return {f"{kind.value}_permission": _permission(user, kind, resource, level)}

    def get_one(store: Store, fields: Fields) -> dict[str, Any]:
        policy, resource = _policy(store, fields), fields.text(field)
        user = _user(policy, fields.text("username"))
        level = _require_permission(policy, user, kind, resource)
        return {f"{kind.value}_permission": _permission(user, kind, resource, level)}

    def change(level_of: Callable[[Fields], Level | None]) -> Callable[[Store, Fields], dict[str, Any]]:
        def change_one(store: Store, fields: Fields) -> dict[str, Any]:
            policy, resource = _policy(store, fields), fields.text(field)
            user = _user(policy, fields.text("username"))
            _require_permission(policy, user, kind, resource)
            access.grant(store, user.name, level_of(fields), kind, resource)
            return {}

        return change_one

    return (
        Endpoint("POST", f"{path}/create", create_one),
        Endpoint("GET", f"{path}/get", get_one),
        Endpoint("PATCH", f"{path}/update", change(_level)),
        Endpoint("DELETE", f"{path}/delete", change(lambda _fields: None)),
    )


ENDPOINTS: Final = (
    Endpoint("POST", "mlflow/users/create", create),
    Endpoint("GET", "mlflow/users/get", get),
    Endpoint("GET", "mlflow/users/list", list_all),
    Endpoint("GET", "mlflow/users/current", current),
    Endpoint("PATCH", "mlflow/users/update-password", update_password),
    Endpoint("PATCH", "mlflow/users/update-admin", update_admin),
    Endpoint("DELETE", "mlflow/users/delete", delete),
    Endpoint("GET", "mlflow/users/current/permissions", list_own, versions=("3.0",)),
    Endpoint("GET", "mlflow/users/permissions/list", list_permissions, versions=("3.0",)),
    Endpoint("GET", "mlflow/users/permissions/get", get_permission, versions=("3.0",)),
    Endpoint("POST", "mlflow/users/permissions/grant", grant, versions=("3.0",)),
    Endpoint("POST", "mlflow/users/permissions/revoke", revoke, versions=("3.0",)),
    *_endpoints_of(Kind.EXPERIMENT, "mlflow/experiments/permissions", "experiment_id"),
    *_endpoints_of(Kind.MODEL, "mlflow/registered-models/permissions", "name"),
)
