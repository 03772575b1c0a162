"""Finds places for the boxes of a scene. Read ``lines`` for the ways between them.

Nothing that a person wrote is in the DOT, only sizes and ids of ours. Each arrow is handed over rank by rank, so
Graphviz decides what stands beside what and how far apart; the lines are our own.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.errors import MissingLayoutEngine
from nbflow.render.dag.boxes import Box, Scene
from nbflow.render.dag.engines import ADVICE, Engine
from nbflow.render.dag.letters import width

if TYPE_CHECKING:
    import graphviz

TITLE = 11.0
"""Type size of a notebook's path above its steps, in pixels."""
RANK_GAP = 0.31
"""Inches between two ranks at least."""

STRAIGHT, NEAR, FAR = "8", "4", "1"
"""How much Graphviz cares that a line is straight: one that goes on past ranks; one that leads to the very next step;
one that leaves for further down. So the main line of a pipeline stands upright, and the others make room."""


class Place(NamedTuple):
    """A rectangle; ``x`` and ``y`` of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner."""

    width: float
    height: float
    boxes: Mapping[str, Place]
    clusters: Mapping[str, Place]


def lay_out(scene: Scene, among: Iterable[Engine]) -> Layout:
    """Places for a scene, by the first engine that works. Raises ``MissingLayoutEngine``."""
    source = dot(scene).source
    failed = []
    for engine in among:
        try:
            return _read(scene, json.loads(engine.lay_out(source)))
        except Exception as error:  # whatever it was, the next one may do better
            failed.append(f"{engine.name}: {_short(error)}")
    message = "There is no engine here that could lay out the picture."
    if failed:
        message = "No engine could lay out the picture. " + "; ".join(failed) + "."
    raise MissingLayoutEngine(message, ADVICE)


def _short(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) and error.stderr else error
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return " ".join(text.split())[:200] or type(error).__name__


# --- DOT -----------------------------------------------------------------------------------------------


def dot(scene: Scene) -> graphviz.Digraph:
    """The scene for Graphviz. Lengths in it are inches of 72 pixels, as it has them."""
    import graphviz

    graph = graphviz.Digraph("pipeline")
    graph.attr("graph", rankdir="LR" if scene.across else "TB", ranksep=str(RANK_GAP), nodesep="0.3", splines="none")
    graph.attr("graph", newrank="true")
    graph.attr("node", shape="box", fixedsize="true", label="")
    inside: dict[str, list[Box]] = {}
    for box in scene.boxes():
        inside.setdefault(box.cluster, []).append(box)
    for box in inside.get("", ()):
        _add(graph, box)
    for cluster, path in scene.notebooks.items():
        with graph.subgraph(name=f"cluster_{cluster}") as part:
            letters = max(1, round(width(path, TITLE) / (TITLE * 0.6)))
            part.attr(label="x" * min(letters, 40), labeljust="l", fontname="Courier", fontsize="15", margin="14")
            for box in inside.get(cluster, ()):
                _add(part, box)
    for (first, second), weight in _links(scene).items():
        graph.edge(first, second, weight=weight)
    return graph


def _add(graph: graphviz.Digraph, box: Box) -> None:
    graph.node(box.id, width=f"{box.width / 72:.4f}", height=f"{box.height / 72:.4f}")


def _links(scene: Scene) -> dict[tuple[str, str], str]:
    """Each pair of boxes with a line from one to the next → how straight it should be."""
    ways = {way.id for way in scene.ways}
    links: dict[tuple[str, str], str] = {}
    for arrow in scene.arrows:
        near = STRAIGHT if ways.isdisjoint(arrow.stops) else FAR
        for first, second in pairwise(arrow.stops):
            if first in ways and second in ways:
                weight = STRAIGHT
            elif first in ways or second in ways or near == FAR:
                weight = FAR
            else:
                weight = NEAR if second == arrow.target else STRAIGHT
            links[first, second] = max(weight, links.get((first, second), weight))
    return links


# --- what comes back -----------------------------------------------------------------------------------


def _read(scene: Scene, found: Mapping[str, Any]) -> Layout:
    left, bottom, right, top = _numbers(found["bb"])
    boxes: dict[str, Place] = {}
    clusters: dict[str, Place] = {}
    sizes = {box.id: box for box in scene.boxes()}
    for thing in found.get("objects", ()):
        name = thing["name"]
        if name in sizes:
            x, y = _numbers(thing["pos"])
            size = sizes[name]
            boxes[name] = Place(x - left - size.width / 2, top - y - size.height / 2, size.width, size.height)
        elif "bb" in thing:
            x0, y0, x1, y1 = _numbers(thing["bb"])
            clusters[name.removeprefix("cluster_")] = Place(x0 - left, top - y1, x1 - x0, y1 - y0)
    missing = [id_ for id_ in sizes if id_ not in boxes]
    if missing:
        raise ValueError(f"no place for {missing[0]}")
    return Layout(right - left, top - bottom, boxes, clusters)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]
