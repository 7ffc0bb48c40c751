"""The map and the picture of the whole: what is drawn where, against definitions written out."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from minsum.countries.codes import codes_of
from minsum.countries.short_names import names_of, other_names
from minsum.report.cube import F64, Cube, Measure
from minsum.report.line_names import spread
from minsum.report.payload import narrow_ends
from minsum.report.placing import MAP, classical, oriented, picture_of, settled, stress_of, world_map

COUNTRIES = ["BRA", "CHN", "DEU", "FRA", "IRQ", "JPN", "KOR", "SAU", "USA", "VNM"]


def cube(seed: int, *, years: int = 1, noise: float = 0.0) -> Cube:
    """Similarities of baskets at random; `noise` moves the last year."""
    rng = np.random.default_rng(seed)
    baskets = rng.dirichlet(np.full(6, 0.4), size=len(COUNTRIES))
    esi = np.minimum(baskets[:, None], baskets[None]).sum(axis=2)
    pairs = np.repeat(esi[np.tril_indices(len(COUNTRIES), -1)][None], years, axis=0)
    pairs[-1] = np.clip(pairs[-1] + np.random.default_rng(99).normal(0, noise, pairs.shape[1]), 0, 1)
    n = len(COUNTRIES)
    measure = Measure(pairs, np.empty((years, n, 0)))
    return Cube("H5", list(range(2000, 2000 + years)), COUNTRIES, [], COUNTRIES, measure)


def between(places: F64) -> F64:
    return np.array([[math.dist(a, b) for b in places] for a in places])


def test_places_of_a_plane_are_found_again() -> None:
    wanted = np.random.default_rng(1).normal(size=(9, 2))
    found = classical(between(wanted))
    assert between(found) == pytest.approx(between(wanted), abs=1e-9)
    assert stress_of(between(wanted), found) < 1e-9
    assert oriented(found, wanted) == pytest.approx(wanted - wanted.mean(axis=0), abs=1e-9)


def test_no_step_raises_the_stress() -> None:
    apart = np.random.default_rng(2).uniform(0.2, 1, size=(12, 12))
    apart = np.triu(apart, 1) + np.triu(apart, 1).T
    stress, places = [], classical(apart)
    for _ in range(20):
        squares = [(apart[i, j] - math.dist(places[i], places[j])) ** 2 for i in range(12) for j in range(12)]
        stress.append(math.sqrt(sum(squares) / (apart**2).sum()))
        assert stress_of(apart, places) == pytest.approx(stress[-1], abs=1e-12)
        places = settled(apart, places, steps=1)
    assert stress == sorted(stress, reverse=True)
    assert stress[-1] < stress[0]


def test_the_picture_does_not_flip_from_night_to_night() -> None:
    before, after = (picture_of(cube(3, years=3, noise=noise), COUNTRIES) for noise in (0.0, 0.002))
    assert np.abs(before.places - after.places).max() < 0.1
    assert np.abs(np.diff(before.places, axis=0)).max() < 0.01  # equal years lie alike
    assert sorted(one for group in before.groups for one in group) == sorted(before.order) == COUNTRIES


def test_countries_without_data_have_no_place() -> None:
    some = cube(4, years=2)
    high, low = np.tril_indices(len(COUNTRIES), -1)
    pairs = some.esi.pairs.copy()
    pairs[1, (high == 4) | (low == 4)] = np.nan  # Iraq, in the last year
    pairs[0, high > 2] = np.nan  # three are left in the first
    picture = picture_of(replace(some, esi=Measure(pairs, some.esi.with_composites)), COUNTRIES)
    assert np.isnan(picture.places[1, 4]).all()
    assert np.isfinite(np.delete(picture.places[1], 4, axis=0)).all()
    assert np.isnan(picture.places[0]).all()
    assert np.isnan(picture.stress[0])


def test_the_map_is_small_and_has_comtrades_labels() -> None:
    world = world_map()
    assert MAP.stat().st_size < 150_000
    assert all(codes_of(label) for label in [*world["shapes"], *world["points"]])
    assert {"S19", "_KS", "SGP", "HKG", "SSD"} <= set(world["points"])
    for label, path in world["shapes"].items():
        assert re.fullmatch(r"(M\d+ \d+l(-?\d+[ -]?)+z)+", path), label
        for ring in path.split("z")[:-1]:  # none crosses the map from side to side
            steps = [int(one) for one in re.findall(r"-?\d+", ring)[2:]]
            assert max(map(abs, steps)) < world["width"] / 10, label


def test_names_as_people_say_them() -> None:
    others = other_names(["VNM", "CIV", "S19", "GBR", "CZE"])
    assert names_of(["KOR"]) == {"KOR": "South Korea"}
    for label, said in {"VNM": "Vietnam", "CIV": "Ivory Coast", "S19": "Taiwan", "GBR": "UK", "CZE": "Czech Republic"}.items():  # fmt: skip
        assert said in others[label]


def test_names_beside_lines_do_not_touch() -> None:
    values = [0.5, 0.1, 0.5, 0.49, 0.02, 0.03]
    heights = spread(values, 0.04)
    ordered = sorted(heights)
    assert min(b - a for a, b in pairwise(ordered)) > 0.04 - 1e-12
    assert heights[1] == 0.1
    assert min(heights) >= 0


def test_ends_are_rounded_outward_and_left_out_where_nothing_was_converted() -> None:
    rng = np.random.default_rng(5)
    low = rng.uniform(0, 0.5, size=(2, 300))
    high = low + rng.uniform(0, 0.1, size=low.shape)
    high[0, :20] = low[0, :20]
    nothing = np.empty((2, 0))
    found = narrow_ends(Measure(low, nothing), Measure(high, nothing))
    is_same = low == high
    assert (np.isnan(found["low"].pairs) == is_same).all()
    for end, exact, sign in (("low", low, 1), ("high", high, -1)):
        error = sign * (exact - found[end].pairs)[~is_same]
        assert error.min() >= 0
        assert (error / exact[~is_same]).max() < 2**-23
