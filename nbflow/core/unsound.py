"""Which steps the errors of the check leave undecided, so that all others can still be spoken of.

An error names its step; one that names none (a cell that cannot be read) may matter to every step of its notebook below
that cell. What needs such a step cannot be decided either. ``run`` and ``plan`` refuse while there is any error; only
``why`` and ``status`` ask here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nbflow.core.circles import order_of
from nbflow.core.graph import Pipeline
from nbflow.core.model import Finding, Reason


@dataclass(frozen=True, slots=True)
class Unsound:
    """Why one step cannot be decided."""

    findings: tuple[Finding, ...]
    """The errors about it, or about what it needs."""
    needs: str = ""
    """The step above that the errors are about, by its short name; empty where they are about this one."""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        if self.needs:
            return (Reason("upstream", f"needs {self.needs}, about which the check found an error"),)
        return tuple([Reason("unknown", f"{f.code}: {f.message}") for f in self.findings])


def unsound(pipeline: Pipeline, findings: Iterable[Finding]) -> Mapping[str, Unsound]:
    """Full names of the steps that cannot be decided → why."""
    own: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity == "error":
            for step in _about(pipeline, finding):
                own.setdefault(step, []).append(finding)
    found = {step: Unsound(tuple(about)) for step, about in own.items()}
    queue = list(found)
    for step in queue:
        for below in pipeline.below[step]:
            if below not in found:
                found[below] = Unsound(found[step].findings, found[step].needs or pipeline.steps[step].name)
                queue.append(below)
    return found


def _about(pipeline: Pipeline, finding: Finding) -> Iterator[str]:
    """The steps that an error is about."""
    here = [s for s in pipeline.steps.values() if s.notebook == finding.notebook]
    named = [s.id for s in here if s.outline.name == finding.step]
    if finding.code == "cycle":
        needs = {s.id: s.needs for s in pipeline.steps.values()}
        yield from dict.fromkeys([*named, *(needs.keys() - set(order_of(needs)))])
    elif named:
        yield from named
    else:
        yield from [s.id for s in here if finding.cell is None or s.outline.last >= finding.cell]
