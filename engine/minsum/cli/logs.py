"""Log lines as JSON, for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

_STANDARD = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


def json_line(moment: float, level: str, message: str, extra: dict[str, Any]) -> str:
    """One JSON object: time, level, message and whatever belongs to them."""
    when = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": when, "level": level, "message": message} | extra, default=str)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message and whatever was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        return json_line(record.created, record.levelname, record.getMessage(), extra)
