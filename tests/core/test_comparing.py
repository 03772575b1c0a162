"""What is different between two runs, from what is known of each."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.core.comparing import Changed, Comparison, Number, Side, StepComparison, StepSide, compare_runs, delta
from nbflow.core.model import Artifact, Reason, Record

CODE, OTHER = [["step", "c1"]], [["step", "c2"]]


def result(id_: str, *artifacts: Artifact, key: str = "k1", **parts: Any) -> Record:
    made = {"schema": 1, "code": CODE, "parameters": {}, "inputs": {}, **parts}
    return Record(key, id_, "n.train", "r1", "2026-11-24T15:30:12.000Z", 1.0, made, artifacts)


def output(name: str, digest: str, **numbers: Number) -> Artifact:
    return Artifact(name, "variable", digest, "json", 10, numbers={k.replace("__", "."): v for k, v in numbers.items()})


def side(run: str, record: Record | None = None, state: str = "succeeded", **parameters: Any) -> Side:
    return Side(run, "succeeded", 9.0, parameters, {"n.train": StepSide("train", state, 2.0, record)})


def compared(old: Record | None, new: Record | None, state: str = "succeeded") -> StepComparison:
    (step,) = compare_runs(side("a", old), side("b", new, state)).steps
    return step


OLD = result("r1", output("m", "d1", mae=0.5, n=10), output("model", "d2"))


@pytest.mark.parametrize(
    ("new", "verdict", "reasons", "outputs", "numbers"),
    [
        (OLD, "same", (), (), ()),
        (
            result("r2", *OLD.artifacts, key="k2", parameters={"alpha": 2}),
            "equal", (Reason("parameter", "alpha: none → 2"),), (), (),
        ),
        (result("r2", *OLD.artifacts), "equal", (Reason("forced", "made once more"),), (), ()),
        (
            result("r2", output("m", "d9", mae=0.25, n=10, sd=1.5), output("model", "d2"), key="k2", code=OTHER),
            "changed", (Reason("code", "the step's code changed"),), ("m",),
            (Changed("m.mae", 0.5, 0.25), Changed("m.n", 10, 10), Changed("m.sd", None, 1.5)),
        ),
        (
            result("r2", output("m", "d1", mae=0.5, n=10), key="k2", code=OTHER),
            "changed", (Reason("code", "the step's code changed"),), ("model",), (),
        ),
        (None, "unknown", (), (), ()),
    ],
)  # fmt: skip
def test_what_became_of_a_step(
    new: Record | None, verdict: Any, reasons: Any, outputs: tuple[str, ...], numbers: tuple[Changed, ...]
) -> None:
    assert compared(OLD, new) == StepComparison(
        "n.train", "train", verdict, ("succeeded", "succeeded"), (2.0, 2.0), reasons, outputs, numbers
    )


def test_files_that_it_read_and_modules_that_it_loaded_are_reasons_too() -> None:
    old, new = OLD, result("r2", *OLD.artifacts)
    old = Record(**{**_fields(old), "read_files": {"a.csv": "1", "b.csv": "1"}, "read_modules": {"m.py": "1"}})
    new = Record(**{**_fields(new), "read_files": {"a.csv": "2", "c.csv": "1"}, "read_modules": {"m.py": "2"}})
    assert compared(old, new).reasons == (Reason("file", "a.csv changed"), Reason("module", "m.py changed"))


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__dataclass_fields__}


def test_steps_of_one_run_alone_and_parameters() -> None:
    old = Side("a", "failed", 3.0, {"alpha": 1, "beta": True, "gone": "x"},
               {"n.one": StepSide("one", "failed", 1.0, None)})  # fmt: skip
    new = Side("b", "succeeded", 5.0, {"alpha": 2, "beta": 1}, {"n.two": StepSide("two", "succeeded", 4.0, OLD)})
    assert compare_runs(old, new) == Comparison(
        old, new,
        (Changed("alpha", 1, 2), Changed("beta", True, 1), Changed("gone", "x", None)),
        (
            StepComparison("n.two", "two", "added", ("", "succeeded"), (None, 4.0)),
            StepComparison("n.one", "one", "removed", ("failed", ""), (1.0, None)),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "grown"),
    [
        (2, 3, (1, 0.5)), (-2.0, -1.0, (1.0, 0.5)), (0, 4, (4, None)), (1.0, "nan", None), (None, 1, None),
    ],
)  # fmt: skip
def test_by_how_much_a_number_grew(old: Number | None, new: Number | None, grown: Any) -> None:
    assert delta(old, new) == grown
