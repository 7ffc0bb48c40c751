"""What decides which files are fetched, and how politely."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minsum.countries.codes import codes_named


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """What decides which files are fetched, and how politely.

    Attributes
    ----------
    classification
        `HS` for files as reported, `H0` to `H6` for UN's conversions; a list call each.
    base_url
        Scheme, host and what stands before `/bulk`.
    key_file
        File with the key, where the environment has none.
    years, reporters
        Empty means all; reporters are ISO3 labels.
    dataset
        `final` or `classic`.
    since
        Only what was published from this ISO date on; None for everything. Files made anew under an older
        date are missed, so the nightly run leaves it out.
    calls_per_day
        What the user's plan allows; used for planning, the service itself says when it ends.
    calls_per_minute
        Calls are at least the 60th part of a minute over this apart.
    attempts
        Tries of one file or list.
    wait, longest_wait
        Seconds before the second try, doubled each time, and the longest of these waits. A service that asks
        for a longer pause ends the run.
    timeout
        Seconds until the head of an answer is whole, without a byte, or with less than 1 KiB/s.
    longest_answer
        Seconds of one answer; a file is then gone on with by the next try.
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
