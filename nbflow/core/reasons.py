"""Reasons in words: the planner, a run and every front end say them the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nbflow.core.model import Reason

SUBJECTS: Mapping[str, str] = {
    "helper": "helper",
    "parameter": "parameter",
    "environment": "environment variable",
    "outputs": "outputs",
}
"""Reason kind → the word that its detail needs in front of it where the kind is not shown beside it."""


def because(reasons: Iterable[Reason], first: str = "no result yet") -> str:
    """Reasons as one plain clause. ``first``: what to say of a step that has no result yet."""
    return "; ".join(first if r.kind == "first-run" else _clause(r) for r in reasons)


def _clause(reason: Reason) -> str:
    return f"{SUBJECTS.get(reason.kind, '')} {reason.detail or reason.kind}".strip()
