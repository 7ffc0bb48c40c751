"""Options of the stage `fetch`: which files to fetch, and limits on calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minsum.countries.codes import codes_named


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """Which files to fetch, and limits on calls.

    Attributes
    ----------
    classification
        `HS` for files as reported, `H0` to `H6` for the UN's conversions; one list call for each.
    base_url
        Scheme, host and the path before `/bulk`.
    key_file
        File with the key, if the environment has no key.
    years, reporters
        Empty means all; reporters are ISO3 labels.
    dataset
        `final` or `classic`.
    since
        Only publications from this ISO date on; None for all. This misses files corrected under an older date, so the
        nightly run leaves it out.
    calls_per_day
        Calls that the user's plan allows; for planning only, because the service itself enforces the quota.
    calls_per_minute
        Largest rate: calls are at least 60 / `calls_per_minute` seconds apart.
    attempts
        Attempts for one file or list.
    wait, longest_wait
        Seconds before the second attempt, doubled each time, and the longest of these waits. The run ends if the
        service asks for a longer pause.
    timeout
        Seconds until the head of a response is complete, without a byte, or with less than 1 KiB/s.
    longest_answer
        Seconds for one response; the next attempt then resumes the file.
    """

    classification: tuple[str, ...]
    base_url: str
    key_file: Path
    years: tuple[int, ...] = ()
    reporters: tuple[str, ...] = ()
    dataset: str = "final"
    since: str | None = None
    calls_per_day: int = 5_000
    calls_per_minute: float = 60.0
    attempts: int = 8
    wait: float = 1.0
    longest_wait: float = 300.0
    timeout: float = 60.0
    longest_answer: float = 3_600.0

    def reporter_codes(self) -> frozenset[int]:
        """Comtrade codes of the reporters to fetch; empty means all.

        Raises
        ------
        SettingsError
            If a label belongs to no country.
        """
        return codes_named(self.reporters, setting="fetch.reporters")
