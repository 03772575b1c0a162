"""The lines between the boxes of a picture that has its places: numbers in, SVG paths out.

A line leaves its box upright, swings over to the next rank, and passes that rank upright too; it ends on the box where
it need not turn. Lines that meet on one card keep apart from each other there. Everything is reckoned as if the picture
ran down; where it runs across, the numbers are turned at the very end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from nbflow.render.dag.boxes import Scene
from nbflow.render.dag.places import Layout, Place
from nbflow.render.dag.ranks import Rank, ranks_of, turned, with_room

HEAD = 7.0
"""Length of an arrow's head in pixels."""
APART = 15.0
"""Pixels between the ends of two lines on one card."""
REACH = 0.32
"""How far from the middle of a card's side lines may end, as a part of its length."""
NEARLY = 12.0
"""Pixels further that a line may end where it need not swing then."""
SWING = 0.58
"""How far along a swing its handles reach."""

Link = tuple[str, str]
Point = tuple[float, float]


class Line(NamedTuple):
    """What is drawn of an arrow: that which no arrow before it has drawn."""

    path: str
    head: str


@dataclass(frozen=True, slots=True)
class Routed:
    """A picture with its lines."""

    layout: Layout
    """With the room that they need."""
    lines: Sequence[Line]
    """Of the scene's arrows, in order."""
    uprights: Sequence[tuple[float, float, float]]
    """Where lines enter a rank upright: x, and y from and to. None where the picture runs across."""

    def crossing(self, place: Place) -> int:
        """How many of these a box would cover there."""
        x, y, wide, high = place
        return sum(x < at < x + wide and top < y + high and y < end for at, top, end in self.uprights)


def routed(scene: Scene, layout: Layout) -> Routed:
    """Finds the lines, and makes room for them."""
    down = turned(layout, scene)
    links = list(dict.fromkeys(link for arrow in scene.arrows for link in pairwise(arrow.stops)))
    cards = {card.id for card in scene.cards}
    leaves = _ends(down.boxes, links, cards, leaving=True)
    enters = _ends(down.boxes, links, cards, leaving=False)
    sideways: dict[str, float] = {}
    for link in links:
        sideways[link[0]] = max(abs(leaves[link] - enters[link]), sideways.get(link[0], 0.0))
    down = with_room(down, not scene.across, sideways)
    ranks = ranks_of(down, not scene.across)
    pen = _Pen(scene.across, down.boxes, ranks, {way.id for way in scene.ways})
    drawn: set[Link] = set()
    found = []
    for arrow in scene.arrows:
        new = [link for link in pairwise(arrow.stops) if link not in drawn]
        drawn.update(new)
        ends = [(*link, leaves[link], enters[link]) for link in new]
        x = enters[arrow.stops[-2], arrow.target]
        found.append(Line(pen.line(ends, arrow.target), pen.head(x, down.boxes[arrow.target].y)))
    uprights = [(enters[one], ranks[one[1]].start, down.boxes[one[1]].y) for one in links]
    return Routed(turned(down, scene), found, [] if scene.across else uprights)


# --- where lines end -----------------------------------------------------------------------------------


def _ends(boxes: Mapping[str, Place], links: Sequence[Link], cards: set[str], *, leaving: bool) -> dict[Link, float]:
    """Where along its box's side each line leaves it, or enters it: in the middle of small boxes; on a card as near as
    may be to where it comes from or goes to."""
    here, there = (0, 1) if leaving else (1, 0)
    sides: dict[str, list[Link]] = {}
    for link in links:
        sides.setdefault(link[here], []).append(link)
    ends: dict[Link, float] = {}
    for id_, mine in sides.items():
        middle, reach = _middle(boxes[id_]), boxes[id_].width * REACH
        if id_ not in cards:
            ends |= dict.fromkeys(mine, middle)
            continue
        mine.sort(key=lambda link: _middle(boxes[link[there]]))
        wanted = [_towards(_middle(boxes[link[there]]), middle, reach) for link in mine]
        ends |= zip(mine, spread(wanted, min(APART, reach / max(1, len(mine) - 1))), strict=True)
    return ends


def _middle(place: Place) -> float:
    return place.x + place.width / 2


def _towards(wanted: float, middle: float, reach: float) -> float:
    if abs(wanted - middle) <= reach + NEARLY:
        return wanted
    return middle + reach if wanted > middle else middle - reach


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Rising numbers, near the wanted (rising) ones, at least a gap from each other."""
    up: list[float] = []
    for number in wanted:
        up.append(max(number, up[-1] + gap) if up else number)
    down: list[float] = []
    for number in reversed(wanted):
        down.append(min(number, down[-1] - gap) if down else number)
    return [(a + b) / 2 for a, b in zip(up, reversed(down), strict=True)]


# --- drawing -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pen:
    across: bool
    boxes: Mapping[str, Place]
    ranks: Mapping[str, Rank]
    ways: set[str]

    def line(self, links: Sequence[tuple[str, str, float, float]], target: str) -> str:
        """One line through these links: (box, next box, where it leaves, where it enters)."""
        parts = []
        at: Point | None = None
        for first, second, x0, x1 in links:
            short = HEAD if second == target else 0.0
            start, end = self._edge(first, lower=True), self._edge(second, lower=False) - short
            top, bottom = self.ranks[first].end, self.ranks[second].start - short
            if bottom - top < HEAD:  # a circle goes up again, and there may be a layout without ranks
                top, bottom = start, end
            if at != (x0, start):
                parts.append(self._to("M", (x0, start)))
            parts += self._strokes((x0, start), (x0, top), (x1, bottom), (x1, end))
            at = (x1, end)
        return "".join(parts)

    def head(self, x: float, tip: float) -> str:
        """A slim triangle from the end of a line to its tip."""
        half = HEAD * 0.45
        return self._to("M", (x - half, tip - HEAD)) + self._to("L", (x, tip), (x + half, tip - HEAD)) + "Z"

    def _edge(self, box: str, *, lower: bool) -> float:
        place = self.boxes[box]
        part = 0.5 if box in self.ways else 1.0 if lower else 0.0
        return place.y + place.height * part

    def _strokes(self, start: Point, top: Point, bottom: Point, end: Point) -> Iterator[str]:
        """Straight from the first to the second, a swing to the third, straight to the last."""
        if abs(top[0] - bottom[0]) < 0.5 and end[1] >= start[1]:
            yield self._to("L", end)
            return
        if top != start:
            yield self._to("L", top)
        bend = (bottom[1] - top[1]) * SWING if bottom[1] > top[1] else 2 * HEAD
        yield self._to("C", (top[0], top[1] + bend), (bottom[0], bottom[1] - bend), bottom)
        if end != bottom:
            yield self._to("L", end)

    def _to(self, letter: str, *points: Point) -> str:
        turned = [(y, x) for x, y in points] if self.across else points
        return letter + " ".join(f"{tenths(x)} {tenths(y)}" for x, y in turned)


def tenths(number: float) -> str:
    """A length with a tenth of a pixel, without what says nothing."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
