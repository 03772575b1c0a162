"""What is promised to front ends: the views in ``tests/wire`` are those that are made, and a change brings the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbflow.core.events import StepSpec
from nbflow.core.run import fold
from nbflow.core.view import Notes, RunView, changes, due, grouped, noted
from tests import wire_views
from tests.wire_views import AT, FOLDER, HISTORY, RUNNING, VIEWS


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_is_the_golden_one(name: str) -> None:
    kept = (FOLDER / f"{name}.json").read_text(encoding="ascii")
    assert wire_views.text_of(VIEWS[name]()) == kept, "If this is what front ends should draw now: make wire"


def test_there_is_no_golden_view_of_something_else() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(VIEWS)


def test_every_moment_of_a_run_is_the_moment_before_with_its_changes() -> None:
    drawn: dict[str, Any] = {}
    old: RunView | None = None
    for end in range(1, len(wire_views.RETRIED) + 1):
        new = wire_views.made(wire_views.RETRIED[:end])
        told = json.loads(json.dumps(changes(old, new)))
        steps = {step["id"]: step for step in [*drawn.get("steps", []), *told.get("steps", [])]}
        drawn = {**drawn, **told, "steps": list(steps.values())}
        assert drawn == json.loads(json.dumps(new))
        old = new


def test_of_what_did_not_change_nothing_is_told_again() -> None:
    seen = wire_views.made(RUNNING)
    assert changes(seen, seen) == {"version": 1, "run": wire_views.RUN}
    later = wire_views.made((*RUNNING, wire_views.succeeded("plot", 9.0, code=2.0)))
    told = changes(seen, later)
    assert sorted(told) == ["counts", "now", "run", "seconds", "steps", "version"]
    assert [step["name"] for step in told["steps"]] == ["plot", "publish"]  # which waits for less now


def test_the_end_of_a_run_is_foreseen_where_all_that_is_left_has_run_before() -> None:
    run, notes = fold(RUNNING), noted(Notes(), RUNNING)
    # train began 2.4 s ago, plot 2.3 s ago, and publish needs both: 3 s each, usually.
    assert due(run, notes, HISTORY, AT + 8.5) == "2026-11-24T15:30:24.200Z"
    assert due(run, notes, {}, AT + 8.5) is None


def spec(name: str, notebook: str = "n.ipynb") -> StepSpec:
    return StepSpec(f"n.{name}", short=name, notebook=notebook)


def test_very_many_steps_are_grouped_by_their_names_without_numbers() -> None:
    many = (spec("load"), *(spec(f"fit_{n}") for n in range(60)), *(spec(f"plot_{n}") for n in range(3)))
    assert list(grouped(many)) == ["", *["fit_*"] * 60, "", "", ""]
    assert list(grouped(many[:60])) == [""] * 60
