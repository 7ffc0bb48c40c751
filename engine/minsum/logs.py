"""Log lines, for people and for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_STANDARD = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message and whatever was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {"time": moment, "level": record.levelname, "message": record.getMessage()} | extra, default=str
        )


class WithoutHints(logging.Filter):
    """Leaves out what the summary says again with its hint."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is shown."""
        return not hasattr(record, "hint")
