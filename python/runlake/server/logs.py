"""Logs of a server: one JSON object a line on stderr, requests and everything else alike."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from runlake.server.settings import ServerSettings

ACCESS: Final = logging.getLogger("runlake.access")


class JsonLines(logging.Formatter):
    """Writes a record as JSON; a dictionary as the record's message becomes fields of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "worker": record.process,
        }
        line |= record.msg if isinstance(record.msg, dict) else {"message": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


CONFIG: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "runlake.server.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"runlake.access": {"level": "INFO"}, "uvicorn": {"level": "WARNING"}},
}
"""For `logging.config.dictConfig`, in every worker."""


def config_of(settings: ServerSettings) -> dict[str, Any]:
    """Return `CONFIG` as settings want it."""
    if settings.log_requests:
        return CONFIG
    return {**CONFIG, "loggers": {**CONFIG["loggers"], "runlake.access": {"level": "WARNING"}}}
