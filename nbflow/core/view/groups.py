"""Which of very many steps are shown as one: those of a notebook whose names differ in their numbers alone.

A front end folds them away; the few that run or have failed it shows all the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from nbflow.core.events import StepSpec

MANY = 60
"""Steps that still fit a screen or two: fewer are shown one by one."""
FEW = 4
"""So many alike are no group."""

_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=8)
def grouped(specs: tuple[StepSpec, ...]) -> Sequence[str]:
    """For each step what its group is called; ``""`` for one that stands for itself."""
    if len(specs) <= MANY:
        return [""] * len(specs)
    names = [_DIGITS.sub("*", spec.label) for spec in specs]
    sizes = Counter(zip((spec.notebook for spec in specs), names, strict=True))
    return [
        name if sizes[spec.notebook, name] >= FEW and name != spec.label else ""
        for spec, name in zip(specs, names, strict=True)
    ]
