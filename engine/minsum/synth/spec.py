"""Specification of a synthetic world: size, span and seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from minsum.countries.codes import iso3_of
from minsum.countries.paper import PAPER_YEARS
from minsum.errors import UsageError
from minsum.synth.economies import LEADERS, by_size, code_of_member, in_order_of_choice

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_YEARS: Final = frozenset(range(1988, 2041))
"""From the first HS vintage on; exports grow by 4 % a year and stay whole numbers in float64 until then."""
_YEARS_RULE: Final = f"{min(_YEARS)} to {max(_YEARS)}, ascending, none twice"
_CLASSIFICATIONS: Final = frozenset(f"H{vintage}" for vintage in range(7))
FEWEST_ROWS: Final = 1_000
FEWEST_PRODUCTS: Final = 100
MOST_PRODUCTS: Final = 6_000
"""An HS vintage has 5,000 to 5,600 codes; more do not fit two digits per heading in the big chapters."""


@dataclass(frozen=True)
class WorldSpec:
    """Size, span and seed of a synthetic world; equal specs give equal bytes under equal library versions.

    Attributes
    ----------
    reporters
        How many countries (the leaders USA and Germany first, then the paper's nine, then the largest
        traders), or which: ISO3 labels or Comtrade codes, the leaders among them.
    years
        Calendar years, ascending; gaps allowed.
    rows_per_file
        Rows of every file, or (fewest, most): heavy-tailed over reporters by their size in trade. The
        mean of a long tail is about a tenth of `most`. Met within some 5 %.
    seed
        Non-negative.
    classification
        HS vintage written in the files, `H0` to `H6`; the codes themselves are invented.
    products
        Number of six-digit codes beside the residual ones, 100 to 6,000.
    missing_share
        Share of reporter-years that filed nothing, in [0, 1); the leaders always file.
    vintages
        Countries switch to newer HS vintages in different years; the codes are real ones, and each thing that is
        traded has its code in every vintage (`vintages`). `classification` is not used.

    Raises
    ------
    UsageError
        If a value is invalid; the message names it and the rule.
    """

    reporters: int | tuple[int | str, ...] = 24
    years: tuple[int, ...] = PAPER_YEARS
    rows_per_file: int | tuple[int, int] = 20_000
    seed: int = 1
    classification: str = "H2"
    products: int = 5_000
    missing_share: float = 0.05
    vintages: bool = False

    def __post_init__(self) -> None:
        self._check_span()
        codes = self.codes
        if len(set(codes)) != len(codes):
            raise UsageError(f"reporters: {self.reporters} names a country twice", "name each once")
        missing = [leader for leader in LEADERS if leader not in self.labels]
        if missing:
            raise UsageError(
                f"reporters: {', '.join(missing)} not among them, but the world is built around the leaders",
                f"add {' and '.join(LEADERS)}, or give a number of at least {len(LEADERS)}",
            )

    def _check_span(self) -> None:
        fewest, most = self._row_range
        demands = {
            "years": (bool(self.years) and list(self.years) == sorted(set(self.years) & _YEARS), _YEARS_RULE),
            "rows_per_file": (FEWEST_ROWS <= fewest <= most, f"at least {FEWEST_ROWS:,}; fewest before most"),
            "seed": (self.seed >= 0, "0 or more"),
            "classification": (self.classification in _CLASSIFICATIONS, "H0 to H6"),
            "products": (
                FEWEST_PRODUCTS <= self.products <= MOST_PRODUCTS,
                f"{FEWEST_PRODUCTS} to {MOST_PRODUCTS:,}",
            ),
            "missing_share": (0 <= self.missing_share < 1, "at least 0 and under 1"),
        }
        for name, (is_met, rule) in demands.items():
            if not is_met:
                raise UsageError(f"{name}: {getattr(self, name)!r} cannot make a world", f"{name}: {rule}")

    @property
    def _row_range(self) -> tuple[int, int]:
        rows = self.rows_per_file
        return (rows, rows) if isinstance(rows, int) else rows

    @cached_property
    def codes(self) -> tuple[int, ...]:
        """Comtrade codes of the reporters, ascending."""
        if not isinstance(self.reporters, int):
            return tuple(sorted(code_of_member(one) for one in self.reporters))
        known = in_order_of_choice()
        if not len(LEADERS) <= self.reporters <= len(known):
            raise UsageError(
                f"reporters: {self.reporters}, but a world has {len(LEADERS)} to {len(known)}",
                "give a number in that range",
            )
        return tuple(sorted(known[: self.reporters]))

    @property
    def labels(self) -> tuple[str, ...]:
        """ISO3 labels of the reporters, in the order of `codes`."""
        return tuple(iso3_of(code) for code in self.codes)

    @cached_property
    def _rows(self) -> dict[int, int]:
        fewest, most = self._row_range
        height = np.linspace(1, 0, len(self.codes))
        rows = np.rint(fewest * (most / fewest) ** height**2).astype(int)
        return dict(zip(sorted(self.codes, key=by_size().index), rows.tolist(), strict=True))

    def rows_of(self, code: int) -> int:
        """Rows wanted in each of a reporter's files."""
        return self._rows[code]

    def stream(self, purpose: str, *keys: int) -> np.random.Generator:
        """Random numbers that depend on the seed, a purpose and keys, and on nothing drawn before."""
        return np.random.default_rng([self.seed, crc32(purpose.encode()), *keys])
