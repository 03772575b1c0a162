"""What does not change while a run goes on: its steps, who needs whom, the limits, and whom to prefer.

Worked out once, when a run begins, so that no event has to. Steps are numbered in notebook order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import fsum

from nbflow.core.events import StepSpec
from nbflow.errors import NbflowError, UsageError


@dataclass(frozen=True, slots=True)
class Shape:
    """Compares by what it was made of."""

    specs: tuple[StepSpec, ...]
    jobs: int
    capacity: tuple[tuple[str, float], ...]
    fail_fast: bool
    number: Mapping[str, int] = field(compare=False, repr=False)
    needs: tuple[tuple[int, ...], ...] = field(compare=False, repr=False)
    needed_by: tuple[tuple[int, ...], ...] = field(compare=False, repr=False)
    rank: tuple[int, ...] = field(compare=False, repr=False)
    """Place of each step in the order of preference: longest path below it first, then notebook order."""
    by_rank: tuple[int, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, specs: tuple[StepSpec, ...], *, jobs: int, capacity: Mapping[str, float], fail_fast: bool) -> Shape:
        """Raises UsageError and NbflowError, as ``run.begin`` says."""
        if jobs < 1:
            raise UsageError(f"jobs is {jobs}, and a run needs at least 1.", "Give -j a number from 1.")
        _refuse_excess(specs, capacity)
        number = {spec.name: i for i, spec in enumerate(specs)}
        if len(number) < len(specs):
            raise NbflowError("Two steps of the run have the same full name.")
        needs = tuple(tuple(dict.fromkeys(_number(number, spec, need) for need in spec.needs)) for spec in specs)
        needed_by: list[list[int]] = [[] for _ in specs]
        for step, its_needs in enumerate(needs):
            for need in its_needs:
                needed_by[need].append(step)
        by_rank = _preference(specs, needs, needed_by)
        rank = [0] * len(specs)
        for place, step in enumerate(by_rank):
            rank[step] = place
        return cls(specs, jobs, tuple(capacity.items()), fail_fast, number, needs, tuple(map(tuple, needed_by)),
                   tuple(rank), by_rank)  # fmt: skip

    def excess(self, steps: Iterable[int]) -> tuple[str, ...]:
        """The resources of which these steps ask for more than there is. Added up anew each time, so nothing drifts."""
        asked: dict[str, list[float]] = {}
        for step in steps:
            for name, amount in self.specs[step].resources:
                asked.setdefault(name, []).append(amount)
        return tuple(name for name, there in self.capacity if fsum(asked.get(name, ())) > there * (1 + 1e-9))


def _number(number: Mapping[str, int], spec: StepSpec, need: str) -> int:
    if need not in number:
        raise NbflowError(f"Step '{spec.label}' needs '{need}', which is not in this run.")
    return number[need]


def _refuse_excess(specs: Iterable[StepSpec], capacity: Mapping[str, float]) -> None:
    for spec in specs:
        for name, amount in spec.resources:
            if name in capacity and amount > capacity[name]:
                raise UsageError(
                    f"Step '{spec.label}' asks for {name}={_amount(name, amount)}, and there is"
                    f" {name}={_amount(name, capacity[name])}.",
                    "Lower --resources of the step, or say what there is in [tool.nbflow.resources].",
                )


def _amount(name: str, amount: float) -> str:
    return f"{amount / 2**30:.3g}GiB" if name == "memory" else f"{amount:g}"


def _preference(
    specs: tuple[StepSpec, ...], needs: tuple[tuple[int, ...], ...], needed_by: list[list[int]]
) -> tuple[int, ...]:
    """Steps by the longest path below them, longest first; ties in notebook order. Raises NbflowError for a cycle."""
    below = [0] * len(specs)
    left = [len(steps) for steps in needed_by]
    order = [step for step, count in enumerate(left) if not count]
    for step in order:
        for need in needs[step]:
            below[need] = max(below[need], below[step] + 1)
            left[need] -= 1
            if not left[need]:
                order.append(need)
    if len(order) < len(specs):
        stuck = ", ".join(spec.label for spec, count in zip(specs, left, strict=True) if count)
        raise NbflowError(f"The steps of the run need each other in a circle, among them: {stuck}.")
    return tuple(sorted(range(len(specs)), key=lambda step: (-below[step], step)))
