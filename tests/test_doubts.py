"""A similarity tells, by one join on coverage, that one of its baskets may be there in part."""

from __future__ import annotations

import pytest

from conftest import Desk
from minsum import Workspace
from test_formats import web

JOIN = """
SELECT e.reporter, e.reference, coalesce(d.doubts, '') AS doubts
FROM esi AS e
LEFT JOIN coverage AS d ON (d.classification, d.year, d.reporter) = (e.classification, e.year, e.reference)
WHERE e.year = 2015 AND e.reporter = 'USA'
"""
US = {"reporterCode": 842}
LIMITS = "[check]\ntotal_tolerance = 0.01\nexports_fall = 0.6\n"
DOUBTS: dict[str, tuple[list[dict[str, object]], str]] = {
    "whole": ([{}, {"cmdCode": "TOTAL"}], ""),
    "products below TOTAL": ([{}, {"cmdCode": "TOTAL", "primaryValue": 101}], "total_vs_products"),
    "headings without products": ([{}, {"cmdCode": "0202", "primaryValue": 1}], "uncontained"),
    "cut off": ([{"partnerCode": n} for n in range(499)], "round_rows"),
    "half a year": ([{}, {"period": 2013, "refYear": 2013, "primaryValue": 201}], "exports_fall"),
    "a bit more": ([{}, {"period": 2013, "refYear": 2013, "primaryValue": 200}], ""),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_what_may_be_there_in_part_is_told_of_each_similarity(
    desk: Desk, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows, doubts = DOUBTS[case]
    desk.put_bytes(web([*rows, US]), "t.csv")
    workspace = Workspace(desk.layout.root).init()
    workspace.ingest([desk.inbox])
    workspace.esi()
    assert workspace.sql(JOIN).fetchall() == [("USA", "CHN", doubts)]
    said = "exports that may be incomplete: CHN 2015" in caplog.text
    assert said == bool(doubts)


def test_the_limits_are_those_of_the_settings(desk: Desk) -> None:
    """Other limits make the table anew, and `status` says so before."""
    desk.put_bytes(web([*DOUBTS["products below TOTAL"][0], US]), "t.csv")
    workspace = Workspace(desk.layout.root).init()
    workspace.ingest([desk.inbox])
    workspace.esi()
    before = workspace.layout.coverage.read_bytes()
    for text, doubts in ((LIMITS, ""), ("", "total_vs_products")):
        workspace.layout.settings.write_text(text, encoding="utf-8")
        workspace = Workspace(desk.layout.root)
        assert "coverage" in {one["what"] for one in workspace.status()["stale"]}
        workspace.esi()
        assert workspace.sql(JOIN).fetchall() == [("USA", "CHN", doubts)]
    assert workspace.layout.coverage.read_bytes() == before
