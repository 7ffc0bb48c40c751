"""Groups as references: who is a member when, and what a member is compared with."""

from __future__ import annotations

import pytest

from conftest import Desk, one, similarities
from minsum.countries.groups import members_in
from minsum.esi.decompose import Question, decompose
from minsum.esi.groups import of_year
from minsum.esi.stage import files_of
from minsum.settings.esi import Composite
from minsum.workspace.footers import read_footer
from test_harmonise import compute, put, table

SIZES = {
    ("EU", 1990): 12, ("EU", 1995): 15, ("EU", 2003): 15, ("EU", 2004): 25, ("EU", 2007): 27, ("EU", 2013): 28,
    ("EU", 2019): 28, ("EU", 2020): 27, ("ASEAN", 1994): 6, ("ASEAN", 1999): 10, ("ASEAN", 2024): 10,
    ("ASEAN", 2025): 11, ("G7", 2000): 7, ("OECD", 1993): 24, ("OECD", 2000): 30, ("OECD", 2010): 34,
    ("OECD", 2021): 38,
}  # fmt: skip
"""Published numbers of members at the end of a year."""


@pytest.mark.parametrize(("group", "year"), SIZES)
def test_numbers_of_members(group: str, year: int) -> None:
    members = members_in(group, year)
    assert len(members) == len(set(members)) == SIZES[group, year]


def test_members_without_data_are_left_out_and_said() -> None:
    pair = Composite(members=("USA", "DEU"))
    references = {"asean": Composite(members=("ASEAN", "CHN")), "pair": pair}
    found, left_out = of_year(references, 1994, ["SGP", "THA"])
    assert found == {"asean": Composite(members=("SGP", "THA", "CHN")), "pair": pair}
    assert left_out == {"asean": ["BRN", "IDN", "MYS", "PHL"]}


def fill(desk: Desk) -> None:
    for year in (1998, 2004):
        put(desk, 702, "H2", {"090111": 1.0, "854229": 3.0}, year=year)
        put(desk, 764, "H2", {"090111": 3.0, "854229": 1.0}, year=year)
        put(desk, 116, "H2", {"640399": 8.0}, year=year)  # Cambodia: a member since 1999
        put(desk, 842, "H2", {"090111": 4.0, "640399": 4.0}, year=year)


def test_membership_changes_over_the_years(desk: Desk) -> None:
    fill(desk)
    compute(
        desk, None, references={"asean": (("ASEAN",), "pooled"), "rest": (("ASEAN",), "pooled_minus_self")}
    )
    before, after = (table(desk, year=year) for year in (1998, 2004))
    assert one(before, "USA", "asean")["esi"] == pytest.approx(0.5)
    assert one(after, "USA", "asean")["esi"] == pytest.approx(0.25 + 0.5)
    assert one(after, "SGP", "rest")["esi"] == pytest.approx(
        0.25 + 1 / 12
    )  # Thailand and Cambodia: 3, 1 and 8 of 12
    assert one(after, "USA", "rest")["esi"] == one(after, "USA", "asean")["esi"]
    assert one(before, "KHM", "rest")["esi"] == 0.0
    footer = read_footer(desk.layout.yearly("esi")[-1])
    assert footer["groups_without"]["asean"] == ["BRN", "IDN", "LAO", "MMR", "MYS", "PHL", "VNM"]
    options = similarities(
        references={"asean": (("ASEAN",), "pooled"), "rest": (("ASEAN",), "pooled_minus_self")}
    )
    for reference in ("asean", "rest"):
        parts = decompose(
            files_of(desk.layout, "H2", ()), "H2", options=options.esi, question=Question("SGP", reference)
        )
        assert parts.years == [1998, 2004]
        expected = [one(frame, "SGP", reference)["esi"] for frame in (before, after)]
        assert parts.contributions.sum(axis=1) == pytest.approx(expected, abs=1e-12)


def test_intervals_of_groups(desk: Desk) -> None:
    fill(desk)
    put(desk, 704, "H3", {"090111": 1.0, "854231": 2.0}, year=2004)
    compute(desk, references={"asean": (("ASEAN",), "pooled"), "rest": (("ASEAN",), "pooled_minus_self")})
    after = table(desk, year=2004)
    assert (after["esi_low"] <= after["esi"]).all()
    assert (after["esi"] <= after["esi_high"]).all()
    assert one(after, "SGP", "asean")["vintage_reference"] == "mixed"
    assert one(after, "VNM", "rest")["vintage_reference"] == "H2"
    assert one(after, "SGP", "rest")["vintage_reference"] == "mixed"


def test_a_name_that_is_neither_country_nor_group() -> None:
    with pytest.raises(ValueError, match="label of no country"):
        Composite(members=("NAFTA",))
