"""``nbflow.open`` and what its pipeline answers and does, with steps that run without Jupyter."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow.api import Observer, Run
from nbflow.driver import Canceller
from nbflow.errors import InvalidPipeline, NbflowError, RunCancelled, RunFailed
from tests.commands import steady
from tests.flows import Flow, new_flow
from tests.plain_executor import PlainExecutor

CELLS = {
    "parameters": "size = 3",
    "load": "%%step load -o raw\nraw = list(range(size))",
    "clean": "%%step clean -i raw -o table total\ntable = {n: 10 * n for n in raw}\ntotal = sum(table)",
    "check": "%%step check -i total\nassert total < 3, 'too much'",
    "report": "%%step report -i table --after check\nprint(table)",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flow, nbflow.Pipeline, Run]]:
    """A project whose notebook has run, opened in its folder."""
    root = tmp_path_factory.mktemp("project")
    flow = new_flow(root, CELLS)
    with chdir(root):
        pipeline = nbflow.open("flow.ipynb")
        yield flow, pipeline, pipeline.run(executor=PlainExecutor())


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flow:
    monkeypatch.chdir(tmp_path)
    return new_flow(tmp_path, CELLS)


# --- what it is ----------------------------------------------------------------------------------------


def test_a_pipeline_is_opened_from_a_notebook_several_or_a_folder(flow: Flow) -> None:
    flow.write("pyproject.toml", '[tool.nbflow]\nnotebooks = ["flow.ipynb"]\n')
    opened = [
        nbflow.open("flow.ipynb"),
        nbflow.open(flow.root / "flow.ipynb"),
        nbflow.open(["flow.ipynb"]),
        nbflow.open(flow.root),
        nbflow.open(),
    ]
    assert [p.steps for p in opened] == [("load", "clean", "check", "report")] * 5
    names = ["flow.ipynb", "flow.ipynb", "flow.ipynb", ".", str(flow.root)]
    assert [repr(p) for p in opened] == [f"<Pipeline {name}>" for name in names]


def test_a_pipeline_prints_as_its_graph_and_gives_other_forms(flow: Flow) -> None:
    pipeline = nbflow.open("flow.ipynb")
    assert str(pipeline) == (
        "load             · → raw\n"
        "└─ clean         raw → table, total\n"
        "   └─ check      total → ·\n"
        "      └─ report  table → ·   (also needs clean)"
    )
    assert pipeline.graph("mermaid").startswith("flowchart TD\n")
    assert pipeline.graph("svg").startswith("<svg")


def test_a_pipeline_is_never_out_of_date(flow: Flow) -> None:
    pipeline = nbflow.open("flow.ipynb")
    flow.drop("report")
    assert pipeline.steps == ("load", "clean", "check")


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no such file": (
        lambda: nbflow.open("flwo.ipynb"),
        "NotebookError: {root}/flwo.ipynb does not exist. Did you mean 'flow.ipynb'?",
    ),
    "no steps": (
        lambda: nbflow.open("plain.ipynb"),
        (
            "NoSteps: There are no steps in {root}/plain.ipynb.\n"
            "Begin a cell with a line such as: %%step clean -i raw -o table"
        ),
    ),
    "no such form": (
        lambda: nbflow.open("flow.ipynb").graph("png"),  # type: ignore[arg-type]
        "UsageError: There is no form 'png'.\nForms: text, svg, dot, mermaid.",
    ),
    "no such step": (
        lambda: nbflow.open("flow.ipynb").why("cleen"),
        "UsageError: There is no step 'cleen'. Did you mean 'clean'?\nKnown steps: load, clean, check, report.",
    ),
    "no such parameter": (
        lambda: nbflow.open("flow.ipynb").plan(parameters={"sise": 1}),
        "UsageError: No notebook of this pipeline has a parameter 'sise'. Did you mean 'size'?\nParameters: size.",
    ),
    "no such value": (
        lambda: nbflow.open("flow.ipynb").run(parameters={"size": Path("x")}),
        (
            "UsageError: The parameter 'size' is a PosixPath, which a notebook parameter cannot be.\n"
            "Parameters are texts, numbers, True, False, None, lists and dicts."
        ),
    ),
    "a step that is needed and stale": (
        lambda: nbflow.open("flow.ipynb").plan("clean"),
        (
            "UsageError: Step 'clean' needs 'load', which has no fresh result and is not selected.\n"
            "Select what it needs as well: -s +clean"
        ),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_what_to_do(flow: Flow, what: str) -> None:
    new_flow(flow.root, CELLS)
    flow.write("plain.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    action, message = WRONG[what]
    with pytest.raises(NbflowError) as caught:
        action()
    assert f"{type(caught.value).__name__}: {caught.value}" == message.replace("{root}", str(flow.root))


# --- what can be asked ---------------------------------------------------------------------------------


def test_a_plan_says_what_would_run_and_why(flow: Flow) -> None:
    made = nbflow.open("flow.ipynb").plan("+clean")
    assert repr(made) == "<Plan: 2 steps to run, 0 to reuse>"
    assert str(made) == (
        "   step   action  why\n"
        "▶  load   run     no result yet\n"
        "▶  clean  run     no result yet\n"
        "\n"
        "2 steps to run, 0 to reuse."
    )
    assert made.stale == ("load", "clean")
    assert [(s.id, s.action, s.certain, s.why) for s in made.steps.values()] == [
        ("flow.load", "run", True, "no result yet"),
        ("flow.clean", "run", True, "no result yet"),
    ]


def test_answers_about_a_pipeline_that_has_run(done: tuple[Flow, nbflow.Pipeline, Run]) -> None:
    flow, pipeline, run = done
    plan = pipeline.plan(parameters={"size": 4})
    assert {s.name: (s.action, s.certain, s.why) for s in plan.steps.values()} == {
        "load": ("run", True, "parameter size: 3 → 4"),
        "clean": ("run", False, "needs load, which will run"),
        "check": ("run", True, "no result yet"),
        "report": ("run", True, "no result yet"),
    }
    why = pipeline.why("clean")
    assert repr(why) == f"<Why clean: reuse: made by run {run.id}>"
    assert steady(str(why), flow.root) == (
        "clean is fresh: its stored result is reused.\nLast result: YYYY-MM-DD HH:MM UTC, run RUN, N.N s."
    )
    status = pipeline.status()
    assert repr(status) == "<Status: 2 fresh, 2 no result>"
    assert steady(str(status), flow.root).splitlines()[1].split() == [
        "✔", "load", "fresh", "YYYY-MM-DD", "HH:MM", "UTC", "N.N", "s",
    ]  # fmt: skip
    last = status.steps["load"].last
    assert last is not None
    assert (last.run, status.steps["report"].last) == (run.id, None)


def test_the_check_is_a_list_of_findings(flow: Flow) -> None:
    pipeline = nbflow.open("flow.ipynb")
    assert (repr(pipeline.check()), str(pipeline.check()), pipeline.check().ok) == (
        "<Findings: no findings>", "4 steps checked: no findings.", True,
    )  # fmt: skip
    flow.replace("clean", " -i raw", "")
    found = pipeline.check()
    assert (repr(found), found.ok, len(found), found[0].code) == ("<Findings: 1 error>", False, 1, "undeclared-input")
    assert str(found) == (
        "error[undeclared-input] This step reads 'raw', which step 'load' makes (cell 2).\n"
        "  at   flow.ipynb, cell 3, step clean: %%step clean -o table total\n"
        "  fix  Add '-i raw' to the %%step line of 'clean'.\n"
        "\n"
        "4 steps checked: 1 error."
    )


# --- what it does --------------------------------------------------------------------------------------


def test_a_run_that_failed_tells_and_raises_nothing(done: tuple[Flow, nbflow.Pipeline, Run]) -> None:
    flow, _, run = done
    assert (run.ok, run.status, [s.name for s in run.failed]) == (False, "failed", ["check"])
    assert {s.name: (s.state, s.reason, s.attempts) for s in run.steps.values()} == {
        "load": ("succeeded", "first run", 1),
        "clean": ("succeeded", "first run", 1),
        "check": ("failed", "AssertionError: too much", 1),
        "report": ("skipped", "needs check, which failed", 0),
    }
    failure = run.steps["check"].failure
    assert failure is not None
    assert (failure.error, failure.cell, failure.crashed) == ("AssertionError: too much", 4, False)
    assert run.steps["check"].executed == run.folder / "steps" / "check.ipynb"
    assert run.notebooks == {"flow.ipynb": run.folder / "flow.ipynb"}
    assert steady(repr(run), flow.root) == (
        "<Run RUN failed in N.N s: 2 succeeded, 1 failed, 1 skipped; ROOT/nbflow_runs/RUN>"
    )


def test_a_run_prints_as_the_command_line_shows_it(done: tuple[Flow, nbflow.Pipeline, Run]) -> None:
    flow, _, run = done
    blocks = steady(str(run), flow.root).split("\n\n")
    assert blocks[0] == (
        "   step    state       time  why\n"
        "✔  load    succeeded  N.N s  first run\n"
        "✔  clean   succeeded  N.N s  first run\n"
        "✘  check   failed     N.N s  AssertionError: too much\n"
        "–  report  skipped           needs check, which failed"
    )
    assert blocks[1].splitlines()[0] == "✘ check failed in cell 4: AssertionError: too much"
    assert blocks[1].splitlines()[-1] == "  Its executed notebook: nbflow_runs/RUN/steps/check.ipynb"
    assert blocks[2] == (
        "✘ Run RUN failed in N.N s: 2 succeeded, 1 failed, 1 skipped.\n"
        "  Executed notebook: nbflow_runs/RUN/flow.ipynb\n"
        "  Report: nbflow_runs/RUN/report.html\n"
        "  To resume: nbflow.open('ROOT/flow.ipynb').run()  (what succeeded is reused)"
    )


def test_a_failed_step_raises_where_that_is_asked_for(flow: Flow) -> None:
    with pytest.raises(RunFailed) as caught:
        nbflow.open("flow.ipynb").run("+check", parameters={"size": 4}, check=True, executor=PlainExecutor())
    assert steady(str(caught.value), flow.root) == (
        "Step 'check' failed: AssertionError: too much\nIts executed notebooks: ROOT/nbflow_runs/RUN"
    )
    run = caught.value.run
    assert run.resume == f"nbflow.open('{flow.root}/flow.ipynb').run(select=['+check'], parameters={{'size': 4}})"


def test_a_run_takes_parameters_and_selectors_and_the_given_environment(flow: Flow) -> None:
    flow.replace(
        "load", "raw = list(range(size))", "import os\nraw = [size, os.environ.get('FLAG'), os.environ.get('HERE')]"
    )
    os.environ["HERE"] = "in this process"
    try:
        pipeline = nbflow.open("flow.ipynb", environ={"PATH": os.environ["PATH"], "FLAG": "up"})
        run = pipeline.run("load", parameters={"size": 2}, executor=PlainExecutor())
    finally:
        del os.environ["HERE"]
    assert (list(run.steps), run.load("raw")) == (["load"], [2, "up", None])


def test_nothing_runs_where_the_check_finds_errors(flow: Flow) -> None:
    flow.replace("clean", " -i raw", "")
    executor = PlainExecutor()
    with pytest.raises(InvalidPipeline) as caught:
        nbflow.open("flow.ipynb").run(executor=executor)
    assert caught.value.message == "The check found 1 error, so nothing was run."
    assert (executor.ran, flow.file("nbflow_runs").exists()) == ([], False)


def test_nothing_selected_is_nothing_to_do(done: tuple[Flow, nbflow.Pipeline, Run]) -> None:
    _, pipeline, _ = done
    run = pipeline.run("load", exclude="load", executor=PlainExecutor())
    assert (run.ok, str(run), str(pipeline.plan("load", exclude=["load"]))) == (
        True, "Nothing is selected, so there was nothing to do.", "Nothing is selected.",
    )  # fmt: skip


# --- what it made --------------------------------------------------------------------------------------


def test_a_run_hands_out_what_it_made_or_reused(done: tuple[Flow, nbflow.Pipeline, Run]) -> None:
    _, pipeline, run = done
    again = pipeline.run("load", executor=PlainExecutor())
    assert (again.steps["load"].state, again.load("raw")) == ("reused", [0, 1, 2])
    assert (run.load("table"), run.load("total", "clean")) == ({0: 0, 1: 10, 2: 20}, 3)


NOT_THERE = {
    ("tabel", None): "'tabel' is not here: no step of this run made a variable of that name. Did you mean 'table'?",
    ("raw", "clean"): "'raw' is not here: the step 'clean' has not made a variable of that name.",
    ("raw", "laod"): "There is no step 'laod' in this run. Did you mean 'load'?",
}


@pytest.mark.parametrize(("name", "step"), NOT_THERE)
def test_what_was_not_made_is_said_so(done: tuple[Flow, nbflow.Pipeline, Run], name: str, step: str | None) -> None:
    with pytest.raises(NbflowError) as caught:
        done[2].load(name, step)
    assert caught.value.message == NOT_THERE[name, step]


def test_of_a_chain_the_last_step_counts_and_a_class_has_to_be_here(flow: Flow) -> None:
    flow.drop("check")
    flow.replace("report", " --after check", "")
    flow.add("pair", "class Pair:\n    pass", "load")
    flow.add("more", "%%step more -i table -o table pair\ntable = {**table, 3: 30}\npair = Pair()", "report")
    run = nbflow.open("flow.ipynb").run(executor=PlainExecutor())
    assert (len(run.load("table")), len(run.load("table", "clean"))) == (4, 3)
    with pytest.raises(NbflowError) as caught:
        run.load("pair")
    assert str(caught.value) == (
        "'pair' is of a class that the notebook defines: Pair.\n"
        "Define it here first, or move it to a module that both import."
    )


# --- stopping it ---------------------------------------------------------------------------------------

SLEEPER = {"wait": "%%step wait -o x\nimport time\ntime.sleep(60)\nx = 1"}


class Watch(Observer):
    """Does something once a step runs."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then = then
        self.told: list[str] = []

    def begin(self, *_: Any) -> None:
        self.told.append("begin")

    def show(self, event: Any, _run: Any, /) -> None:
        self.told.append(type(event).__name__)
        if self.told[-1] == "StepStarted":
            self.then()

    def idle(self) -> None: ...


def test_ctrl_c_cancels_the_run_and_then_raises(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, SLEEPER)
    watch = Watch(lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(RunCancelled) as caught:
        nbflow.open(flow.file("flow.ipynb")).run(observer=watch, executor=PlainExecutor())
    run = caught.value.run
    assert (run.status, run.steps["wait"].state, str(caught.value)) == (
        "cancelled", "cancelled", f"run {run.id} was cancelled; what had succeeded is kept",
    )  # fmt: skip
    assert watch.told == ["begin", "RunStarted", "StepStarted", "CancelRequested", "StepCancelled", "RunFinished"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_is_cancelled_from_another_thread(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, SLEEPER)
    cancel = Canceller()
    watch = Watch(lambda: threading.Thread(target=cancel.request).start())
    run = nbflow.open(flow.file("flow.ipynb")).run(observer=watch, cancel=cancel, executor=PlainExecutor())
    assert (run.status, run.ok) == ("cancelled", False)
