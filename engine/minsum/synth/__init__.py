"""Synthetic worlds in Comtrade's bulk format with known true results, for the demo, tests and benchmarks."""

from minsum.countries.paper import PAPER_YEARS
from minsum.synth.economies import BLOC, FOCUS, LEADERS
from minsum.synth.spec import WorldSpec
from minsum.synth.world import WorldSummary, write_world

__all__ = ["BLOC", "FOCUS", "LEADERS", "PAPER_YEARS", "WorldSpec", "WorldSummary", "write_world"]
