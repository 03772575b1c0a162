"""Which alerts a run is worth, and their words.

A run that failed or crashed, one that succeeded after such a one, and one in which a step took far longer than usual.
An alert has the same id however often it is worked out, so a receiver can fold what reaches it twice. Sending is
``alerts``'s; nothing here knows of addresses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from nbflow.core.view import RunView, StepView

Kind = Literal["failed", "crashed", "recovered", "slow"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST_LINE = 300
"""Characters of an error that are quoted."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One message."""

    id: str
    """The same for the same run and kind."""
    run: str
    kind: Kind
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What an alert says besides what happened."""

    notebooks: tuple[str, ...]
    """Sources of the run, from the project root."""
    folder: str
    """Of the run."""
    command: str
    """What a person types to go on."""
    host: str = ""


def alerts_of(
    view: RunView,
    around: Circumstance,
    *,
    before: str,
    usual: Mapping[str, Sequence[float]],
    kinds: Sequence[Kind] = KINDS,
    slow_factor: float = 3.0,
    slow_seconds: float = 60.0,
) -> list[Alert]:
    """The alerts that a run which is over is worth, ``view["status"]`` saying how it ended (``crashed`` where its
    process died).

    ``before``: how the run before it of the same notebooks ended, ``""`` where there was none. ``usual``: step (full
    name) → seconds it took in earlier runs. A step is slow that took ``slow_factor`` times its median, and at least
    ``slow_seconds`` longer."""
    found = []
    what = _notebooks(around.notebooks)
    if view["status"] in ("failed", "crashed"):
        found.append(_bad(view, around, what))
    elif view["status"] == "succeeded" and before in ("failed", "crashed"):
        found.append(_alert(view, "recovered", f"{what} works again", [f"Run {view['run']} succeeded."], around))
    slow = _slow_steps(view, usual, slow_factor, slow_seconds)
    if slow:
        title = f"{what}: {slow[0][0]} took {slow[0][1]:.1f} times as long as usual"
        lines = [f"{name}: {seconds:.0f} s, usually {often:.0f} s" for name, _, seconds, often in slow]
        found.append(_alert(view, "slow", title, lines, around))
    return [alert for alert in found if alert.kind in kinds]


def alert_id(run: str, kind: Kind) -> str:
    return hashlib.sha256(f"nbflow {run} {kind}".encode()).hexdigest()[:20]


def _alert(view: RunView, kind: Kind, title: str, lines: Sequence[str], around: Circumstance) -> Alert:
    id_ = alert_id(view["run"], kind)
    where = f" on {around.host}" if around.host else ""
    body = "\n".join([*lines, "", f"Run {view['run']}{where}. Alert {id_}."])
    return Alert(id_, view["run"], kind, f"nbflow: {title}", body)


def _bad(view: RunView, around: Circumstance, what: str) -> Alert:
    """A run that failed or crashed: what is at the root of it, what came of that, and how to go on."""
    kind: Kind = "crashed" if view["status"] == "crashed" else "failed"
    groups = _by_root(view["steps"])
    if groups:
        names, error = groups[0]
        title = f"{what} {kind}: {_some(names)} ({error})" if error else f"{what} {kind}: {_some(names)}"
    else:
        title = f"{what} {kind}: its process died"
    lines = [f"{_some(names)} {'have' if len(names) > 1 else 'has'} failed: {error}" for names, error in groups]
    if kind == "crashed":
        running = [s["name"] for s in view["steps"] if s["state"] in ("starting", "running", "stopping")]
        at_work = f" while {_some(running)} ran" if running else ""
        lines.append(f"The process of the run died{at_work}. What had succeeded is kept.")
    skipped = view["counts"]["skipped"]
    if skipped:
        lines.append(f"{skipped} {'step was' if skipped == 1 else 'steps were'} skipped because of it.")
    lines += [f"Executed notebook: {around.folder}/{path}" for path in around.notebooks[:3]]
    lines.append(f"To go on: {around.command}")
    return _alert(view, kind, title, lines, around)


def _by_root(steps: Sequence[StepView]) -> list[tuple[list[str], str]]:
    """Steps that ended with the same error are one trouble: ``(names, error)``, most steps first."""
    groups: dict[str, list[str]] = {}
    for step in steps:
        if step["state"] in ("failed", "crashed"):
            groups.setdefault(step["error"].strip()[:LONGEST_LINE], []).append(step["name"])
    return sorted(((names, error) for error, names in groups.items()), key=lambda group: -len(group[0]))


def _slow_steps(
    view: RunView, usual: Mapping[str, Sequence[float]], factor: float, least: float
) -> list[tuple[str, float, float, float]]:
    """``(name, times, seconds, usual seconds)`` of the steps that took far longer than usual, the worst first."""
    found = []
    for step in view["steps"]:
        earlier, seconds = usual.get(step["id"], ()), step["seconds"]
        if len(earlier) < 3 or seconds is None or step["state"] in ("reused", "skipped"):
            continue
        often = median(earlier)
        if seconds >= factor * often and seconds >= often + least:
            found.append((step["name"], seconds / max(often, 0.001), seconds, often))
    return sorted(found, key=lambda row: -row[1])


def _notebooks(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more" if paths else "a pipeline"


def _some(names: Sequence[str]) -> str:
    if len(names) <= 3:
        return " and ".join(names) if len(names) < 3 else f"{names[0]}, {names[1]} and {names[2]}"
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"
