"""The lines of the picture: where they run, what they keep clear of, and what makes room for them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence

import pytest

from nbflow.core.graph import Pipeline
from nbflow.render.dag import svg
from nbflow.render.dag.flows import levels_of
from nbflow.render.dag.lines import spread
from nbflow.render.dag.places import Layout, Place
from nbflow.render.dag.ranks import ROOM, Rank, ranks_of, with_room
from tests.fakes import notebook, pipeline

SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]


def flights() -> Pipeline:
    """Lines that skip levels, on both sides of the steps between."""
    return pipeline(
        (
            "%%step load -i data/raw.csv -o flights weather planes\nflights = weather = planes = 1",
            "%%step clean -i flights weather planes -o journeys\njourneys = 1",
            "%%step routes -i journeys -o routes\nroutes = 1",
            "%%step features -i journeys -o table\ntable = 1",
            "%%step split -i table journeys -o train test\ntrain = test = 1",
            "%%step linear -i train -o linear\nlinear = 1",
            "%%step forest -i train -o forest\nforest = 1",
            "%%step boosting -i train -o boosting\nboosting = 1",
            "%%step evaluate -i linear forest boosting test -o scores\nscores = 1",
            "%%step publish -i scores routes -o out/scores.csv --after load\n1",
        )
    )


def team() -> Pipeline:
    """Three notebooks, with lines past the one in the middle."""
    return pipeline(
        notebook(
            "%%step orders -i raw/orders.csv -o data/orders.csv\n1",
            "%%step prices -i raw/prices.json -o prices\nprices = 1",
            "%%step join -i data/orders.csv prices -o table\ntable = 1",
            path="ingest.ipynb",
        ),
        notebook(
            "%%step features -i table -o train test\ntrain = test = 1",
            "%%step tree -i train -o tree\ntree = 1",
            "%%step forest -i train -o forest\nforest = 1",
            "%%step evaluate -i tree forest test -o scores\nscores = 1",
            path="train.ipynb",
        ),
        notebook(
            "%%step plots -i scores table -o figures/\n1",
            "%%step page -i scores figures/ -o page.html\n1",
            "%%step notify --after page\n1",
            path="report.ipynb",
        ),
    )


def wide() -> Pipeline:
    """So many side by side that it runs across."""
    many = [f"%%step s{n} -i x -o y{n}\ny{n} = 1" for n in range(40)]
    taken = " ".join(f"y{n}" for n in range(40))
    return pipeline(("%%step first -o x\nx = 1", *many, f"%%step last -i {taken} x\n1"))


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+\.?\d*", text)]


def points(path: str) -> Iterator[Point]:
    """Points on a path of straight lines and curves, close to each other."""
    at: Point = (0, 0)
    for letter, rest in re.findall(r"([MLC])([^MLC]*)", path):
        given = numbers(rest)
        to = list(zip(given[::2], given[1::2], strict=True))
        a, b, c, d = (at, *to) if letter == "C" else (at, at, to[-1], to[-1])
        for n in range(0 if letter != "M" else 60, 61):
            t, u = n / 60, 1 - n / 60
            w = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
            yield (
                w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
            )
        at = to[-1]


def card_places(root: ET.Element) -> dict[str, Rectangle]:
    found = {}
    for group in root.iter(f"{SVG}g"):
        if {"nbf-step", "nbf-data"} & set(group.get("class", "").split()):
            x, y = numbers(group.get("transform", ""))
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            found[group.get("id", "")] = (x, y, x + float(rect.get("width", "")), y + float(rect.get("height", "")))
    return found


def flow_places(root: ET.Element) -> Iterator[Rectangle]:
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        if group.get("class") == "nbf-flow" and rect is not None:
            x, y, wide, high = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
            yield x, y, x + wide, y + high


def inside(point: Point, box: Rectangle, margin: float) -> bool:
    x, y = point
    return box[0] + margin < x < box[2] - margin and box[1] + margin < y < box[3] - margin


@pytest.mark.parametrize("make", [flights, team, wide])
@pytest.mark.parametrize("stated", [True, False])
def test_no_line_runs_over_a_step_a_chip_or_words(make: Callable[[], Pipeline], stated: bool) -> None:
    made = make()
    root = ET.fromstring(svg(made, dict.fromkeys(made.steps, "succeeded") if stated else {}))
    cards, flows = card_places(root), list(flow_places(root))
    edges = [group for group in root.iter(f"{SVG}g") if "nbf-edge" in group.get("class", "").split()]
    lines = [part.get("d", "") for edge in edges for part in edge if part.get("class") == "nbf-line"]
    assert len(lines) >= len(made.edges) / 2
    for path in lines:
        for point in points(path):
            assert [id_ for id_, box in cards.items() if inside(point, box, 1.0)] == [], path
            assert [box for box in flows if inside(point, box, 2.0)] == [], path


@pytest.mark.parametrize("make", [flights, team, wide])
def test_every_arrow_ends_on_the_edge_of_its_box(make: Callable[[], Pipeline]) -> None:
    made = make()
    root = ET.fromstring(svg(made))
    cards = card_places(root)
    for edge in root.iter(f"{SVG}g"):
        if "nbf-edge" in edge.get("class", "").split():
            heads = [p.get("d", "") for p in edge if p.get("class") == "nbf-arrow"]
            x, y = numbers(heads[0])[2:4]
            left, top, right, bottom = cards[edge.get("data-to", "")]
            on_top = abs(y - top) < 0.2 and left < x < right
            at_left = abs(x - left) < 0.2 and top < y < bottom
            assert on_top or at_left


@pytest.mark.parametrize(
    ("wanted", "gap", "found"),
    [
        ([], 10, []),
        ([5], 10, [5]),
        ([0, 50, 100], 10, [0, 50, 100]),
        ([50, 50], 10, [45, 55]),
        ([50, 50, 50], 10, [40, 50, 60]),
        ([0, 50, 52], 10, [0, 46, 56]),
    ],
)
def test_ends_are_spread_as_little_as_need_be(wanted: list[float], gap: float, found: Sequence[float]) -> None:
    assert spread(wanted, gap) == found


def levels(*cells: str) -> dict[str, int]:
    return {name.removeprefix("nb."): level for name, level in levels_of(pipeline(cells)).items()}


def test_a_step_stands_below_all_that_it_needs() -> None:
    assert levels("%%step a -o x\nx = 1", "%%step b -i x -o y\ny = 1", "%%step c -i x y\n1") == {"a": 1, "b": 2, "c": 3}


def test_a_step_that_needs_nothing_stands_right_above_the_first_that_takes_from_it() -> None:
    found = levels(
        "%%step a -o x\nx = 1",
        "%%step b -i x -o y\ny = 1",
        "%%step late -o z\nz = 1",
        "%%step c -i y z\n1",
    )
    assert found == {"a": 1, "b": 2, "late": 2, "c": 3}


BOXES = {"a": Place(0, 0, 100, 40), "b": Place(0, 60, 100, 40), "c": Place(200, 70, 100, 20)}


def test_boxes_with_the_same_middle_are_one_rank_and_a_frames_title_belongs_to_it() -> None:
    layout = Layout(300, 100, BOXES, {"notebook_1": Place(0, 50, 300, 60)})
    assert ranks_of(layout, headed=False) == {"a": Rank(0, 40), "b": Rank(60, 100), "c": Rank(60, 100)}
    assert ranks_of(layout, headed=True) == {"a": Rank(0, 40), "b": Rank(50, 100), "c": Rank(50, 100)}


@pytest.mark.parametrize(("sideways", "more"), [(0, 0), (80, 0), (150, 13), (5000, ROOM - 20)])
def test_ranks_move_apart_where_lines_go_far_sideways(sideways: float, more: float) -> None:
    layout = Layout(300, 100, BOXES, {"notebook_1": Place(0, 55, 300, 45)})
    made = with_room(layout, headed=False, sideways={"a": sideways})
    assert made.boxes == {
        "a": BOXES["a"],
        "b": BOXES["b"]._replace(y=60 + more),
        "c": BOXES["c"]._replace(y=70 + more),
    }
    assert (made.height, made.clusters["notebook_1"].y + made.clusters["notebook_1"].height) == (100 + more, 100 + more)
