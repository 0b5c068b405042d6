"""Secrets on command lines and in URLs: recognised by the name before them or by their own form, and masked.

A name is secret when its last word is (`--hf-token`, `db.password`, `AWS_SECRET_ACCESS_KEY`), so that `--max-tokens`
and `--tokenizer` are not. A value is secret when it has the form of the tokens of well-known services, or is the user
information of a URL. A bare password that no name comes before is not recognised.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

MASK = "***"

_WORDS = (
    r"(?:token|secret|password|passwd|passphrase|passcode|pwd|credentials?|bearer|auth|authorization|signature"
    r"|(?:api|access|private|secret|account|signing|encryption|license|auth)[-_.]?key|connection[-_.]?string|apikey)"
)
_NAME = rf"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z])){_WORDS}"
_NAMED = re.compile(
    rf"""(?i:{_NAME})(?:["']?\]?\s*(?:=|:(?!//))\s*["']?(?:Bearer\s+|Basic\s+)?)(?P<value>[^\s"'&;,]+)"""
)
_FLAG = re.compile(rf"-{{1,2}}[\w.-]*?(?i:(?<![A-Za-z]){_WORDS})")
_HEADER = re.compile(r"(?i)\b(?P<scheme>bearer|basic)\s+[\w.~+/=-]{8,}")
_FORMS = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|pypi-[\w-]{16,}"
    r"|dapi[0-9a-f]{32}|dckr_pat_[\w-]{16,}|npm_[A-Za-z0-9]{30,})"
)
_USER_INFORMATION = re.compile(r"(?P<scheme>\b[A-Za-z][\w+.-]*://)[^\s/@\"']+@")


def mask_command(arguments: Sequence[str]) -> str:
    """Write a command line as a shell would take it, with the secrets in it masked."""
    masked = []
    follows_secret = False
    for argument in arguments:
        if follows_secret and not argument.startswith("-"):
            masked.append(MASK)
        else:
            masked.append(mask_text(argument))
        follows_secret = _FLAG.fullmatch(argument) is not None
    return " ".join(argument if argument == MASK else shlex.quote(argument) for argument in masked)


def mask_text(text: str) -> str:
    """Mask the secrets in a text: values behind secret names, tokens of known forms, user information of URLs."""
    text = _USER_INFORMATION.sub(rf"\g<scheme>{MASK}@", text)
    text = _HEADER.sub(rf"\g<scheme> {MASK}", text)
    text = _NAMED.sub(lambda found: found.group()[: found.start("value") - found.start()] + MASK, text)
    return _FORMS.sub(MASK, text)


def without_credentials(url: str) -> str:
    """Remove user information and query from a repository's URL; `git@host:path` has none and stays."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and not (user == "git" and scheme.endswith("ssh")):
        authority = host
    return f"{scheme}://{authority}{slash}{path.partition('?')[0].partition('#')[0]}"
