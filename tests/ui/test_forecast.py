"""A forecast is worked out now and then, and counted down between."""

from __future__ import annotations

from nbflow.core.events import RunStarted, StepSpec, StepStarted, StepSucceeded
from nbflow.core.run import fold
from nbflow.ui.forecast import EVERY, Forecast

STEPS = (StepSpec("load"), StepSpec("train", ("load",)))
BEGUN = (RunStarted(at=100.0, steps=STEPS, jobs=1), StepStarted("load", 1, at=100.0))
HISTORY = {"load": [10.0, 12.0, 11.0], "train": [20.0]}


def test_it_counts_down_and_learns_of_what_happened_at_the_next_forecast() -> None:
    forecast, started = Forecast(HISTORY), {"load": 100.0}
    assert forecast.left(fold(BEGUN), started, 100.0) == 31.0
    assert forecast.left(fold(BEGUN), started, 101.0) == 30.0
    sooner = fold([*BEGUN, StepSucceeded("load", 1, at=101.0)])
    assert forecast.left(sooner, started, 101.5) == 29.5
    assert forecast.left(sooner, started, 100.0 + EVERY + 5.0) == 20.0


def test_it_never_says_less_than_nothing_and_nothing_where_nobody_can_tell() -> None:
    forecast = Forecast({"load": [1.0], "train": [1.0]})
    assert forecast.left(fold(BEGUN), {"load": 100.0}, 100.0) == 2.0
    assert forecast.left(fold(BEGUN), {"load": 100.0}, 101.5) == 0.5
    assert Forecast({}).left(fold(BEGUN), {}, 100.0) is None
    assert Forecast({"load": [1.0]}).left(fold(BEGUN), {}, 100.0) is None
