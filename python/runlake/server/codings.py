"""Codings: in which a client takes the bytes of an answer."""

from __future__ import annotations

import re
from typing import Final

_REFUSED: Final = re.compile(r"q=0(\.0{0,3})?")


def takes_gzip(accepted: str) -> bool:
    """Tell from an Accept-Encoding header whether a client takes gzip; `gzip;q=0` says that it does not."""
    for coding in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in coding.split(";"))
        if name == "gzip":
            return not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
    return False
