"""A value in a few words, for records and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from nbflow.runtime.describe import describe, numbers


class Broken(pd.DataFrame):  # type: ignore[misc]
    @property
    def shape(self) -> Any:
        raise RuntimeError


class Plain:
    def __len__(self) -> int:
        raise RuntimeError


WORDS: list[tuple[Any, str]] = [
    (None, "NoneType"),
    (3, "int"),
    ("abc", "str 3"),
    ([1, 2], "list 2"),
    ({"a": 1}, "dict 1"),
    (pd.DataFrame({"x": [1], "y": [2]}), "DataFrame 1 × 2"),
    (pd.Series([1.0]), "Series 1 float64"),
    (pd.Index(["a"]), "Index 1 str"),
    (np.zeros((2, 3)), "ndarray 2 × 3 float64"),
    (np.array(1), "ndarray int64"),
    (pl.DataFrame({"x": [1]}), "polars DataFrame 1 × 1"),
    (pl.Series([1]), "polars Series 1 Int64"),
    (scipy.sparse.csr_matrix((2, 2)), "csr_matrix 2 × 2 float64"),
    (Plain(), "Plain"),
    (Plain, "type"),
    (len, "builtin_function_or_method"),
]


@pytest.mark.parametrize(("value", "words"), WORDS, ids=[words for _, words in WORDS])
def test_a_value_is_described_by_type_and_size(value: Any, words: str) -> None:
    assert describe(value) == words


def test_a_broken_value_still_has_a_type() -> None:
    Broken.__module__ = "pandas.mine"
    assert describe(Broken()) == "Broken"


class Sly(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, {"": 3}), (0.5, {"": 0.5}), (np.float64(0.5), {"": 0.5}), (np.array(3), {"": 3}), (True, {}), ("3", {}),
        ({"mae": np.float32(0.5), "n": 10, "name": "ridge", "good": True}, {"mae": 0.5, "n": 10}),
        ({"cv": {"mean": 1.5, 2: 3}}, {"cv.mean": 1.5, "cv.2": 3}),
        ({"a": float("nan"), "b": -np.inf, "c": 2**70}, {"a": "nan", "b": "-inf"}),
        ({"a": {"b": {"c": 1, "d": {"e": 2}}}}, {"a.b.c": 1}), ([1, 2], {}), (Sly(a=1), {}), (np.zeros(3), {}),
        ({f"k{n}": n for n in range(1000)}, {f"k{n}": n for n in range(100)}),
    ],
)  # fmt: skip
def test_the_numbers_of_a_value(value: Any, found: dict[str, Any]) -> None:
    assert numbers(value) == found
    assert all(type(number) in (int, float, str) for number in numbers(value).values())
