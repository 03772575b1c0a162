"""The parts of a picture, before anything has a place: boxes with their words and sizes, and arrows between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    """Anything that takes room."""

    id: str
    width: float
    height: float
    lines: tuple[str, ...] = ()
    title: str = ""
    cluster: str = ""
    """The notebook it stands in; ``""`` outside of all."""


@dataclass(frozen=True, slots=True)
class Card(Box):
    """A step. Its lines: the name, then a note where it has a state."""

    step: str = ""
    """Full name."""
    state: str = ""
    label: str = ""
    """For those who hear the picture: name and state."""
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Flow(Box):
    """What one step hands to others, written once, on the way to them."""

    source: str = ""


@dataclass(frozen=True, slots=True)
class Chip(Box):
    """Files that come from outside, or outputs that no step takes."""

    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Way(Box):
    """Room for a line that goes on to a lower rank: a place, not a thing."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, by way of others. What several arrows share is drawn once, with the first of them."""

    stops: tuple[str, ...]
    """Ids of boxes, each one rank further than the one before it."""
    title: str
    kind: str = "flow"
    """``flow``, ``after`` (an order without data) or ``data`` (to or from a chip)."""

    @property
    def source(self) -> str:
        return self.stops[0]

    @property
    def target(self) -> str:
        return self.stops[-1]


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to be placed and drawn."""

    title: str
    across: bool
    """Whether it runs from left to right, not from top to bottom."""
    cards: tuple[Card, ...] = ()
    flows: tuple[Flow, ...] = ()
    chips: tuple[Chip, ...] = ()
    ways: tuple[Way, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    notebooks: Mapping[str, str] = field(default_factory=dict)
    """Cluster id → the notebook's path; empty where there is one notebook."""

    def boxes(self) -> Iterator[Box]:
        yield from self.cards
        yield from self.flows
        yield from self.chips
        yield from self.ways
