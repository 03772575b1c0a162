"""What a consumer gets equals what the maker made: a table of values, stored and loaded in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.runtime import equality, fidelity

PROGRAM = Path(fidelity.__file__)
ROOT = PROGRAM.parents[2]

NOT_REPEATABLE = {"a figure", "a class made in a function"}
"""Figures hold addresses of their parts; a class pickled by value gets a random id each time."""


def start(verb: str, folder: Path, seed: str = "0") -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(PROGRAM), verb, str(folder)], env=environment)


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every row saved in two processes, loaded in a third."""
    folder = tmp_path_factory.mktemp("fidelity")
    first, second = start("save", folder / "first"), start("save", folder / "second")
    assert (first.wait(), second.wait()) == (0, 0)
    assert start("load", folder / "first", seed="random").wait() == 0
    return {
        "saved": read(folder / "first" / "saved.json"),
        "again": read(folder / "second" / "saved.json"),
        "loaded": read(folder / "first" / "loaded.json"),
    }


@pytest.mark.parametrize("name", fidelity.ROWS)
def test_a_value_comes_back_equal(name: str, stored: dict[str, dict[str, Any]]) -> None:
    assert stored["loaded"][name] == ""


@pytest.mark.parametrize("name", fidelity.ROWS)
def test_a_value_takes_the_plainest_format_that_keeps_it(name: str, stored: dict[str, dict[str, Any]]) -> None:
    assert stored["saved"][name]["format"] == fidelity.ROWS[name][0]


@pytest.mark.parametrize("name", [name for name in fidelity.ROWS if name not in NOT_REPEATABLE])
def test_the_same_code_gives_the_same_bytes_in_another_process(name: str, stored: dict[str, dict[str, Any]]) -> None:
    assert stored["again"][name] == stored["saved"][name]


def test_the_names_that_bytes_refer_to_in_main_are_kept(stored: dict[str, dict[str, Any]]) -> None:
    found = {name: facts["main_names"] for name, facts in stored["saved"].items() if facts["main_names"]}
    assert found == {
        "an int subclass": ["Level"],
        "an Enum member": ["Colour"],
        "a namedtuple": ["Pair"],
        "a dataclass": ["Reading"],
        "a frozen dataclass": ["Setting"],
        "an object with slots": ["Slotted"],
        "an instance of an inner class": ["Outer"],
        "a class": ["Reading"],
        "a dict subclass": ["Mapping"],
        "a function": ["double"],
        "a cached function": ["squared"],
        "a type variable": ["Number"],
        "a partial": ["double"],
        "a frame of an own class": ["Frame"],
        "a dict of everything": ["Reading"],
    }


UNEQUAL: list[tuple[str, Any, Any]] = [
    ("type", 1, 1.0),
    ("bool", True, 1),
    ("sign of zero", 0.0, -0.0),
    ("dtype", np.zeros(2), np.zeros(2, dtype="f4")),
    ("byte order", np.zeros(2, dtype=">i4"), np.zeros(2, dtype="<i4")),
    ("memory order", np.zeros((2, 3)), np.asfortranarray(np.zeros((2, 3)))),
    ("attrs", fidelity._frame(), fidelity._with_attrs()),
    ("index type", pd.DataFrame({"v": [1]}, index=[0]), pd.DataFrame({"v": [1]})),
    ("categories", pd.Series(pd.Categorical(["a"], ["a"])), pd.Series(pd.Categorical(["a"], ["a", "b"]))),
    ("order of keys", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ("length", [1], [1, 2]),
    ("time zone", pd.Timestamp("2026", tz="UTC"), pd.Timestamp("2026", tz="Asia/Tokyo")),
]


@pytest.mark.parametrize(("a", "b"), [case[1:] for case in UNEQUAL], ids=[case[0] for case in UNEQUAL])
def test_the_comparison_of_this_table_sees_small_differences(a: Any, b: Any) -> None:
    try:
        found = equality.differences(a, b)
    except AssertionError as error:
        found = str(error)
    assert found != ""
