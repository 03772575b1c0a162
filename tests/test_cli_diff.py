"""``nbflow diff``: two runs side by side, as a person reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.commands import Given, nbflow

TRAIN = """%%step train -i rows -o model metrics
model = [alpha * x for x in rows]
metrics = {"mae": 0.5 / alpha, "n": len(rows), "cv": {"mean": alpha * 1.5, "worst": float("nan")}}"""

CELLS = (
    "# parameters\nalpha = 1",
    "%%step load -o rows\nrows = list(range(10))",
    TRAIN,
    "%%step score -i metrics -o best\nbest = round(metrics['mae'], 3)",
)


TIMES = re.compile(r"N\.N s(?: → N\.N s)?")
"""Of both runs; two that read alike stand once."""


def test_the_newest_run_is_compared_with_the_one_before_it(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    assert nbflow(tmp_path, "run").code == nbflow(tmp_path, "run", "-p", "alpha=2").code == 0
    said = nbflow(tmp_path, "diff")
    assert (said.code, said.err) == (0, "")
    assert [TIMES.sub("TIMES", " ".join(line.split())) for line in said.out.splitlines()] == [
        "Run RUN → RUN",
        "succeeded, TIMES",
        "alpha: 1 → 2",
        "",
        "step result time why",
        "≠ train another result: model, metrics TIMES parameter alpha: 1 → 2",
        "≠ score another result: best TIMES metrics changed",
        "",
        "1 step has the very same result.",
        "",
        "number old new change",
        "≠ metrics.mae 0.5 0.25 −0.25 (−50.0%)",
        "= metrics.n 10 10",
        "≠ metrics.cv.mean 1.5 3 +1.5 (+100.0%)",
        "= metrics.cv.worst nan nan",
        "≠ best 0.5 0.25 −0.25 (−50.0%)",
    ]


def test_a_failed_run_and_a_step_that_is_gone(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    Given((*CELLS[:2], "%%step train -i rows -o model\nmodel = 1 / 0")).write(tmp_path)
    nbflow(tmp_path, "run")
    said = nbflow(tmp_path, "diff")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert TIMES.sub("TIMES", lines[1]) == "succeeded → failed, TIMES"
    assert lines[4].startswith("? train succeeded → failed")
    assert lines[5].startswith("− score not in the newer run")


def test_as_json(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    nbflow(tmp_path, "run", "-p", "alpha=2")
    told = json.loads(nbflow(tmp_path, "diff", "--json").out)
    assert told["parameters"] == {"alpha": {"old": 1, "new": 2}}
    assert [(s["name"], s["verdict"]) for s in told["steps"]] == [
        ("load", "same"), ("train", "changed"), ("score", "changed"),
    ]  # fmt: skip
    assert told["steps"][1]["numbers"]["metrics.cv.worst"] == {"old": "nan", "new": "nan", "delta": None}
    assert told["steps"][2]["numbers"] == {"best": {"old": 0.5, "new": 0.25, "delta": -0.25}}


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    assert nbflow(tmp_path, "diff").err == "nbflow: There are no runs yet.\n  Make one: nbflow run\n"
    nbflow(tmp_path, "run")
    assert nbflow(tmp_path, "diff").err.splitlines() == [
        "nbflow: There is no run of the same notebooks before RUN.",
        "  Name the run to compare it with: nbflow diff OLD NEW. See which there are: nbflow runs",
    ]
    assert nbflow(tmp_path, "diff", "last").err.startswith("nbflow: Both are run RUN.\n")
    assert nbflow(tmp_path, "diff", "1999").err.startswith("nbflow: There is no run '1999'.")
