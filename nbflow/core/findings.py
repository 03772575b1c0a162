"""The codes of everything that the check may say. The documentation is compared with this table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nbflow.core.model import Finding

Severity = Literal["error", "warning", "hint"]

CODES: Mapping[str, tuple[Severity, str]] = {
    "bad-step-line": ("error", "a %%step line cannot be read"),
    "mistyped-step": ("error", "a cell begins with a misspelt %%step"),
    "misplaced-step": ("error", "%%step is not on the first line of its cell"),
    "mixed-step": ("error", "a notebook is one step by %step and has %%step cells too"),
    "names-alike": ("error", "two step names differ only in case"),
    "not-python": ("error", "a notebook with steps is not in Python"),
    "syntax": ("error", "a cell is not valid Python"),
    "no-maker": ("error", "no step makes an input"),
    "maker-below": ("error", "the step that makes an input stands further down"),
    "not-a-step-output": ("error", "an input is bound by a context cell, not by a step"),
    "two-makers": ("error", "an input could come from more than one place"),
    "undeclared-input": ("error", "a step reads what another step makes and does not say so"),
    "undeclared-output": ("error", "a step binds what a later step reads and does not say so"),
    "uses-exploration": ("error", "a step reads what a cell computes from another step's output"),
    "shared-definition": ("error", "a function or class defined in one step's cell is used by another step"),
    "unmade-output": ("error", "a step never binds an output that it declares"),
    "unbound-name": ("error", "nothing binds a name that a step reads"),
    "missing-file": ("error", "an input file is not there and no step makes it"),
    "outside-root": ("error", "an output lies outside the project root"),
    "reads-own-output": ("error", "a step reads a file that it writes"),
    "two-writers": ("error", "two steps write one file"),
    "paths-meet-in-part": ("error", "two patterns overlap only in part"),
    "unknown-step": ("error", "--after names no step"),
    "cycle": ("error", "steps need each other"),
    "changed-between": ("warning", "a context cell changes an artifact between its maker and a step that takes it"),
    "changed-input": ("warning", "a step changes an input in place that a later step takes"),
    "rebinds-context": ("warning", "a step rebinds or changes a context name that a later step reads"),
    "setup-in-step": ("warning", "set-up in a step's cell reaches no other step"),
    "shared-random": ("warning", "two steps draw from one random generator"),
    "shared-iterator": ("warning", "two steps use up one iterator, cursor or open file in turn"),
    "instance-leaves": ("warning", "an output is an instance of a class that the step's own cell defines"),
    "undeclared-file": ("hint", "the code names a file that is not declared"),
    "unknown-path": ("hint", "a step reads a path that cannot be known without running"),
    "outside-world": ("hint", "a cached step calls the network, a database or the clock"),
    "nothing-declared": ("hint", "a step has neither inputs nor outputs"),
}


def finding(
    code: str,
    notebook: str,
    cell: int | None,
    step: str | None,
    message: str,
    fix: str = "",
    *,
    severity: Severity | None = None,
    add_inputs: tuple[str, ...] = (),
    add_outputs: tuple[str, ...] = (),
    fix_step: str | None = None,
) -> Finding:
    """A finding with the severity of its code, or a milder one where it is less sure."""
    return Finding(
        code, severity or CODES[code][0], notebook, cell, step, message, fix, add_inputs, add_outputs, fix_step
    )
