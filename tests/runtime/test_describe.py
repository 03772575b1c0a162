"""A value in a few words, for records and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from nbflow.runtime.describe import describe


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
