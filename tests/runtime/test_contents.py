"""What is changed in place and not declared is a warning with the words to add; what is only read is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbflow.runtime import contents
from tests.runtime.orders import Project, variables


class Model:
    def __init__(self) -> None:
        self.coefficients = np.zeros(3)
        self.table = pd.DataFrame({"x": [1]})


def add_column(df: pd.DataFrame) -> None:
    df["new"] = 1


def set_attrs(df: pd.DataFrame) -> None:
    df.attrs["seen"] = True


def rename_index(df: pd.DataFrame) -> None:
    df.index.name = "key"


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "an array": (lambda: np.zeros(3), lambda x: x.__setitem__(0, 1)),
    "a scattered array": (lambda: np.zeros((3, 3))[:, 1], lambda x: x.__setitem__(0, 1)),
    "an object array": (lambda: np.array([None, "a"]), lambda x: x.__setitem__(0, 1)),
    "a cell of a frame": (lambda: pd.DataFrame({"x": [1, 2]}), lambda x: x.__setitem__("x", [1, 3])),
    "a cell of a text column": (lambda: pd.DataFrame({"x": ["a"]}), lambda x: x.iloc.__setitem__((0, 0), "b")),
    "a column of a frame": (lambda: pd.DataFrame({"x": [1]}), add_column),
    "the attrs of a frame": (lambda: pd.DataFrame({"x": [1]}), set_attrs),
    "the name of an index": (lambda: pd.DataFrame({"x": [1]}), rename_index),
    "the order of rows": (lambda: pd.DataFrame({"x": [2, 1]}), lambda x: x.__setitem__("x", [1, 2])),
    "a series": (lambda: pd.Series([1.0]), lambda x: x.__setitem__(0, 2.0)),
    "nullable values": (lambda: pd.Series([1, None], dtype="Int64"), lambda x: x.__setitem__(1, 2)),
    "categories": (lambda: pd.Series(["a"], dtype="category"), lambda x: x.__setitem__(0, None)),
    "a polars frame": (
        lambda: pl.DataFrame({"x": [1]}),
        lambda x: x.insert_column(0, pl.Series("y", [2])),
    ),
    "a list": (lambda: [1], lambda x: x.append(2)),
    "a nested dict": (lambda: {"a": {"b": 1}}, lambda x: x["a"].update(b=2)),
    "a model": (Model, lambda x: setattr(x, "coefficients", np.ones(3))),
    "an array inside a model": (Model, lambda x: x.coefficients.__setitem__(0, 1)),
    "a frame inside a model": (Model, lambda x: x.table.__setitem__("x", [2])),
}


@pytest.mark.parametrize(("make", "change"), CHANGES.values(), ids=CHANGES)
def test_an_input_changed_in_place_is_a_warning_with_the_words_to_add(
    make: Callable[[], Any], change: Callable[[Any], object], project: Project
) -> None:
    inputs = project.make(x=make(), n=1)
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs, outputs=variables("n"))
    work.bind("x", "n")
    work.begin()
    change(names["x"])
    work.finish()
    assert project.result()["warnings"] == [
        {
            "code": "changed-input",
            "name": "x",
            "message": "the input `x` was changed in place, but it is not among the step's outputs: in a run a later "
            "step gets it unchanged, in Run All it gets the change.",
            "fix": "Add `-o x`, or change a copy.",
        }
    ]


READ_ONLY_USES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "a float label looked up": (lambda: pd.DataFrame({"x": [1, 2]}), lambda x: x.loc[1.0]),
    "columns read one by one": (lambda: pd.DataFrame({"x": [1], "y": ["a"]}), lambda x: [x["x"].sum(), x.y.iloc[0]]),
    "a frame grouped": (lambda: pd.DataFrame({"x": [1], "y": ["a"]}), lambda x: x.groupby("y").sum()),
    "an index used": (lambda: pd.DataFrame({"x": [1]}, index=["a"]), lambda x: (x.loc["a"], x.index.is_unique)),
    "a frame inside a dict": (lambda: {"t": pd.DataFrame({"x": [1, 2]})}, lambda x: (x["t"].loc[1.0], x["t"]["x"])),
    "a polars frame": (lambda: pl.DataFrame({"x": [1]}), lambda x: x.filter(pl.col("x") > 1)),
    "a name bound anew": (lambda: [1], lambda x: None),
}


@pytest.mark.parametrize(("make", "use"), READ_ONLY_USES.values(), ids=READ_ONLY_USES)
def test_an_input_that_is_only_read_is_no_warning(
    make: Callable[[], Any], use: Callable[[Any], object], project: Project
) -> None:
    names: dict[str, Any] = {}
    work = project.open(names, inputs=project.make(x=make()))
    work.bind("x")
    work.begin()
    use(names["x"])
    work.finish()
    assert project.result()["warnings"] == []


def test_a_context_name_that_a_later_step_reads_is_watched(project: Project) -> None:
    names: dict[str, Any] = {"model": Model(), "other": [], "np": np}
    work = project.open(names, watch=["model", "np", "not_there"])
    work.begin()
    names["model"].coefficients[0] = 1
    names["other"].append(1)
    work.finish()
    assert [(warning["code"], warning["name"]) for warning in project.result()["warnings"]] == [
        ("changed-context", "model")
    ]


@pytest.mark.parametrize(
    "parts", [{"outputs": variables("x")}, {"contracts": False}, {}], ids=["declared", "checks off", "rebound"]
)
def test_a_declared_change_is_no_warning(parts: dict[str, Any], project: Project) -> None:
    names: dict[str, Any] = {"x": [1]}
    work = project.open(names, watch=["x"], **parts)
    work.begin()
    if parts:
        names["x"].append(2)
    else:
        names["x"] = [1, 2]
    work.finish()
    assert project.result()["warnings"] == []


NOT_COMPARED: dict[str, Any] = {
    "a module": os,
    "a class": Model,
    "a function": add_column,
    "what cannot be pickled": [iter(()), (n for n in "x")],
    "more than 64 MB": ["x" * 1000 + str(n) for n in range(70_000)],
}


@pytest.mark.parametrize("value", NOT_COMPARED.values(), ids=NOT_COMPARED)
def test_what_cannot_be_compared_cheaply_is_not(value: Any) -> None:
    assert contents.content_digest(value) is None
