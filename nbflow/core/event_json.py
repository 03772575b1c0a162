"""Events as JSON values: what the journal keeps and what ``--json`` prints. Their fields are in ``events``.

What a newer nbflow has added to an event is passed over, and what an older one had not told is its default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from nbflow.core.events import (
    EVENTS,
    Cause,
    Event,
    Measured,
    Outcome,
    RunFinished,
    RunStarted,
    StepFact,
    StepSkipped,
    StepSpec,
    StepSucceeded,
    Usage,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENVELOPE = ("at", "step", "attempt")
_DETAILS = {kind: tuple(f.name for f in fields(kind) if f.name not in _ENVELOPE) for kind in EVENTS.values()}

_USAGE = frozenset(f.name for f in fields(Usage))


def time_text(at: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC with milliseconds: ``2026-11-24T15:30:12.250Z``."""
    moment = _EPOCH + timedelta(milliseconds=round(at * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_value(text: str) -> float:
    """Seconds since the epoch, from ``time_text``."""
    return round((datetime.fromisoformat(text) - _EPOCH) / timedelta(milliseconds=1)) / 1000


def to_json(event: Event, run_id: str, short: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """The event as JSON values: ``event``, ``run``, ``time``, ``step`` and ``attempt`` where they apply, its fields.

    ``short`` maps full names to the names to print; steps it does not know keep their full name (the journal's form).
    """

    def named(step: str) -> str:
        return short.get(step, step)

    data: dict[str, Any] = {"event": type(event).__name__, "run": run_id, "time": time_text(event.at)}
    if isinstance(event, StepFact):
        data["step"] = named(event.step)
        if event.attempt:
            data["attempt"] = event.attempt
    for name in _DETAILS[type(event)]:
        value = getattr(event, name)
        data[name] = list(value) if isinstance(value, tuple) else value
    if isinstance(event, RunStarted):
        data["steps"] = [_spec_to_json(spec, named) for spec in event.steps]
        data["capacity"] = dict(event.capacity)
        data["parameters"] = dict(event.parameters)
    elif isinstance(event, Measured):
        data["usage"] = _values(event.usage)
        data["environment"] = dict(event.environment)
    elif isinstance(event, StepSkipped):
        data["because"] = {**_values(event.because), "step": named(event.because.step)}
        data["reason"] = event.because.sentence(named(event.because.step))
    elif isinstance(event, RunFinished):
        data["steps"] = {named(step): _values(outcome) for step, outcome in event.steps.items()}
    return data


def from_json(data: Mapping[str, Any]) -> Event:
    """The event that ``to_json`` wrote. Raises KeyError for an event this version does not know."""
    kind = EVENTS[data["event"]]
    values = {name: data[name] for name in _DETAILS[kind] if name in data}
    values["at"] = time_value(data["time"])
    if issubclass(kind, StepFact):
        values.update(step=data["step"], attempt=data.get("attempt", 0))
    if kind is RunStarted:
        values["steps"] = tuple(_spec_from_json(spec) for spec in data["steps"])
        values["capacity"] = tuple(data["capacity"].items())
        values["parameters"] = tuple(data.get("parameters", {}).items())
    elif issubclass(kind, Measured):
        values["usage"] = Usage(**{name: value for name, value in data.get("usage", {}).items() if name in _USAGE})
        values["environment"] = tuple(data.get("environment", {}).items())
        if kind is StepSucceeded:
            values["warnings"] = tuple(data["warnings"])
    elif kind is StepSkipped:
        values["because"] = Cause(**data["because"])
    elif kind is RunFinished:
        values["steps"] = {step: Outcome(**outcome) for step, outcome in data["steps"].items()}
    return kind(**values)


def _values(value: Cause | Outcome | Usage) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in fields(value)}


_SPEC_FIELDS = frozenset(f.name for f in fields(StepSpec))
_SPEC_DEFAULTS = {f.name: f.default for f in fields(StepSpec) if f.default is not MISSING and f.name != "needs"}


def _spec_to_json(spec: StepSpec, named: Callable[[str], str]) -> dict[str, Any]:
    """Defaults are left out: a run of thousands of steps writes this once, and most steps have no options."""
    data: dict[str, Any] = {"name": named(spec.name), "needs": [named(need) for need in spec.needs]}
    data.update((n, getattr(spec, n)) for n, default in _SPEC_DEFAULTS.items() if getattr(spec, n) != default)
    if spec.resources:
        data["resources"] = dict(spec.resources)
    if spec.cells:
        data["cells"] = list(spec.cells)
    return data


def _spec_from_json(data: Mapping[str, Any]) -> StepSpec:
    resources = tuple(data.get("resources", {}).items())
    given = {**data, "needs": tuple(data["needs"]), "resources": resources, "cells": tuple(data.get("cells", ()))}
    return StepSpec(**{name: value for name, value in given.items() if name in _SPEC_FIELDS})
