"""What a notebook shows of an answer: the picture, then a table with words, each also as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

import nbflow
from nbflow.api import Run
from nbflow.api.shown import Bundle
from nbflow.render.dag import ADVICE, engines
from tests.flows import Flow, new_flow
from tests.plain_executor import PlainExecutor

CELLS = {
    "parameters": "size = 3",
    "load": "%%step load -o raw\nraw = list(range(size))",
    "bad": "%%step bad -i raw -o x\nx = '<b>&' + raw",
    "below": "%%step below -i x\nprint(x)",
}


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Flow:
    return new_flow(tmp_path_factory.mktemp("project"), CELLS)


@pytest.fixture(scope="module")
def pipeline(flow: Flow) -> nbflow.Pipeline:
    return nbflow.open(flow.file("flow.ipynb"))


@pytest.fixture(scope="module")
def run(pipeline: nbflow.Pipeline) -> Run:
    return pipeline.run(executor=PlainExecutor())


def states(bundle: Bundle) -> list[tuple[str, str]]:
    """Class and label of each step in a picture."""
    found = []
    for element in ElementTree.fromstring(bundle["image/svg+xml"]).iter():
        kinds = element.get("class", "").split()
        if kinds[:1] == ["nbf-step"]:
            found.append((" ".join(kinds[1:]), element.get("aria-label", "")))
    return found


def cells(bundle: Bundle) -> list[list[str]]:
    """The rows of a table, without its head."""
    tree = ElementTree.fromstring(bundle["text/html"])
    return [[cell.text or "" for cell in row] for row in tree.iter("tr")][1:]


def test_a_pipeline_is_a_picture_and_its_text(pipeline: nbflow.Pipeline) -> None:
    (bundle,) = pipeline.bundles()
    assert list(bundle) == ["image/svg+xml", "text/plain"]
    assert bundle["text/plain"] == str(pipeline)
    assert [label for _, label in states(bundle)] == ["load", "bad", "below"]


def test_a_plan_is_a_picture_by_what_would_happen_and_a_table(pipeline: nbflow.Pipeline, run: Run) -> None:
    made = pipeline.plan(parameters={"size": 4})
    picture, table = made.bundles()
    assert states(picture) == [
        ("nbf-starting", "load: run · parameter size: 3 → 4"),
        ("nbf-starting", "bad: run · no result yet"),
        ("nbf-starting", "below: run · no result yet"),
    ]
    assert cells(table)[0] == ["▶", "load", "run", "parameter size: 3 → 4"]
    assert table["text/plain"] == str(made)
    assert states(pipeline.plan("load").bundles()[0]) == [("nbf-reused", "load: reuse"), ("", "bad"), ("", "below")]
    assert run.id


def test_a_step_that_may_run_looks_otherwise_than_one_that_will(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {"one": "%%step one -o x\nx = 1", "two": "%%step two -i x -o y\ny = x"})
    pipeline = nbflow.open(flow.file("flow.ipynb"))
    pipeline.run(executor=PlainExecutor())
    flow.replace("one", "x = 1", "x = 2")
    assert states(pipeline.plan().bundles()[0]) == [
        ("nbf-starting", "one: run · helper 'x' changed"),
        ("nbf-maybe-stale", "two: may run"),
    ]


def test_where_every_step_stands_is_a_picture_and_a_table(pipeline: nbflow.Pipeline, run: Run) -> None:
    picture, table = pipeline.status().bundles()
    assert states(picture) == [
        ("nbf-fresh", "load: fresh"),
        *[("nbf-no-result", f"{s}: no result") for s in ("bad", "below")],
    ]
    assert "TypeError" in table["text/plain"].partition("\n\n")[2]
    paragraphs = ["".join(p.itertext()) for p in ElementTree.fromstring(table["text/html"]).iter("p")]
    assert paragraphs[0].startswith("✘ bad failed ")
    assert paragraphs[0].endswith('in cell 3: TypeError: can only concatenate str (not "list") to str')
    assert [row[:3] for row in cells(table)] == [
        ["✔", "load", "fresh"], ["·", "bad", "no result"], ["·", "below", "no result"],
    ]  # fmt: skip
    assert run.id


def test_a_run_is_a_picture_of_its_end_a_table_and_what_went_wrong(run: Run) -> None:
    picture, table = run.bundles()
    assert [kind for kind, _ in states(picture)] == ["nbf-succeeded", "nbf-failed", "nbf-skipped"]
    assert re.fullmatch(r"load: succeeded · \d\.\d s", states(picture)[0][1])
    assert [row[1:3] for row in cells(table)] == [["load", "succeeded"], ["bad", "failed"], ["below", "skipped"]]
    assert table["text/plain"] == str(run)
    tree = ElementTree.fromstring(table["text/html"])
    paragraphs = ["".join(p.itertext()) for p in tree.iter("p")]
    (traceback,) = ["".join(p.itertext()) for p in tree.iter("pre")]
    assert paragraphs[0] == '✘ bad failed in cell 3: TypeError: can only concatenate str (not "list") to str'
    assert paragraphs[1].startswith("Its executed notebook: ")
    assert paragraphs[-1] == f"To resume: {run.resume}  (what succeeded is reused)"
    assert traceback.splitlines()[-1] == paragraphs[0].removeprefix("✘ bad failed in cell 3: ")


def test_nothing_of_the_users_becomes_markup(tmp_path: Path) -> None:
    hostile = {"bad": "%%step bad -o '<script>alert(1)</script>.txt'\nraise ValueError('<img src=x onerror=alert(1)>')"}
    flow = new_flow(tmp_path, hostile)
    run = nbflow.open(flow.file("flow.ipynb")).run(executor=PlainExecutor())
    for bundle in run.bundles():
        for mime in ("text/html", "image/svg+xml"):
            if mime in bundle:
                names = {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(bundle[mime]).iter()}
                assert not names & {"script", "img"}


def test_where_no_picture_can_be_drawn_the_text_gives_one_line_of_advice(
    pipeline: nbflow.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.render.dag.installed", lambda: iter([engines.Engine("broken", lambda _: b"")]))
    assert pipeline.bundles() == ({"text/plain": f"{pipeline}\n\n{ADVICE}"},)
    assert ADVICE == "For the picture: pip install graphviz-pure, or install Graphviz so that `dot` runs."


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What the shell of this process shows."""
    shell = InteractiveShell.instance()
    publisher = CapturingDisplayPublisher()
    monkeypatch.setattr(shell, "display_pub", publisher)
    yield publisher.outputs
    InteractiveShell.clear_instance()


def test_an_answer_at_the_end_of_a_cell_shows_its_parts(
    pipeline: nbflow.Pipeline, published: list[dict[str, object]]
) -> None:
    formatter = InteractiveShell.instance().display_formatter
    assert formatter is not None
    for answer in (pipeline, pipeline.plan(), pipeline.check(), pipeline.why("load")):
        formatter.format(answer)
    kinds = [list(output["data"]) for output in published]  # type: ignore[call-overload]
    assert kinds == [
        ["image/svg+xml", "text/plain"],
        ["image/svg+xml", "text/plain"], ["text/html", "text/plain"],
        ["text/plain"],
        ["text/plain"],
    ]  # fmt: skip
