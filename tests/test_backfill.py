"""The short form of `trial_backfill`: faults at random and kills, and the same bytes in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from comtrade_stub import serving
from conftest import lake
from test_nightly import basket
from trial_backfill import Trial, run, stocked

pytestmark = pytest.mark.slow

REPORTERS = (36, 76, 124, 156, 251, 276, 360, 392, 699, 842)
YEARS = (2014, 2015, 2016, 2017)


def test_a_backfill_through_faults_and_kills(tmp_path: Path) -> None:
    with serving() as stub:
        files = {(reporter, year): basket(reporter, year) for reporter in REPORTERS for year in YEARS}
        stocked(stub, files, classification="H4")
        calm = run(tmp_path / "calm", stub, Trial(share=0.0), classification="H4")
        assert (calm["calls"], calm["nights"]) == (41, 1)
        run(tmp_path / "torn", stub, Trial(kills=3), classification="H4")
    assert lake(tmp_path / "torn") == lake(tmp_path / "calm")
    assert len(lake(tmp_path / "calm")) == 44
