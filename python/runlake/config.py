"""Config: what can be set from outside, and the only reader of the environment.

RUNLAKE_<NAME> comes before MLFLOW_<NAME>, so that scripts written for MLflow find their store, experiment and run.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from runlake.errors import InvalidInput

_log = logging.getLogger("runlake")

_PREFIXES = ("RUNLAKE_", "MLFLOW_")
_PLACES = ("TRACKING_URI", "EXPERIMENT_NAME", "EXPERIMENT_ID", "RUN_NAME", "RUN_ID")
_SECRETS = ("TRACKING_TOKEN", "TRACKING_USERNAME", "TRACKING_PASSWORD")
_TLS = ("TRACKING_INSECURE_TLS", "TRACKING_SERVER_CERT_PATH", "TRACKING_CLIENT_CERT_PATH")
_USER_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")
_RANKS = ("RUNLAKE_RANK", "RANK")
_RANK_DIGITS = 9  # so that it fits 32 bits
_PASSWORD_IN_URL = re.compile(r"^(https?://[^/@:]*:)[^/@]*@", re.IGNORECASE)
_CHOICE = "RUNLAKE_EXPERIMENT_CHOICE"
_SPOOL = "RUNLAKE_SPOOL"
_DURABILITY = "RUNLAKE_DURABILITY"
THROTTLE = "RUNLAKE_THROTTLE"
"""The variable that says which points are stored; see `runlake.throttling`."""
_JOURNAL = "RUNLAKE_JOURNAL"
_TRUST_PICKLE = "RUNLAKE_TRUST_PICKLE"
_BATCH_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_COMPLETION_INDEX")

JournalSetting: TypeAlias = Literal["auto", "map", "write"]
"""How points reach the journal: as the file system asks for, stored into mapped memory, or each written."""


@dataclass(frozen=True)
class Config:
    """How a store behaves; every field carries its unit.

    The variable `RUNLAKE_SYNC_INTERVAL_MS` sets `sync_interval_ms`, and likewise for every other field.
    """

    sync_interval_ms: int = 1000
    """Time between two syncs of journal and catalog, start to start: what a power cut may cost."""
    max_block_ms: int = 0
    """Longest time a logging call waits for room in the journal; then points are merged, or else dropped."""
    max_unsealed_bytes: int | None = None
    """Journal backlog beyond which there is no room; None is the engine's own."""
    min_free_bytes: int = 0
    """What the journal leaves free of the disk, for others."""
    lock_timeout_ms: int = 20_000
    """Longest wait for the catalog when a store is opened, a run started, or something is read or managed."""
    record_timeout_ms: int = 2000
    """Longest wait for the catalog while training; after it the change waits in the journal instead."""
    seal_bytes: int = 64 << 20
    """Unsealed journal bytes from which on a segment is written; also the most that one segment takes in."""
    close_seal_bytes: int = 4 << 20
    """Unsealed journal bytes from which on closing a store writes a segment."""
    adopt_journals: int = 64
    """Number of closed journals from which on an opener writes them into segments."""
    compact_in_background: int = 1
    """Whether small segments are merged when there are many: 1, or 0 to leave that to `runlake compact`."""
    replaced_grace_ms: int = 3_600_000
    """How long a file that was merged into another stays for those who read it."""
    exit_timeout_ms: int = 30_000
    """Longest time that leaving the interpreter waits for a segment that is being written."""
    spool_max_bytes: int = 4 << 30
    """Journal bytes that may wait for a server; beyond that there is no room."""
    drain_timeout_ms: int = 30_000
    """Longest time that the end of a run, or of the interpreter, waits until a server has everything."""
    journal: JournalSetting = "auto"
    """How points reach the journal: "auto" asks the file system; "map" and "write" overrule it."""


def from_environment() -> Config:
    """Return the configuration with what RUNLAKE_* variables set.

    Raises:
        InvalidInput: a variable is not a whole number from 0 on, or RUNLAKE_JOURNAL is none of its words.
    """
    given = {entry.name: os.environ.get(_PREFIXES[0] + entry.name.upper()) for entry in fields(Config)}
    numbers = {name: _whole_number(name, text) for name, text in given.items() if text and name != "journal"}
    return Config(**numbers, journal=journal())


def journal() -> JournalSetting:
    """Return how points reach the journal, as RUNLAKE_JOURNAL has it.

    Raises:
        InvalidInput: it is none of 'auto', 'map' and 'write'.
    """
    said = os.environ.get(_JOURNAL) or "auto"
    if said not in get_args(JournalSetting):
        raise InvalidInput(f"{_JOURNAL} is {said!r}; it must be 'auto', 'map' or 'write'")
    return cast(JournalSetting, said)


def _whole_number(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"{_PREFIXES[0]}{name.upper()} is {text!r}; it must be a whole number from 0 on")
    return int(text)


def durability() -> Literal["memory", "disk"]:
    """Return when a server's acknowledgement counts, as RUNLAKE_DURABILITY has it.

    "memory": what it acknowledges survives a crash of the server; "disk": a power cut there as well.

    Raises:
        InvalidInput: it is neither.
    """
    said = os.environ.get(_DURABILITY) or "memory"
    if said not in ("memory", "disk"):
        raise InvalidInput(f"{_DURABILITY} is {said!r}; it must be 'memory' or 'disk'")
    return "disk" if said == "disk" else "memory"


def throttle_rules() -> str | None:
    """Return the throttling rules that the environment gives, unread: RUNLAKE_THROTTLE; None when it is not set."""
    return os.environ.get(THROTTLE) or None


def trusts_pickles() -> bool:
    """Tell whether models that are pickles may be loaded when the call does not say, as RUNLAKE_TRUST_PICKLE has it.

    Raises:
        InvalidInput: it is neither true nor false.
    """
    return _yes_or_no(_TRUST_PICKLE, os.environ.get(_TRUST_PICKLE) or "false")


def spool_folder() -> Path | None:
    """Return where what is on its way to servers is kept: RUNLAKE_SPOOL; None when that is not set."""
    given = os.environ.get(_SPOOL)
    return Path(given).expanduser().absolute() if given else None


def state_folder() -> Path | None:
    """Return the folder for state of this user's programs: XDG_STATE_HOME, else ~/.local/state; None without a home."""
    given = os.environ.get("XDG_STATE_HOME")
    if given and os.path.isabs(given):
        return Path(given)
    try:
        return Path.home() / ".local" / "state"
    except RuntimeError:
        return None


def tracking_uri() -> str | None:
    """Return the store that the environment names."""
    return _first("TRACKING_URI")


def experiment_name() -> str | None:
    """Return the experiment that the environment names."""
    return _first("EXPERIMENT_NAME")


def experiment_id() -> str | None:
    """Return the id of the experiment that the environment names."""
    return _first("EXPERIMENT_ID")


def run_name() -> str | None:
    """Return the name that the environment gives to new runs."""
    return _first("RUN_NAME")


def run_id() -> str | None:
    """Return the id of the run that the environment tells the process to join."""
    return _first("RUN_ID")


def take_run_id() -> str | None:
    """Return the run to join and forget it: the first `start_run` joins it, later ones begin new runs."""
    taken = run_id()
    if taken is None:
        return None
    for prefix in _PREFIXES:
        os.environ.pop(prefix + "RUN_ID", None)
    return taken


@dataclass(frozen=True)
class Credentials:
    """Who asks a server: a token, or a name and a password; None is what was not given."""

    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def tracking_credentials() -> Credentials:
    """Return who this process is to servers: TRACKING_TOKEN, or TRACKING_USERNAME and TRACKING_PASSWORD."""
    return Credentials(*(_first(name) for name in _SECRETS))


@dataclass(frozen=True)
class Tls:
    """How a server's certificate is checked, and which one this process shows."""

    insecure: bool = False
    """Whether any certificate is taken."""
    ca_path: str | None = None
    """File or folder of the certificates that are trusted; None is those of the system."""
    client_path: str | None = None
    """File with a certificate of this process and its key."""


def tracking_tls() -> Tls:
    """Return what TRACKING_INSECURE_TLS, TRACKING_SERVER_CERT_PATH and TRACKING_CLIENT_CERT_PATH say.

    Raises:
        InvalidInput: the first is neither true nor false, or both it and the second are given.
    """
    said, ca_path, client_path = (_first(name) for name in _TLS)
    insecure = _yes_or_no(_TLS[0], said or "false")
    if insecure and ca_path:
        raise InvalidInput(f"{_TLS[0]} takes any certificate and {_TLS[1]} only some; set one of them")
    return Tls(insecure, ca_path, client_path)


def _yes_or_no(name: str, text: str) -> bool:
    if text.lower() not in ("true", "1", "false", "0"):
        raise InvalidInput(f"{name} is {text!r}; it must be true or false")
    return text.lower() in ("true", "1")


def export_tracking_uri(uri: str | None) -> None:
    """Name the store to child processes; None takes the name back."""
    _export("TRACKING_URI", uri)


def export_experiment(store_id: str, chosen_id: str, name: str) -> None:
    """Name the experiment of a store to child processes: by its id there, by its name in other stores."""
    _export("EXPERIMENT_ID", chosen_id)
    _export("EXPERIMENT_NAME", name)
    os.environ[_CHOICE] = _choice(store_id, chosen_id, name)


def take_back_experiment() -> None:
    """Name no experiment to child processes."""
    _export("EXPERIMENT_ID", None)
    _export("EXPERIMENT_NAME", None)
    os.environ.pop(_CHOICE, None)


def exported_experiment_id(store_id: str) -> str | None:
    """Return what a parent process chose in this store; None when it did not, or something else was named since."""
    chosen_id, name = experiment_id(), experiment_name()
    if chosen_id is None or name is None or os.environ.get(_CHOICE) != _choice(store_id, chosen_id, name):
        return None
    return chosen_id


def _choice(store_id: str, chosen_id: str, name: str) -> str:
    return f"{store_id} {chosen_id} {name}"


def user_name() -> str | None:
    """Return the user's name as the login has set it."""
    return next((name for variable in _USER_NAMES if (name := os.environ.get(variable))), None)


def os_user() -> str:
    """Return the user's name as the login or the system has it; the number of a user without a name."""
    if name := user_name():
        return name
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user id without a name
        return str(os.getuid())


def notebook_name() -> str | None:
    """Return the path of the notebook whose kernel this process is, if Jupyter's server has told."""
    return os.environ.get("JPY_SESSION_NAME")


def in_batch_job() -> bool:
    """Tell whether a batch system (Slurm, PBS, LSF, Kubernetes jobs with an index) has started this process."""
    return any(os.environ.get(name) for name in _BATCH_JOBS)


def process_rank() -> int | None:
    """Return this process's number in its job: RUNLAKE_RANK, else RANK, as launchers such as torchrun set it.

    What is no number from 0 to 999,999,999 is warned about once and taken for none.
    """
    name = next((name for name in _RANKS if os.environ.get(name)), None)
    return None if name is None else _rank(name, os.environ[name])


@lru_cache(maxsize=64)
def _rank(name: str, text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= _RANK_DIGITS:
        return int(text)
    _log.warning("%s is %r and no number from 0 on, so the points of this process have no rank", name, text)
    return None


def environment_with(**values: str) -> dict[str, str]:
    """Return the environment for a child process, with some variables set."""
    return {**os.environ, **values}


def environment_without(*names: str) -> dict[str, str]:
    """Return the environment for a child process, without some variables."""
    return {name: value for name, value in os.environ.items() if name not in names}


def _first(name: str) -> str | None:
    return next((value for prefix in _PREFIXES if (value := os.environ.get(prefix + name))), None)


def _export(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(_PREFIXES[0] + name, None)
    else:
        os.environ[_PREFIXES[0] + name] = value


def names() -> list[str]:
    """Return the variables that mean something."""
    return sorted(
        {
            _CHOICE,
            _SPOOL,
            _DURABILITY,
            THROTTLE,
            _TRUST_PICKLE,
            *_RANKS,
            *_places(),
            *(_PREFIXES[0] + entry.name.upper() for entry in fields(Config)),
        }
    )


def in_force() -> dict[str, str]:
    """Return the variables that are set and mean something, by name; MLflow's only where ours is not set.

    Tokens and passwords are not shown, and neither is the password of a URL.
    """
    set_here = {name: _shown(name, os.environ[name]) for name in names() if name in os.environ}
    overridden = {_PREFIXES[1] + name.removeprefix(_PREFIXES[0]) for name in set_here if name.startswith(_PREFIXES[0])}
    if _RANKS[0] in set_here:
        overridden.add(_RANKS[1])
    return {name: value for name, value in set_here.items() if name not in overridden}


def unknown() -> list[str]:
    """Return the variables that are set, begin like ours, and mean nothing."""
    return sorted(name for name in os.environ if name.startswith(_PREFIXES[0]) and name not in names())


def _shown(name: str, value: str) -> str:
    if name.endswith(("_TOKEN", "_PASSWORD")):
        return "…"
    return _PASSWORD_IN_URL.sub(r"\1…@", value)


def _places() -> list[str]:
    return [prefix + name for prefix in _PREFIXES for name in (*_PLACES, *_SECRETS, *_TLS)]


def __getattr__(name: str) -> Any:
    from runlake.missing_names import missing_name  # MLflow has a module of this name, with switches in it

    raise missing_name(__name__, name)
