"""What it means that two values of the fidelity table are equal: types, flags and bytes, not only ``==``."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import functools
import io
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp


def differences(a: Any, b: Any, at: str = "value") -> str:
    """The first difference between two values, ``""`` where there is none. Types must be the same ones."""
    if type(a).__name__ == "Local":
        return "" if vars(a) == vars(b) else f"{at}: other attributes"
    if type(a) is not type(b):
        return f"{at}: {type(a)} is not {type(b)}"
    for kinds, compare in COMPARE:
        if isinstance(a, kinds):
            return compare(a, b, at)
    if a is b:
        return ""
    if (
        getattr(type(a), "__eq__", None) is getattr(object, "__eq__", None)
        or dataclasses.is_dataclass(a)
        or isinstance(a, types.SimpleNamespace)
    ):
        return _objects(a, b, at)
    return "" if a == b or repr(a) == repr(b) == "nan" else f"{at}: {a!r} != {b!r}"


def _arrays(a: Any, b: Any, at: str) -> str:
    facts = [
        (
            x.dtype,
            str(x.dtype),
            x.dtype.isalignedstruct,
            dict(x.dtype.metadata or {}),
            x.shape,
            x.flags.f_contiguous,
            x.flags.c_contiguous,
            x.flags.writeable,
        )
        for x in (a, b)
    ]
    if facts[0] != facts[1]:
        return f"{at}: {facts[0]} != {facts[1]}"
    if isinstance(a, np.ma.MaskedArray):
        return _arrays(np.asarray(a.data), np.asarray(b.data), at) or ("" if repr(a) == repr(b) else f"{at}: mask")
    if a.dtype.hasobject:
        return _items(a.ravel().tolist(), b.ravel().tolist(), at)
    return "" if a.tobytes("A") == b.tobytes("A") else f"{at}: other bytes"


def _items(a: Any, b: Any, at: str) -> str:
    if at.count("[") > 20:
        return ""
    if len(a) != len(b):
        return f"{at}: {len(a)} items, not {len(b)}"
    found = (differences(x, y, f"{at}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=True)))
    return next((difference for difference in found if difference), "")


def _mapping(a: Any, b: Any, at: str) -> str:
    extra = (getattr(a, "default_factory", None), getattr(b, "default_factory", None))
    if list(a) != list(b) or extra[0] is not extra[1]:
        return f"{at}: other keys or order"
    return _items(list(a.values()), list(b.values()), at)


def _pandas(a: Any, b: Any, at: str) -> str:
    check = {pd.DataFrame: pd.testing.assert_frame_equal, pd.Series: pd.testing.assert_series_equal}
    for kind, test in check.items():
        if isinstance(a, kind):
            test(a, b, check_exact=True, check_freq=True, check_flags=True, check_index_type="exact")
            own = [(x.attrs, x.index.names, [str(t) for t in np.atleast_1d(x.dtypes)]) for x in (a, b)]
            own_metadata = [[getattr(x, name) for name in x._metadata if name != "_name"] for x in (a, b)]
            return "" if own[0] == own[1] and own_metadata[0] == own_metadata[1] else f"{at}: {own}"
    pd.testing.assert_index_equal(a, b, exact=True, check_exact=True)
    return ""


def _polars(a: Any, b: Any, at: str) -> str:
    if isinstance(a, pl.LazyFrame):
        a, b = a.collect(), b.collect()
    schemas = [x.schema if isinstance(x, pl.DataFrame) else (x.name, x.dtype) for x in (a, b)]
    return "" if schemas[0] == schemas[1] and a.equals(b, null_equal=True) else f"{at}: {a} != {b}"


def _functions(a: Any, b: Any, at: str) -> str:
    if a.__name__ in ("<lambda>", "add"):
        return "" if a(4) == b(4) else f"{at}: other result"
    return "" if a is b else f"{at}: another function"


def _figures(a: Any, b: Any, at: str) -> str:
    pictures = [io.BytesIO(), io.BytesIO()]
    a.savefig(pictures[0], format="raw")
    b.savefig(pictures[1], format="raw")
    return "" if pictures[0].getvalue() == pictures[1].getvalue() else f"{at}: another picture"


def _objects(a: Any, b: Any, at: str) -> str:
    if hasattr(a, "predict"):
        data = np.linspace(-2, 2, 50).reshape(10, 5)
        if not np.array_equal(a.predict(data), b.predict(data)) or str(a.get_params()) != str(b.get_params()):
            return f"{at}: predicts otherwise"
        return _items(sorted(vars(a)), sorted(vars(b)), at)
    names = getattr(type(a), "__slots__", None) or sorted(vars(a))
    return _items([getattr(a, n) for n in names], [getattr(b, n) for n in names], at)


def _sparse(a: Any, b: Any, at: str) -> str:
    return _mapping(a.__dict__, b.__dict__, at)


COMPARE: list[tuple[Any, Callable[[Any, Any, str], str]]] = [
    (np.ndarray, _arrays),
    ((pd.DataFrame, pd.Series, pd.Index), _pandas),
    ((pl.DataFrame, pl.Series, pl.LazyFrame), _polars),
    ((sp.spmatrix, sp.sparray), _sparse),
    (np.random.Generator, lambda a, b, at: differences(a.bit_generator.state, b.bit_generator.state, at)),
    ((collections.deque,), lambda a, b, at: _items([a.maxlen, *a], [b.maxlen, *b], at)),
    (functools.partial, lambda a, b, at: _items([a.func, *a.args], [b.func, *b.args], at)),
    (float, lambda a, b, at: "" if np.array(a).tobytes() == np.array(b).tobytes() else f"{at}: {a} != {b}"),
    (dict, _mapping),
    ((list, tuple), _items),
    (types.FunctionType, _functions),
    (dt.datetime, lambda a, b, at: "" if repr(a) == repr(b) and a.fold == b.fold else f"{at}: {a!r} != {b!r}"),
    (decimal.Decimal, lambda a, b, at: "" if repr(a) == repr(b) else f"{at}: {a!r}"),
    (BaseException, lambda a, b, at: _items(a.args, b.args, at)),
]


def difference(a: Any, b: Any) -> str:
    """``differences``, and what fitted models and figures need on top."""
    if type(a).__module__.startswith("sklearn"):
        return "" if type(a) is type(b) and not _objects(a, b, "value") else "value: another model"
    if type(a).__module__.startswith("matplotlib"):
        return _figures(a, b, "value") if type(a) is type(b) else "value: another type"
    return differences(a, b)
