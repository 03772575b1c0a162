"""Outputs that share a mutable object are stored together; what never changes may be shared freely."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import pathlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.neighbors

from nbflow.runtime import sharing
from tests.runtime.orders import Project


class Model:
    def __init__(self) -> None:
        self.weights = [1.0, 2.0]


class Optimizer:
    def __init__(self, model: Model) -> None:
        self.model = model


@dataclasses.dataclass(frozen=True)
class Setting:
    rate: float
    names: Any = ()


class Colour(enum.Enum):
    RED = 1


def twice(x: Any) -> dict[str, Any]:
    return {"a": x, "b": x}


def held(x: Any) -> dict[str, Any]:
    return {"a": [x], "b": {"x": x}}


def model_and_optimizer() -> dict[str, Any]:
    model = Model()
    return {"a": model, "b": Optimizer(model)}


def list_and_element() -> dict[str, Any]:
    element = {"x": 1}
    return {"a": [element], "b": element}


def neighbours_and_data() -> dict[str, Any]:
    data = np.random.default_rng(0).normal(size=(20, 2))
    model = sklearn.neighbors.KNeighborsClassifier(algorithm="brute").fit(data, [0, 1] * 10)
    return {"a": model, "b": data}


def frame_cell() -> dict[str, Any]:
    model = Model()
    return {"a": pd.DataFrame({"model": [model, None]}), "b": model}


def frame_attrs() -> dict[str, Any]:
    notes: list[int] = []
    frame = pd.DataFrame({"x": [1]})
    frame.attrs["notes"] = notes
    frame.attrs["notes"] = notes
    return {"a": frame, "b": frame.attrs["notes"]}


def closure_and_cell() -> dict[str, Any]:
    seen: list[int] = []
    return {"a": lambda: seen, "b": seen}


def method_and_object() -> dict[str, Any]:
    model = Model()
    return {"a": functools.partial(print, model), "b": model}


def copies_of_frame() -> dict[str, Any]:
    frame = pd.DataFrame({"x": [1.0]})
    return {"a": frame, "b": frame.rename(columns={"x": "y"}), "c": frame["x"]}


SHARING: dict[str, Callable[[], dict[str, Any]]] = {
    "a list twice": lambda: twice([1]),
    "an array twice": lambda: twice(np.zeros(3)),
    "a frame twice": lambda: twice(pd.DataFrame({"x": [1]})),
    "a polars frame twice": lambda: twice(pl.DataFrame({"x": [1]})),
    "a frame in two containers": lambda: held(pd.DataFrame({"x": [1]})),
    "a bytearray": lambda: held(bytearray(b"a")),
    "a set in a frozen dataclass": lambda: held(Setting(1.0, {1})),
    "a list in a tuple": lambda: held(([1],)),
    "a random generator": lambda: held(np.random.default_rng(0)),
    "a model and its optimizer": model_and_optimizer,
    "a list and its element": list_and_element,
    "a model that keeps its data": neighbours_and_data,
    "an object column and its cell": frame_cell,
    "attrs of a frame": frame_attrs,
    "a closure and what it holds": closure_and_cell,
    "a partial and its argument": method_and_object,
}

Point = collections.namedtuple("Point", "x y")
TEXT = "shared text"
FREE: dict[str, Callable[[], dict[str, Any]]] = {
    "None": lambda: twice(None),
    "text": lambda: held(TEXT),
    "a big int": lambda: held(2**100),
    "a tuple of text": lambda: held((TEXT, 1)),
    "a frozenset": lambda: held(frozenset({1})),
    "a named tuple": lambda: held(Point(1, 2)),
    "a frozen dataclass": lambda: held(Setting(0.5)),
    "an enum member": lambda: held(Colour.RED),
    "a class and a function": lambda: held((Model, twice, len)),
    "a path": lambda: held(pathlib.Path("a")),
    "a time zone": lambda: held(dt.timezone(dt.timedelta(hours=1))),
    "a pattern": lambda: held(re.compile("a")),
    "a numpy dtype": lambda: held(np.dtype("f8")),
    "a numpy scalar": lambda: held(np.float64(1)),
    "a ufunc": lambda: held(np.sin),
    "a pandas index": lambda: held(pd.Index([1, 2])),
    "a timestamp": lambda: held(pd.Timestamp("2026", tz="UTC")),
    "a pandas dtype": lambda: held(pd.CategoricalDtype(["a"])),
    "a missing value": lambda: held((pd.NA, pd.NaT)),
    "a polars dtype": lambda: held(pl.Int64),
    "equal lists": lambda: {"a": [1], "b": [1]},
    "frames that copy on write": copies_of_frame,
    "temporary objects of one address": lambda: {name: _Temporary() for name in "abcdef"},
}


class _Temporary:
    def __getstate__(self) -> dict[str, Any]:
        return {"made": [object.__class__], "now": {}}


@pytest.mark.parametrize("make", SHARING.values(), ids=SHARING)
def test_a_shared_mutable_object_groups_the_outputs(make: Callable[[], dict[str, Any]]) -> None:
    values = {"other": [1], **make()}
    assert sharing.groups(values) == [["other"], ["a", "b"]]


@pytest.mark.parametrize("make", FREE.values(), ids=FREE)
def test_what_never_changes_may_be_shared(make: Callable[[], dict[str, Any]]) -> None:
    values = make()
    assert sharing.groups(values) == [[name] for name in values]


def test_groups_grow_together_over_a_third_output() -> None:
    left: list[int] = []
    right: list[int] = []
    assert sharing.groups({"a": [left], "x": 1, "b": [right], "c": [left, right]}) == [["a", "b", "c"], ["x"]]


def test_one_output_is_not_walked() -> None:
    class Walked:
        def __reduce__(self) -> Any:
            raise AssertionError

    assert sharing.groups({"a": Walked()}) == [["a"]]


def test_a_part_that_cannot_be_pickled_does_not_stop_the_walk() -> None:
    shared: list[int] = []
    assert sharing.groups({"a": [shared, (n for n in "x")], "b": shared}) == [["a", "b"]]


def test_the_walk_copies_no_array() -> None:
    array = np.zeros(10_000_000)
    found = sharing.Identities({"a": array, "b": [array]})
    assert [id(one) for one in found.objects.values() if isinstance(one, np.ndarray)] == [id(array)]


@pytest.mark.parametrize("name", [name for name in SHARING if name != "a closure and what it holds"])
def test_what_was_shared_comes_back_shared(name: str, tmp_path: Any) -> None:
    project = Project(tmp_path)
    inputs = project.make(**SHARING[name]())
    assert [(item["member"], item["digest"] == inputs[0]["digest"]) for item in inputs] == [("a", True), ("b", True)]
    names: dict[str, Any] = {}
    work = project.open(names, inputs=inputs)
    work.bind("a")
    work.bind("b")
    assert sharing.share(names["a"], names["b"])
    assert not work._bundles


def test_a_model_and_its_optimizer_come_back_connected(tmp_path: Any) -> None:
    project = Project(tmp_path)
    model = Model()
    inputs = project.make(model=model, optimizer=Optimizer(model), n=1)
    names: dict[str, Any] = {}
    project.open(names, inputs=inputs).bind("optimizer", "n", "model")
    assert names["optimizer"].model is names["model"]
    assert [item["member"] for item in inputs] == ["model", "optimizer", ""]


def test_a_closure_comes_back_with_what_it_holds(tmp_path: Any) -> None:
    project = Project(tmp_path)
    inputs = project.make(**closure_and_cell())
    names: dict[str, Any] = {}
    project.open(names, inputs=inputs).bind("a", "b")
    assert names["a"]() is names["b"]
    assert {item["format"] for item in inputs} == {"cloudpickle"}


def test_equal_blobs_of_two_outputs_come_back_as_two_objects(tmp_path: Any) -> None:
    project = Project(tmp_path)
    inputs = project.make(a=[1, 2], b=[1, 2])
    names: dict[str, Any] = {}
    project.open(names, inputs=inputs).bind("a", "b")
    assert inputs[0]["digest"] == inputs[1]["digest"]
    assert names["a"] is not names["b"]


def test_a_portable_format_stands_alone_and_says_what_is_lost(tmp_path: Any) -> None:
    project = Project(tmp_path)
    frame = pd.DataFrame({"x": [1]})
    outputs = [{"name": "frame", "format": "csv"}, {"name": "both", "format": None}]
    work = project.open({"frame": frame, "both": [frame]}, outputs=outputs)
    work.begin()
    work.finish()
    result = project.result()
    assert [(a["name"], a["format"], a["member"]) for a in result["artifacts"]] == [
        ("frame", "csv", ""),
        ("both", "pickle", ""),
    ]
    assert result["warnings"] == [
        {
            "code": "sharing-lost",
            "name": "frame",
            "message": "the outputs `frame` and `both` share an object, but are stored apart because of `:csv`.",
            "fix": "Leave out `:csv`, if a later step must see them connected.",
        }
    ]
