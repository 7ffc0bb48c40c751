"""What the service's answers mean: which another try may mend, and when the next call is welcome."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from urllib3 import BaseHTTPResponse

from minsum.errors import BrokenSourceError, KeyRefusedError, QuotaError, RemoteError

_QUOTA: Final = re.compile(
    r"quota.*?(?:replenished in (?:(\d{1,9})\.)?(\d{1,9}):(\d\d):(\d\d)|$)", re.I | re.S
)
_LONGEST: Final = timedelta(days=3_650)
"""A longer pause is not said, nor counted."""
_GOES_ON: Final = "what was fetched is kept; the next run goes on from there"


class TransientError(Exception):
    """A call failed in a way that another try may mend.

    Parameters
    ----------
    message
        What happened.
    wait
        Seconds the service asked for; None when it said nothing.
    is_content
        Whether something arrived whole that is not what it should be.
    """

    def __init__(self, message: str, *, wait: float | None = None, is_content: bool = False) -> None:
        super().__init__(message)
        self.wait, self.is_content = wait, is_content


def meaning(response: BaseHTTPResponse, path: str, *, said: str, longest_wait: float) -> Exception:
    """What a status other than 200 and 206 means.

    Parameters
    ----------
    response, path
        The answer, and to what.
    said
        Its message.
    longest_wait
        Seconds of a pause that is worth waiting for.

    Returns
    -------
    A `TransientError` when another try may mend it, a `RemoteError` when no call is of use, a `BrokenSourceError`
    when there is no such file.
    """
    status = response.status
    answer = f"{path}: {status} {said}".rstrip()
    if status in (401, 403):
        return _refusal(status, said)
    if status in (404, 410):
        return BrokenSourceError(f"not there: {answer}")
    if status == 416:
        return TransientError(answer, is_content=True)
    if status in (408, 425, 429) or status >= 500:
        wait = _retry_after(response)
        if wait is not None and wait > longest_wait:
            return QuotaError(f"the service asks to wait {_until(_lasting(wait))}", _GOES_ON)
        return TransientError(answer, wait=wait)
    return RemoteError(f"unexpected answer to {answer}", "check fetch.base_url")


def _refusal(status: int, said: str) -> RemoteError:
    quota = _QUOTA.search(said)
    if status == 401:
        return KeyRefusedError(f"the service asks for a key (401: {said})", "check that the key is whole")
    if quota is None:
        return KeyRefusedError(f"the service refuses the key (403: {said})", "check the key and its plan")
    if quota[2] is None:
        return QuotaError(f"the quota of calls is used up ({said})", _GOES_ON)
    days, hours, minutes, seconds = (int(part or 0) for part in quota.groups())
    left = _lasting(86_400.0 * days + 3_600 * hours + 60 * minutes + seconds)
    return QuotaError(f"the quota of calls is used up; replenished {_until(left)}", _GOES_ON)


def _lasting(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


def _until(left: timedelta) -> str:
    moment = datetime.now(UTC).replace(microsecond=0) + left
    return f"in {left}, at {moment.isoformat().replace('+00:00', 'Z')}"


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds to wait; a date counts from the service's own clock."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:20])
    then = date_of(text)
    if then is None:
        return None
    now = date_of(response.headers.get("Date")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())


def date_of(text: str | None) -> datetime | None:
    """A date of a header, or None."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
