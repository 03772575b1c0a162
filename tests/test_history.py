"""Looking back: the runs there were, where the time of one went, and one step of it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.events import (
    Cause,
    Event,
    Outcome,
    RunFinished,
    RunStarted,
    StepFailed,
    StepReused,
    StepSkipped,
    StepSpec,
    StepStarted,
    StepSucceeded,
    Usage,
)
from nbflow.core.model import Artifact
from nbflow.store import Store
from tests.commands import Given, nbflow
from tests.past import AT, FIRST, SECOND, THIRD, tell
from tests.stores import record, tree, variable
from tests.unprivileged import closed, opened, run_command_unprivileged

STEPS = (
    StepSpec("n.load", short="load"),
    StepSpec("n.train", ("n.load",), short="train"),
    StepSpec("n.plot", ("n.load",), short="plot"),
)
COMMAND = "nbflow run n.ipynb -p alpha=2"
KEY, TRAINED = "ab12" * 16, "cd34" * 16
HELD = Usage(kernel=1.0, code=2.0, saving=1.0, memory=120_000_000, cpu=3.5)


def begun(at: float, *, reused: int = 0) -> RunStarted:
    return RunStarted(at=at, steps=STEPS, jobs=2, capacity=(("cpu", 2.0),), reused=reused, command=COMMAND)


def finished(at: float, status: str, **steps: str) -> RunFinished:
    outcomes = {f"n.{name}": Outcome(state) for name, state in steps.items()}  # type: ignore[arg-type]
    return RunFinished(at=at, status=status, steps=outcomes)  # type: ignore[arg-type]


GOOD: tuple[Event, ...] = (
    begun(AT),
    StepStarted("n.load", 1, at=AT, reason="first run"),
    StepSucceeded("n.load", 1, at=AT + 4, key=KEY, record="r-load", seconds=4.0, usage=HELD,
                  environment=(("Python", "3.11"), ("numpy", "2.1"))),
    StepStarted("n.train", 1, at=AT + 4, reason="first run"),
    StepStarted("n.plot", 1, at=AT + 4, reason="first run"),
    StepSucceeded("n.plot", 1, at=AT + 6, usage=Usage(code=2.0)),
    StepSucceeded("n.train", 1, at=AT + 8, key=TRAINED, record="r-train", usage=Usage(loading=0.5, code=3.5)),
    finished(AT + 8, "succeeded", load="succeeded", train="succeeded", plot="succeeded"),
)  # fmt: skip
BAD: tuple[Event, ...] = (
    replace(begun(AT + 100, reused=1), jobs=1, fail_fast=True),
    StepReused("n.load", at=AT + 100, reason=f"made by run {FIRST}", key=KEY, record="r-load"),
    StepStarted("n.train", 1, at=AT + 100, reason="code changed"),
    StepFailed("n.train", 1, at=AT + 120, error="ValueError: bad", traceback="Traceback\nValueError: bad\n", cell=4,
               usage=Usage(kernel=1.0, code=19.0)),
    StepSkipped("n.plot", at=AT + 120, because=Cause("n.train", "failed", fail_fast=True)),
    finished(AT + 120, "failed", load="reused", train="failed", plot="skipped"),
)  # fmt: skip
DEAD: tuple[Event, ...] = (
    begun(AT + 200, reused=1),
    StepReused("n.load", at=AT + 200, key=KEY, record="r-load"),
    StepStarted("n.train", 1, at=AT + 200),
    StepStarted("n.plot", 1, at=AT + 203),
)


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """Three runs: one that went well, one in which a step failed, and one that was killed."""
    tell(tmp_path, FIRST, *GOOD, parameters={"alpha": 2})
    tell(tmp_path, SECOND, *BAD)
    tell(tmp_path, THIRD, *DEAD)
    store = Store(tmp_path / ".nbflow" / "store")
    shown = {"cells": [{"outputs": [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n", "c"]}]}]}
    table = replace(variable(store, b"x" * 1234, "table"), type="DataFrame 10 × 2")
    loaded = record("r-load", table, executed=store.put(json.dumps(shown).encode()))
    store.commit(replace(loaded, step="n.load", run=FIRST))
    parts = {"inputs": {"table": f"pickle:{table.digest}", "data/raw.csv": "d" * 64}}
    report = Artifact("report.txt", "file", "e" * 64, "ref", 10)
    store.commit(replace(record("r-train", report, key=TRAINED), step="n.train", parts=parts))
    return tmp_path


def asked(root: Path, *words: str) -> Any:
    said = nbflow(root, *words, "--json")
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)


# --- all runs ------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_and_one_whose_process_is_gone_has_crashed(past: Path) -> None:
    table = """\
   run  status     started               time   steps                           command
✘  RUN  crashed    YYYY-MM-DD HH:MM UTC  N.N s  1 reused, 2 running             nbflow run n.ipynb -p alpha=2
✘  RUN  failed     YYYY-MM-DD HH:MM UTC   N.N s  1 reused, 1 failed, 1 skipped  nbflow run n.ipynb -p alpha=2
"""
    said = nbflow(past, "runs", "--limit", "2")
    assert (said.code, said.err) == (0, "")
    assert [line.split() for line in said.out.splitlines()] == [line.split() for line in table.splitlines()]


def test_the_json_of_runs(past: Path) -> None:
    found = asked(past, "runs")["runs"]
    assert [run["status"] for run in found] == ["crashed", "failed", "succeeded"]
    assert [run["seconds"] for run in found] == [3.0, 20.0, 8.0]
    assert found[-1] == {
        "id": "RUN", "status": "succeeded", "started": "2026-11-24T15:30:12.000Z",
        "finished": "2026-11-24T15:30:20.000Z", "seconds": 8.0, "steps": 3, "counts": {"succeeded": 3},
        "command": COMMAND, "sources": ["n.ipynb"], "parameters": {"alpha": 2}, "folder": "ROOT/nbflow_runs/RUN",
    }  # fmt: skip


def test_where_nothing_ran_there_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.nbflow]\n")
    assert nbflow(tmp_path, "runs") == (0, "There are no runs yet.\n", "")
    assert nbflow(tmp_path, "runs", "--json") == (0, '{\n  "runs": []\n}\n', "")
    assert nbflow(tmp_path, "show") == (2, "", "nbflow: There are no runs yet.\n  Make one: nbflow run\n")
    assert tree(tmp_path) == ["pyproject.toml"]


def test_a_run_that_died_before_its_first_fact_is_a_run_all_the_same(tmp_path: Path) -> None:
    tell(tmp_path, FIRST)
    assert [(run["status"], run["steps"], run["command"]) for run in asked(tmp_path, "runs")["runs"]] == [
        ("crashed", 0, "")
    ]
    assert nbflow(tmp_path, "show").out == "✘ Run RUN crashed after N.N s: no steps.\n"
    assert asked(tmp_path, "show")["time"] is None


def test_facts_that_only_a_newer_nbflow_knows_are_left_out(tmp_path: Path) -> None:
    from nbflow.journal import Journal

    tell(tmp_path, FIRST, *GOOD[:2])
    with Journal.open(tmp_path) as journal:
        journal.append(FIRST, [{"event": "StepDreamed", "time": "2026-11-24T15:30:13.000Z", "step": "n.load"}])
    assert asked(tmp_path, "runs")["runs"][0]["counts"] == {"running": 1, "waiting": 2}
    assert [step["state"] for step in asked(tmp_path, "show")["steps"]] == ["running", "waiting", "waiting"]


# --- one run -------------------------------------------------------------------------------------------


def test_a_run_and_where_its_time_went(past: Path) -> None:
    assert (
        nbflow(past, "show", FIRST).out
        == """\
✔ Run RUN succeeded in N.N s: 3 succeeded.
  nbflow run n.ipynb -p alpha=2

   step   state       time  kernel  loading   code  saving  memory    CPU   slack  why
✔  load   succeeded  N.N s   N.N s           N.N s   N.N s  120 MB  N.N s       ·  first run
✔  train  succeeded  N.N s            N.N s  N.N s                              ·  first run
✔  plot   succeeded  N.N s                   N.N s                         +N.N s  first run

The steps took 10 s together: code N.N s (75%), saving outputs N.N s (10%), kernels N.N s (10%), loading inputs N.N s \
(5%).
Longest chain: load → train, N.N s of the run's N.N s. However many steps run at a time, that chain takes so long.
With so many steps at a time it would have taken: 1: 10 s, 2: N.N s (as it was).
""".replace("10 s", "N.N s")
    )


def test_a_run_in_which_a_step_failed_says_how_to_see_it(past: Path) -> None:
    said = nbflow(past, "show", SECOND).out
    assert said.startswith("✘ Run RUN failed in N.N s: 1 reused, 1 failed, 1 skipped.\n")
    assert "train: nbflow show RUN/train\n" in said
    # Its own history does not count, and that of the first run does.
    assert "Slower than usual: train, N.N s, usually N.N s." in said


def test_steps_that_were_under_way_when_their_run_died_were_cut_short(past: Path) -> None:
    found = asked(past, "show", "last")
    assert (found["run"], found["status"], found["seconds"]) == ("RUN", "crashed", 3.0)
    assert [(step["name"], step["label"], step["reason"]) for step in found["steps"]] == [
        ("load", "reused", ""),
        ("train", "cut short", "the run ended while it ran"),
        ("plot", "cut short", "the run ended while it ran"),
    ]
    assert found["steps"][1]["time"]["seconds"] == 3.0


LINES = """\
The steps took N.N s together: code N.N s (75%), saving outputs N.N s (10%), kernels N.N s (10%), \
loading inputs N.N s (5%).
Longest chain: load → train, N.N s of the run's N.N s. However many steps run at a time, that chain takes so long.
With so many steps at a time it would have taken: 1: N.N s, 2: N.N s (as it was).""".splitlines()


def test_the_json_of_a_run(past: Path) -> None:
    found = asked(past, "show", FIRST)
    nothing = {"waiting": 0.0, "kernel": 0.0, "loading": 0.0, "code": 0.0, "saving": 0.0, "memory": 0, "cpu": 0.0}
    assert {name: found[name] for name in ("version", "command", "sources", "parameters", "time")} == {
        "version": 1,
        "command": COMMAND,
        "sources": ["n.ipynb"],
        "parameters": {"alpha": 2},
        "time": {
            "seconds": 8.0, "jobs": 2,
            "total": {"waiting": 0.0, "kernel": 1.0, "loading": 0.5, "code": 7.5, "saving": 1.0, "memory": 120_000_000,
                      "cpu": 3.5},
            "longest_chain": ["n.load", "n.train"], "longest_chain_seconds": 8.0,
            "with_places": {"1": 10.0, "2": 8.0}, "remark": None,
            "lines": LINES,
        },
    }  # fmt: skip
    assert found["steps"][2]["time"] == {
        "seconds": 2.0, **nothing, "code": 2.0, "slack": 2.0, "usual": None, "slower": False,
        "critical": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2027", "There is no run '2027'.\n  See which there are: nbflow runs"),
        ("lsat", "There is no run 'lsat'. Did you mean 'last'?\n  See which there are: nbflow runs"),
        ("20261124", "'20261124' is the beginning of several runs: RUN, RUN.\n  Give more of it."),
        ("last/trian", "Run RUN has no step 'trian'. Did you mean 'train'?\n  Steps: load, train, plot."),
    ],
)
def test_what_names_no_run_or_step_is_said_with_the_near_name(past: Path, name: str, said: str) -> None:
    assert nbflow(past, "show", name) == (2, "", f"nbflow: {said}\n")


@pytest.mark.parametrize("name", ["20261124-15", FIRST, f"{FIRST}/"])
def test_a_run_goes_by_its_id_or_the_beginning_of_it(past: Path, name: str) -> None:
    assert asked(past, "show", name)["started"] == "2026-11-24T15:30:12.000Z"


# --- one step ------------------------------------------------------------------------------------------


def test_a_step_that_succeeded(past: Path) -> None:
    executed = past / "nbflow_runs" / FIRST / "steps" / "train.ipynb"
    executed.parent.mkdir(parents=True)
    cells = [
        {"cell_type": "code", "source": "1", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": "a\nb\n"},
        ]},
        {"cell_type": "code", "source": "2", "outputs": [
            {"output_type": "execute_result", "data": {"text/plain": ["out\x1b[2J"]}},
            {"output_type": "error", "traceback": ["no"]},
        ]},
    ]  # fmt: skip
    executed.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert (
        nbflow(past, "show", f"{FIRST}/train", "--lines", "2").out
        == """\
✔ train succeeded in run RUN: first run

   attempt  ended      started                time  memory  error
✔        1  succeeded  YYYY-MM-DD HH:MM UTC  N.N s

It took N.N s (loading N.N s, code N.N s).

2 inputs:
  table         1.2 kB  DataFrame 10 × 2  from load
  data/raw.csv

1 output:
  report.txt  10 B

It printed last:
  b
  out

Its executed notebook: nbflow_runs/RUN/steps/train.ipynb
"""
    )


def test_a_reused_step_shows_what_was_made_and_printed_when_it_ran(past: Path) -> None:
    assert (
        nbflow(past, "show", f"{SECOND}/load", "--lines", "2").out
        == """\
↺ load reused in run RUN: made by run RUN

1 output:
  table  1.2 kB  DataFrame 10 × 2

It printed last:
  b
  c
"""
    )


def test_a_step_that_failed(past: Path) -> None:
    assert (
        nbflow(past, "show", f"{SECOND}/train").out
        == """\
✘ train failed in run RUN

   attempt  ended   started               time   memory  error
✘        1  failed  YYYY-MM-DD HH:MM UTC  N.N s          ValueError: bad

It took N.N s (kernel N.N s, code N.N s), usually N.N s.

Traceback
ValueError: bad
""".replace("time   memory", "time  memory").replace("N.N s          V", "N.N s          V")
    )


def test_the_json_of_a_step(past: Path) -> None:
    found = asked(past, "show", f"{FIRST}/load")
    usage = {"waiting": 0.0, "kernel": 1.0, "loading": 0.0, "code": 2.0, "saving": 1.0, "memory": 120_000_000,
             "cpu": 3.5}  # fmt: skip
    assert found == {
        "run": "RUN", "id": "n.load", "name": "load", "state": "succeeded", "label": "succeeded", "reason": "first run",
        "attempts": [{
            "number": 1, "started": "2026-11-24T15:30:12.000Z", "ended": "2026-11-24T15:30:16.000Z",
            "ending": "succeeded", "error": "", "traceback": "", "cell": None, "usage": usage,
            "environment": {"Python": "3.11", "numpy": "2.1"},
        }],
        "started": "2026-11-24T15:30:12.000Z", "ended": "2026-11-24T15:30:16.000Z", "seconds": 4.0, "retry": None,
        "done": 0, "total": 0, "text": "", "error": "", "warnings": [], "needs": [],
        "notebook": "", "cells": [], "group": "",
        "actions": ["only"],
        "time": {"seconds": 4.0, **usage, "slack": 0.0, "usual": None, "slower": False, "critical": True},
        "inputs": [],
        "outputs": [{"name": "table", "kind": "variable", "type": "DataFrame 10 × 2", "format": "pickle", "size": 1234,
                     "step": ""}],
        "printed": ["a", "b", "c"], "executed": None, "key": KEY, "record": "r-load",
    }  # fmt: skip


def test_a_name_in_the_journal_does_not_lead_out_of_the_runs_folder(tmp_path: Path) -> None:
    secret = {"output_type": "stream", "name": "stdout", "text": "secret"}
    notebook = {"cells": [{"cell_type": "code", "source": "", "outputs": [secret]}], "metadata": {}, "nbformat": 4}
    (tmp_path / "secret.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "nbflow_runs" / FIRST / "steps").mkdir(parents=True)
    label = "../../../secret"
    tell(tmp_path, FIRST, RunStarted(at=AT, steps=(StepSpec("n.a", short=label),), jobs=1))
    found = asked(tmp_path, "show", "last/n.a")
    assert (found["name"], found["executed"], found["printed"]) == (label, None, [])


def test_a_real_run_can_be_looked_back_at(tmp_path: Path) -> None:
    Given(
        ("%%step load -o raw\nraw = [3, 1, 2]\nprint('loaded')", "%%step train -i raw -o model\nmodel = sum(raw)")
    ).write(tmp_path)
    assert nbflow(tmp_path, "run", "-j", "1").code == 0
    (run,) = asked(tmp_path, "runs")["runs"]
    assert (run["status"], run["counts"], run["command"]) == ("succeeded", {"succeeded": 2}, "nbflow run -j 1")
    step = asked(tmp_path, "show", "last/train")
    assert step["time"]["kernel"] > 0
    assert [attempt["ending"] for attempt in step["attempts"]] == ["succeeded"]
    assert list(step["attempts"][0]["environment"]) == ["Python"]
    assert [(thing["name"], thing["type"], thing["step"]) for thing in step["inputs"]] == [("raw", "list 3", "load")]
    assert asked(tmp_path, "show", "last/load")["printed"] == ["loaded"]


# --- where nothing can be written ----------------------------------------------------------------------


def test_looking_back_works_in_a_folder_that_cannot_be_written_and_writes_nothing(past: Path) -> None:
    before = tree(past)
    for words in (["runs"], ["show"], ["show", "last/train", "--json"], ["show", f"{FIRST}/load"]):
        closed(past)
        try:
            done = run_command_unprivileged([sys.executable, "-m", "nbflow", *words], cwd=past)
        finally:
            opened(past)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout
    assert tree(past) == before


def test_looking_back_loads_no_stored_value_and_no_heavy_library(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(tmp_path / "sprung"), "w")

    tell(tmp_path, FIRST, *GOOD)
    store = Store(tmp_path / ".nbflow" / "store")
    store.commit(replace(record("r-load", variable(store, pickle.dumps(Trap()), "table")), step="n.load"))
    code = (
        "import sys; sys.argv = ['nbflow', 'show', 'last/load']\n"
        "from nbflow.ui.cli import main\n"
        "try: main()\n"
        "finally: print({'cloudpickle', 'numpy', 'papermill', 'nbformat', 'psutil'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "1 output:\n  table" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"
    assert not (tmp_path / "sprung").exists()
