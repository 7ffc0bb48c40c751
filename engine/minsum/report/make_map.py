"""Makes the shipped map: `python -m minsum.report.make_map countries-110m.json countries-50m.json`.

Source: Natural Earth 4.1.0, admin 0 countries, 1:110m and 1:50m, in the public domain, as TopoJSON in the npm package
world-atlas 2.0.2. Shapes come from 1:110m; what is too small for it is a point from 1:50m.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minsum.countries.names import match_code

TARGET: Final = Path(__file__).parent / "page" / "map.json"
WIDTH: Final = 2000
"""Width of the grid of whole numbers on which the shapes lie."""
_SOUTH: Final = -56.5
"""Degrees; what lies south of it, Antarctica, is left out."""
_EQUAL_EARTH: Final = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients of the Equal Earth projection: Šavrič, Patterson and Jenny (2018), doi 10.1080/13658816.2018.1504949."""
_PART_OF: Final = {"N. Cyprus": "CYP", "Somaliland": "SOM", "Kosovo": "_KS"}
"""Areas without an ISO number, and the country with which Comtrade counts them."""
_CRIMEA: Final = (34.0, 45.3)
"""Longitude and latitude; Natural Earth draws it with Russia, the UN counts it with Ukraine."""
Ring = NDArray[np.float64]


class Topology:
    """Countries of a TopoJSON file.

    Parameters
    ----------
    path
        `countries-110m.json` or `countries-50m.json` of world-atlas.
    """

    def __init__(self, path: Path) -> None:
        self._found = json.loads(path.read_text(encoding="utf-8"))
        scale, shift = (np.array(self._found["transform"][name]) for name in ("scale", "translate"))
        self._arcs = [np.cumsum(arc, axis=0) * scale + shift for arc in self._found["arcs"]]

    def rings(self) -> dict[str, list[list[int]]]:
        """Rings of each country, by Comtrade's label, as signed numbers of arcs."""
        found: dict[str, list[list[int]]] = {}
        for shape in self._found["objects"]["countries"]["geometries"]:
            label = match_code(shape.get("id", "")) or _PART_OF.get(shape["properties"]["name"])
            if label is not None:
                polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
                found.setdefault(label, []).extend(ring for polygon in polygons for ring in polygon)
        return found

    def degrees(self, ring: Iterable[int]) -> list[Ring]:
        """Longitude and latitude along a ring, shape (n_points, 2); several rings where it crosses the date line."""
        parts = [self._arcs[arc] if arc >= 0 else self._arcs[~arc][::-1] for arc in ring]
        whole = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
        if np.abs(np.diff(whole[:, 0])).max() < 180:
            return [whole]
        whole[:, 0] = np.unwrap(whole[:, 0], period=360)
        copies = [_east_of(-_east_of(whole + np.array([turn, 0]), -180), -180) for turn in (-360, 0, 360)]
        return [-copy for copy in copies if len(copy)]


def make_map(coarse: Path, fine: Path, target: Path = TARGET) -> None:
    """Write the shapes and points as `page/map.json`.

    Parameters
    ----------
    coarse, fine
        Countries at 1:110m and at 1:50m.
    target
        File to write: width, height; by label, `shapes` as SVG paths, and `points`, a point inside each country.
    """
    shapes, points = Topology(coarse), Topology(fine)
    drawn = shapes.rings()
    _count_crimea_with_ukraine(shapes, drawn)
    rings = {label: _degrees(shapes, _merged(some)) for label, some in drawn.items()}
    rings = {label: some for label, some in rings.items() if max(one[:, 1].max() for one in some) > _SOUTH}
    inside = {label: _centre(_degrees(points, some)) for label, some in points.rings().items()}
    inside |= {label: _centre(some) for label, some in rings.items()}
    corners = np.concatenate([projected(ring) for some in rings.values() for ring in some])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = WIDTH / (high[0] - low[0])

    def grid(degrees: Ring) -> NDArray[np.int64]:
        x, y = projected(degrees).T
        return np.asarray(np.rint(np.column_stack([x - low[0], high[1] - y]) * scale), dtype=np.int64)

    content = {
        "source": "Natural Earth 4.1.0, admin 0 countries, public domain; Equal Earth projection",
        "width": WIDTH,
        "height": int(np.ceil((high[1] - low[1]) * scale)),
        "shapes": {label: "".join(map(_path, map(grid, some))) for label, some in sorted(rings.items())},
        "points": {
            label: grid(point[None])[0].tolist()
            for label, point in sorted(inside.items())
            if point[1] > _SOUTH
        },
    }
    target.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def projected(degrees: Ring) -> Ring:
    """Longitude and latitude in degrees as x and y of the Equal Earth projection, shape (n_points, 2)."""
    longitude, latitude = np.radians(degrees).T
    t = np.arcsin(np.sqrt(3) / 2 * np.sin(latitude))
    a, b, c, d = _EQUAL_EARTH
    t2, t6 = t**2, t**6
    x = 2 * np.sqrt(3) * longitude * np.cos(t) / (3 * (a + 3 * b * t2 + t6 * (7 * c + 9 * d * t2)))
    return np.column_stack([x, t * (a + b * t2 + t6 * (c + d * t2))])


def _count_crimea_with_ukraine(shapes: Topology, drawn: dict[str, list[list[int]]]) -> None:
    for ring in drawn["RUS"]:
        if np.abs(_mean(shapes.degrees(ring)[0]) - _CRIMEA).max() < 1:
            drawn["RUS"].remove(ring)
            drawn["UKR"].append(ring)
            return
    raise ValueError("no ring at Crimea: look at the map and at `_CRIMEA`")


def _merged(rings: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Rings without the arcs that two of them share, joined to new rings."""
    arcs = [arc for ring in rings for arc in ring]
    if not any(~arc in arcs for arc in arcs):
        yield from map(list, rings)
        return
    follows = {arc: after for ring in rings for arc, after in zip(ring, [*ring[1:], ring[0]], strict=True)}
    kept = [arc for arc in arcs if ~arc not in arcs]
    while kept:
        ring, arc = [], kept[0]
        while arc in kept:
            kept.remove(arc)
            ring.append(arc)
            arc = follows[arc]
            while ~arc in follows:  # shared: go on along the neighbour
                arc = follows[~arc]
        yield ring


def _degrees(topology: Topology, rings: Iterable[Iterable[int]]) -> list[Ring]:
    return [part for ring in rings for part in topology.degrees(ring)]


def _east_of(ring: Ring, longitude: float) -> Ring:
    """The part of a ring that lies east of a meridian, cut off along it (Sutherland and Hodgman)."""
    kept = []
    for here, there in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if here[0] >= longitude:
            kept.append(here)
        if (here[0] >= longitude) != (there[0] >= longitude):
            kept.append(here + (there - here) * (longitude - here[0]) / (there[0] - here[0]))
    return np.array(kept).reshape(-1, 2)


def _area(ring: Ring) -> float:
    x, y = ring.T
    return float(np.abs(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _mean(ring: Ring) -> Ring:
    """Centre of gravity of a ring, degrees."""
    x, y = (ring - ring[0]).T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    if not cross.sum():
        return np.asarray(ring.mean(axis=0))
    sums = np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()])
    return np.asarray(ring[0] + sums / (3 * cross.sum()))


def _centre(rings: Sequence[Ring]) -> Ring:
    """Centre of the largest ring of a country."""
    return _mean(max(rings, key=_area))


def _path(points: NDArray[Any]) -> str:
    """A ring as an SVG path of whole steps; a point that the grid merges with the one before is left out."""
    steps = np.diff(points, axis=0)
    steps = steps[np.abs(steps).sum(axis=1) > 0][:-1]
    if len(steps) < 2:
        return ""
    x, y = points[0]
    text = " ".join(f"{dx} {dy}" for dx, dy in steps.tolist())
    return f"M{x} {y}l{text.replace(' -', '-')}z"


if __name__ == "__main__":
    make_map(*map(Path, sys.argv[1:3]))
