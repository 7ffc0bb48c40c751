"""What a run of the stage `esi` did, and what it found missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from minsum.esi.largest_changes import Move


@dataclass(slots=True)
class EsiReport:
    """Result of the stage.

    Attributes
    ----------
    is_covered
        Whether `coverage.parquet` was written.
    computed, unchanged
        `classification/year` where anything was written, and where everything was current.
    absent
        `classification/year` to composite name to its members without data there.
    removed
        Files of years and tables that are no longer asked for.
    rows
        Table to rows written.
    moves
        The largest changes of the index of a pair that was computed before (`moves`).
    redefined
        `classification/year` that other options than before made anew: moves there are no news of the data.
    vanished
        `classification/year` to countries and composites that had similarities there before and now have none,
        the options being the same.
    alone
        `classification/year` without a pair to why, of those computed.
    left_out
        `classification/year` to reasons why exports that were filed give no similarity to countries, of those computed.
    unreachable
        Why reporter-years could not be brought to the target of `[harmonise]`, to their names.
    unmatched
        Reporter-years with values without a target, and these values, USD.
    conversions
        Reporter-years that are the UN's conversions of filings, in years of which minsum brings other filings to the
        target.
    mirrored
        Reporter-years that are mirrored.
    without_mirrors
        Requested tables without mirrored reporter-years.
    doubtful
        Reporter-years of the computed years whose exports may be incomplete (`coverage.doubtful`).
    """

    is_covered: bool = False
    computed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    redefined: list[str] = field(default_factory=list)
    vanished: dict[str, list[str]] = field(default_factory=dict)
    alone: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unreachable: dict[str, list[str]] = field(default_factory=dict)
    unmatched: dict[str, float] = field(default_factory=dict)
    conversions: list[str] = field(default_factory=list)
    mirrored: list[str] = field(default_factory=list)
    without_mirrors: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def remarks(self) -> list[str]:
        """Sentences on what is missing in the computed years."""
        lines = [f"{name}: no similarity: {why}" for name, why in self.alone.items()]
        for name in self.computed:
            lines += [
                f"{name}: no similarity with {composite}: no data of {', '.join(members)}"
                for composite, members in self.absent.get(name, {}).items()
                if name not in self.alone
            ]
        return lines

    def sort(self, names: Sequence[str]) -> None:
        """Order what was noted as workers finished by these `classification/year`."""
        for noted in (self.computed, self.redefined):
            noted.sort(key=names.index)
        self.vanished = {name: self.vanished[name] for name in names if name in self.vanished}
