"""The ranks of a picture that has its places, and more room between them where lines have far to go.

Everything is reckoned as if the picture ran down; ``turned`` makes it so where it runs across, and back again.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from nbflow.render.dag.boxes import Scene
from nbflow.render.dag.places import Layout, Place

SLOPE, LITTLE, ROOM = 0.22, 18.0, 50.0
"""Pixels between two ranks for each pixel that a line goes sideways there, at least and at most."""


@dataclass(frozen=True, slots=True)
class Rank:
    """What stands side by side, from its upper edge to its lower one."""

    start: float
    end: float


def turned(layout: Layout, scene: Scene) -> Layout:
    """The layout as if it ran down. Turned twice it is as before."""
    if not scene.across:
        return layout
    boxes, clusters = (
        {id_: Place(p.y, p.x, p.height, p.width) for id_, p in places.items()}
        for places in (layout.boxes, layout.clusters)
    )
    return Layout(layout.height, layout.width, boxes, clusters)


def ranks_of(layout: Layout, headed: bool) -> dict[str, Rank]:
    """Box → its rank. Boxes with the same middle stand on one.

    ``headed``: the title at the upper edge of a frame belongs to the rank below it, so that lines pass it upright.
    """
    together: dict[int, list[Place]] = {}
    for place in layout.boxes.values():
        together.setdefault(_middle(place), []).append(place)
    ranks: dict[int, Rank] = {}
    last = -math.inf
    for middle, here in sorted(together.items()):
        start, end = min(p.y for p in here), max(p.y + p.height for p in here)
        tops = [p.y for p in layout.clusters.values() if headed and last < p.y < start]
        ranks[middle] = Rank(min([start, *tops]), end)
        last = end
    return {id_: ranks[_middle(place)] for id_, place in layout.boxes.items()}


def _middle(place: Place) -> int:
    return round(place.y + place.height / 2)


def with_room(layout: Layout, headed: bool, sideways: Mapping[str, float]) -> Layout:
    """The layout (running down) with its ranks so far apart that no line between two of them lies flat.

    ``sideways``: box → how far the lines that leave it go sideways to the next rank, at most.
    """
    ranks = ranks_of(layout, headed)
    needs: dict[float, float] = {}
    for id_, distance in sideways.items():
        start = ranks[id_].end
        needed = min(max(distance * SLOPE, LITTLE), ROOM) if distance >= 1 else 0.0
        needs[start] = max(needed, needs.get(start, 0.0))
    edges = sorted({(r.start, r.end) for r in ranks.values()})
    old: list[float] = [0.0]
    new: list[float] = [0.0]
    for (_, end), (start, _) in pairwise(edges):
        if start > end:
            more = max(0.0, needs.get(end, 0.0) - (start - end))
            shift = new[-1] - old[-1]
            old += [end, start]
            new += [end + shift, start + shift + more]
    return _moved(layout, old, new)


def _moved(layout: Layout, old: list[float], new: list[float]) -> Layout:
    def moved(y: float) -> float:
        at = bisect_right(old, y) - 1
        if at + 1 == len(old) or at < 0:
            return y + new[max(at, 0)] - old[max(at, 0)]
        return new[at] + (y - old[at]) * (new[at + 1] - new[at]) / (old[at + 1] - old[at])

    boxes = {id_: p._replace(y=moved(p.y)) for id_, p in layout.boxes.items()}
    clusters = {
        id_: p._replace(y=moved(p.y), height=moved(p.y + p.height) - moved(p.y)) for id_, p in layout.clusters.items()
    }
    return replace(layout, height=moved(layout.height), boxes=boxes, clusters=clusters)
