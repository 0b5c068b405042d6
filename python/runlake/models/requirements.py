"""Requirements: lines that pip reads, as users give them and as a model's folder has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from runlake.errors import InvalidInput, InvalidType, NoSuchFile
from runlake.provenance.packages import normal

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Given: TypeAlias = "str | os.PathLike[str] | Iterable[str]"
"""The path of a requirements file, or its lines."""

CONSTRAINTS_FILE: Final = "constraints.txt"
CONSTRAINTS_LINE: Final = f"-c {CONSTRAINTS_FILE}"

_PINNED: Final = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*==\s*(?P<version>[\w.!+-]+)", re.ASCII)
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_INCLUDED: Final = re.compile(
    r"(?:-r|--requirement)(?:\s+|=)?(?P<file>\S.*)|(?:-c|--constraint)(?:\s+|=)?(?P<limits>\S.*)"
)
_WHO: Final = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*)://(?P<user>[^\s/@:]*)(?P<password>:[^\s/@]*)?@")
_VARIABLE: Final = re.compile(r":?\$\{[A-Z0-9_]+\}")
_OPTIONS: Final = re.compile(r"\s--[a-z]")


@dataclass(frozen=True)
class Listed:
    """What requirements come to once the files that they include are read.

    Attributes:
        lines: Requirements and options, in order.
        constraints: Lines of constraints files, in order.
        masked: How many lines had a password or token in a URL, which was taken out.
    """

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    masked: int = 0


@dataclass
class _Reading:
    lines: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    masked: int = 0
    open_files: list[str] = field(default_factory=list)
    within: str | None = None

    @property
    def base(self) -> str:
        """Where relative paths begin."""
        return self.within or os.getcwd()


def listed(given: Given | None, name: str, *, within: str | os.PathLike[str] | None = None) -> Listed:
    """Read requirements as pip and MLflow do: comments go, lines are joined, `-r` and `-c` files are read.

    Passwords and tokens in URLs are taken out, for whoever may see the model would see them; `${NAME}`, which pip
    replaces by a variable, stays.

    Args:
        given: The path of a file, or lines; None is nothing.
        name: What the argument is called, for messages.
        within: The only folder that files may be in: what somebody else wrote must not open any others. None is any.

    Raises:
        InvalidType: it is neither.
        NoSuchFile: a file is not there.
        InvalidInput: a file includes itself, is not where it may be, or is no text.
    """
    reading = _Reading(within=None if within is None else os.path.realpath(within))
    if isinstance(given, str | os.PathLike):
        _read_file(os.fspath(given), reading.base, reading, reading.lines)
    elif given is not None:
        lines = list(given) if isinstance(given, Iterable) else [given]
        if not all(isinstance(line, str) for line in lines):
            raise InvalidType(f"{name} is a list of requirements or the path of a file of them, not {given!r:.200}")
        _read_lines(lines, reading.base, reading, reading.lines)
    return Listed(tuple(reading.lines), tuple(reading.constraints), reading.masked)


def requirement_of(line: str) -> Requirement | None:
    """Parse a line as PEP 508 has it; None when it is an option, a path or a bare URL."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(_without_options(line))
    except InvalidRequirement:
        return None


def name_of(line: str) -> str | None:
    """Return the name, in its normal form, of what a line requires; None when the line does not say."""
    if (pinned := pin_of(line)) is not None:
        return pinned[0]
    found = requirement_of(line)
    return None if found is None else normal(found.name)


def pin_of(line: str) -> tuple[str, str] | None:
    """Return name and version of a line that is `name==version` and nothing else."""
    found = _PINNED.fullmatch(line)
    return None if found is None else (normal(found["name"]), found["version"])


def is_pinned(line: str) -> bool:
    """Tell whether a line leaves pip no choice: one exact version, or an address with a commit or a hash.

    Options and the line that names constraints choose nothing themselves and count as pinned.
    """
    if pin_of(line) is not None or (line.startswith("-") and not line.startswith(("-e", "--editable"))):
        return True
    found = requirement_of(line)
    if found is None:
        return False
    if found.url is not None:
        return re.search(r"@[0-9a-f]{40}\b|#(?:.*&)?sha256=", found.url) is not None
    one = list(found.specifier)
    return len(one) == 1 and one[0].operator in ("==", "===") and not one[0].version.endswith(".*")


def canonical(line: str) -> str:
    """Return a line in the one form that is hashed: normal names, no needless blanks."""
    found = requirement_of(line)
    if found is None or _OPTIONS.search(line):
        return " ".join(line.split())
    found.name = normal(found.name)
    found.extras = {normal(extra) for extra in found.extras}
    return str(found)


def ordered(lines: Iterable[str]) -> tuple[str, ...]:
    """Sort lines by name: options first, for pip reads them so; what has no name, then constraints, last."""

    def rank(line: str) -> tuple[int, str, str]:
        if line == CONSTRAINTS_LINE:
            return 3, "", line
        if line.startswith("-") and not line.startswith(("-e", "--editable")):
            return 0, "", line
        name = name_of(line)
        return (2, "", line) if name is None else (1, name, line)

    return tuple(sorted(dict.fromkeys(lines), key=rank))


def pin_bare(lines: Iterable[str], version_of: Callable[[str], str | None]) -> list[str]:
    """Give each line that is a name and no more (extras and a marker aside) the version that is installed."""
    return [_pinned_bare(line, version_of) for line in lines]


def merged(captured: Mapping[str, str], given: Iterable[str], version_of: Callable[[str], str | None]) -> list[str]:
    """Put what a user asks for besides over what was captured; of one name, the user's word counts.

    A range that the captured version lies in keeps that version: it says which versions do, not which one was used.

    Args:
        captured: Lines by name.
        given: Lines of the user.
        version_of: The installed version of a name; None when there is none.
    """
    lines = dict(captured)
    others = []
    for line in _kept_in_range(pin_bare(given, version_of), captured):
        if (name := name_of(line)) is None:
            others.append(line)
        else:
            lines[name] = line
    return [*lines.values(), *others]


def _kept_in_range(lines: Iterable[str], captured: Mapping[str, str]) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet

    for line in lines:
        found = requirement_of(line)
        held = None if found is None else pin_of(captured.get(normal(found.name), ""))
        if found is None or held is None or found.url or _OPTIONS.search(line):
            yield line
        elif found.specifier.contains(held[1], prereleases=True):
            found.specifier = SpecifierSet(f"=={held[1]}")
            yield str(found)
        else:
            yield line


def _pinned_bare(line: str, version_of: Callable[[str], str | None]) -> str:
    from packaging.specifiers import SpecifierSet

    found = None if line.startswith("-") or _OPTIONS.search(line) else requirement_of(line)
    if found is None or found.specifier or found.url or (version := version_of(normal(found.name))) is None:
        return line
    found.specifier = SpecifierSet(f"=={version.partition('+')[0]}")
    return str(found)


def _read_file(path: str, base: str, reading: _Reading, into: list[str]) -> None:
    file = os.path.join(base, path)
    if file in reading.open_files:
        raise InvalidInput(f"the requirements file {file!r} includes itself")
    if reading.within is not None and not os.path.realpath(file).startswith(reading.within + os.sep):
        raise InvalidInput(f"the requirements file {file!r} is not in {reading.within!r}")
    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoSuchFile(f"there is no requirements file {file!r}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the requirements file {file!r} is no UTF-8 text") from error
    reading.open_files.append(file)
    _read_lines(text.splitlines(), os.path.dirname(file), reading, into)
    reading.open_files.pop()


def _read_lines(lines: Iterable[str], base: str, reading: _Reading, into: list[str]) -> None:
    for line in _joined(lines):
        included = _INCLUDED.fullmatch(line)
        if included is None:
            clean = _WHO.sub(_without_password, line)
            reading.masked += clean != line
            into.append(clean)
        elif included["file"] is not None:
            _read_file(included["file"], base, reading, into)
        else:
            _read_file(included["limits"], base, reading, reading.constraints)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Return whole lines without comments and blank ones; a backslash at the end goes on in the next."""
    begun = ""
    for line in lines:
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            begun += line[:-1].strip() + " "
            continue
        whole = _COMMENT.sub("", begun + line.strip()).strip()
        begun = ""
        if whole:
            yield whole
    if begun.strip():
        yield begun.strip()


def _without_options(line: str) -> str:
    """Return a line without what pip takes behind a requirement, such as hashes."""
    found = _OPTIONS.search(line)
    return line if found is None else line[: found.start()].rstrip()


def _without_password(found: re.Match[str]) -> str:
    scheme, user, password = found["scheme"], found["user"], found["password"]
    if password is None:
        secret = not scheme.endswith("ssh") and user != "git" and not _VARIABLE.fullmatch(user)
        return f"{scheme}://***@" if secret else found.group()
    return found.group() if _VARIABLE.fullmatch(password) else f"{scheme}://{user}:***@"
