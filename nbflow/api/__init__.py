"""nbflow in Python: ``nbflow.open(notebook)`` gives a ``Pipeline``, and its methods give values.

>>> import nbflow
>>> pipeline = nbflow.open("flow.ipynb")
>>> pipeline.plan().stale
('clean', 'train')
>>> run = pipeline.run(parameters={"alpha": 0.1})
>>> run.ok, run.steps["train"].seconds, run.load("model")

One module for each idea: ``pipeline`` (what can be asked and done), ``answers`` (plan, status, reasons, findings),
``ending`` and ``runs`` (how a run came out), ``words`` and ``shown`` (how all of it looks). Nothing here prints.
``%flow`` is the same for the notebook that one works in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.lazily import names_of

if TYPE_CHECKING:
    from nbflow.api.answers import Findings, LastFailure, Plan, PlannedStep, Result, Status, StepState, Why
    from nbflow.api.ending import Failure, StepRun
    from nbflow.api.pipeline import Observer, Pipeline, open  # noqa: A004 (people write `nbflow.open`)
    from nbflow.api.runs import Run

__all__ = [
    "Failure", "Findings", "LastFailure", "Observer", "Pipeline", "Plan", "PlannedStep", "Result", "Run", "Status",
    "StepRun", "StepState", "Why", "open",
]  # fmt: skip

__getattr__ = names_of(
    __name__,
    {
        "nbflow.api.answers": "Findings LastFailure Plan PlannedStep Result Status StepState Why",
        "nbflow.api.ending": "Failure StepRun",
        "nbflow.api.pipeline": "Observer Pipeline open",
        "nbflow.api.runs": "Run",
    },
)
