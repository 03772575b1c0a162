"""The values of the fidelity table.

Run as a program: ``save FOLDER`` stores every row and writes ``saved.json``; ``load FOLDER`` builds every row
anew, loads what was stored, and writes ``loaded.json`` with the differences found. Both run it as ``__main__``,
as the cells of a notebook run.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import json
import pathlib
import re
import sys
import types
import typing
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp

from nbflow.runtime import serializers
from tests.runtime import equality

ROWS: dict[str, tuple[str, Callable[[], Any]]] = {}
"""Row → the format it must choose, and a function that builds the value, equal each time."""


def row(name: str, format_name: str = "pickle") -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(build: Callable[[], Any]) -> Callable[[], Any]:
        ROWS[name] = (format_name, build)
        return build

    return add


# --- classes and functions of the notebook -------------------------------------------------------------


@dataclasses.dataclass
class Reading:
    place: str
    values: list[float]
    table: Any = None


@dataclasses.dataclass(frozen=True)
class Setting:
    rate: float


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a, self.b = 1, [2]


class Outer:
    class Inner:
        def __init__(self) -> None:
            self.x = 1


class Frame(pd.DataFrame):  # type: ignore[misc]
    _metadata: ClassVar = ["unit"]

    @property
    def _constructor(self) -> Any:
        return Frame


class Mapping(dict):  # type: ignore[type-arg]
    pass


Pair = collections.namedtuple("Pair", "left right")
Number = typing.TypeVar("Number")


def double(x: float) -> float:
    return 2 * x


@functools.cache
def squared(x: int) -> int:
    return x * x


def adder(n: int) -> Callable[[int], int]:
    def add(x: int) -> int:
        return x + n

    return add


# --- rows ----------------------------------------------------------------------------------------------

PLAIN: dict[str, tuple[str, Any]] = {
    "None": ("json", None),
    "True": ("json", True),
    "an int": ("json", 7),
    "a big int": ("pickle", 2**4000 + 1),
    "a float": ("json", 0.1),
    "minus zero": ("json", -0.0),
    "nan": ("pickle", float("nan")),
    "infinity": ("pickle", float("-inf")),
    "a complex": ("pickle", 1 - 2j),
    "a str": ("json", "Grüße \u2028 \N{SNOWMAN} \0"),
    "a str with a lone surrogate": ("pickle", "a\ud800b"),
    "a surrogate pair as two": ("pickle", "\ud83d\ude00"),
    "bytes": ("pickle", b"\0\xff"),
    "a bytearray": ("pickle", bytearray(b"abc")),
    "a big bytearray": ("pickle", bytearray(b"abc" * 5000)),
    "a list": ("json", [1, "a", None, [True, 2.5]]),
    "a tuple": ("pickle", (1, (2, "x"))),
    "a set": ("pickle", {"b", "a", "c"}),
    "a frozenset": ("pickle", frozenset({1, 2})),
    "a dict": ("json", {"b": 1, "a": {"deep": [1.5, {"x": None}]}}),
    "a dict with int keys": ("pickle", {1: "a", 2: "b"}),
    "a dict of tuples": ("pickle", {"a": (1, 2)}),
    "a range": ("pickle", range(1, 10, 3)),
    "a slice": ("pickle", slice(1, None, 2)),
    "Ellipsis": ("pickle", ...),
    "a deque": ("pickle", collections.deque([1, 2], maxlen=5)),
    "a defaultdict": ("pickle", collections.defaultdict(list, {"a": [1]})),
    "an OrderedDict": ("pickle", collections.OrderedDict([("b", 1), ("a", 2)])),
    "a Counter": ("pickle", collections.Counter("banana")),
    "a namespace": ("pickle", types.SimpleNamespace(a=1)),
    "a datetime": ("pickle", dt.datetime(2026, 1, 2, 3, 4, 5, 6)),
    "a datetime in UTC": ("pickle", dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
    "a datetime in a zone": ("pickle", dt.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1)),
    "a date, a time, a delta": ("pickle", [dt.date(2026, 1, 2), dt.time(1, 2), dt.timedelta(1, 2, 3)]),
    "a Decimal": ("pickle", decimal.Decimal("1.10")),
    "a Fraction": ("pickle", fractions.Fraction(1, 3)),
    "a UUID": ("pickle", uuid.UUID(int=5)),
    "a Path": ("pickle", pathlib.PurePosixPath("data/x.csv")),
    "a pattern": ("pickle", re.compile(r"a+", re.IGNORECASE)),
    "an exception": ("pickle", ValueError("no", 3)),
    "a builtin function": ("pickle", len),
    "a type": ("pickle", int),
    "the type of None": ("pickle", type(None)),
    "an int subclass": ("pickle", Level.LOW),
    "an Enum member": ("pickle", Colour.BLUE),
    "a namedtuple": ("pickle", Pair(1, [2])),
    "a dataclass": ("pickle", Reading("x", [1.0])),
    "a frozen dataclass": ("pickle", Setting(0.5)),
    "an object with slots": ("pickle", Slotted()),
    "an instance of an inner class": ("pickle", Outer.Inner()),
    "a class": ("pickle", Reading),
    "a dict subclass": ("pickle", Mapping(a=1)),
    "a function": ("pickle", double),
    "a cached function": ("pickle", squared),
    "a type variable": ("pickle", Number),
    "a partial": ("pickle", functools.partial(double, 2)),
    "a numpy scalar": ("pickle", np.float32(0.1)),
    "a numpy dtype": ("pickle", np.dtype([("a", "<i4")], align=True)),
    "a ufunc": ("pickle", np.sin),
    "NA, NaT": ("pickle", [pd.NA, pd.NaT]),
    "a Timestamp": ("pickle", pd.Timestamp("2026-01-01", tz="Asia/Tokyo")),
    "an Interval": ("pickle", pd.Interval(0, 1, closed="left")),
    "a date offset": ("pickle", pd.offsets.BusinessDay(2)),
}


def _same(value: Any) -> Any:
    return value


for _name, (_format, _value) in PLAIN.items():
    ROWS[_name] = (_format, functools.partial(_same, _value))

MATRIX = np.arange(12, dtype="f8").reshape(3, 4)
ALIGNED = np.dtype([("a", "i1"), ("b", "f8")], align=True)
METADATA = np.dtype("f8", metadata={"unit": "m"})
ARRAYS: dict[str, tuple[str, Callable[[], Any]]] = {
    "an array": ("npy", MATRIX.copy),
    "an array in Fortran order": ("npy", lambda: np.asfortranarray(MATRIX)),
    "a big array in Fortran order": ("npy", lambda: np.asfortranarray(np.arange(6e5).reshape(600, 1000))),
    "a big array": ("npy", lambda: np.arange(1e6).reshape(10, 100, 1000)),
    "a big read-only array": ("pickle", lambda: _read_only(np.arange(1e6))),
    "a 0-d array": ("npy", lambda: np.array(3.5)),
    "an empty array": ("npy", lambda: np.empty((0, 3), dtype="i4")),
    "an array of bool": ("npy", lambda: np.array([True, False])),
    "an array of complex": ("npy", lambda: np.array([1 + 2j], dtype="c8")),
    "an array with nan and -0.0": ("npy", lambda: np.array([np.nan, -0.0, np.inf])),
    "a big-endian array": ("npy", lambda: np.arange(3, dtype=">i4")),
    "an array of datetime64": ("npy", lambda: np.array(["2026-01-01", "NaT"], dtype="M8[ms]")),
    "an array of timedelta64": ("npy", lambda: np.array([1, 2], dtype="m8[D]")),
    "an array of str": ("npy", lambda: np.array(["a", "äöü"])),
    "an array of bytes": ("npy", lambda: np.array([b"a", b"bcd"])),
    "a structured array": ("npy", lambda: np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "<i4"), ("b", "<f8")])),
    "an aligned structured array": ("pickle", lambda: np.array([(1, 2.5)], dtype=ALIGNED)),
    "a structured array with titles": ("pickle", lambda: np.zeros(2, dtype=[(("title", "a"), "i4")])),
    "an array with dtype metadata": ("pickle", lambda: np.arange(3.0).astype(METADATA)),
    "an object array": ("pickle", lambda: np.array([1, "a", None, [2]], dtype=object)),
    "a variable-width str array": ("pickle", lambda: np.array(["a", "bcd" * 20], dtype=np.dtypes.StringDType())),
    "a read-only array": ("pickle", lambda: _read_only(np.arange(3))),
    "a masked array": ("pickle", lambda: np.ma.masked_array([1, 2], mask=[True, False], fill_value=9)),
    "a record array": ("pickle", lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])),
    "an array of sub-arrays": ("npy", lambda: np.zeros(2, dtype=[("a", "f4", (2, 2))])),
    "a dict of arrays": ("pickle", lambda: {"a": MATRIX.copy(), "b": np.asfortranarray(MATRIX)}),
    "a csr matrix": ("pickle", lambda: sp.csr_matrix(MATRIX)),
    "a coo array": ("pickle", lambda: sp.coo_array(MATRIX)),
    "a random generator": ("pickle", lambda: np.random.default_rng(3)),
}
ROWS.update(ARRAYS)


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "b": [0.5, np.nan, -0.0], "c": ["x", None, "z"]})


def _with_attrs() -> pd.DataFrame:
    frame = _frame()
    frame.attrs = {"source": "survey", "nested": {"n": [1]}}
    return frame


def _with_index(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"v": range(len(index))}, index=index)


def _own_frame() -> Frame:
    frame = Frame({"a": [1.0]})
    frame.unit = "kg"
    return frame


def _renamed_frames() -> dict[str, pd.DataFrame]:
    frame = pd.DataFrame({"a": pd.date_range("2026", periods=3, tz="UTC"), "n": pd.array([1, 2, 3], dtype="Int64")})
    return {"one": frame, "other": frame.rename(columns={"a": "b"})}


MULTI = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["letter", None])
DAYS = pd.date_range("2026-01-01", periods=4, freq="D", tz="Europe/Berlin", name="day")
FRAMES: dict[str, Callable[[], Any]] = {
    "a frame": _frame,
    "a frame with attrs": _with_attrs,
    "a frame with a MultiIndex": lambda: _with_index(MULTI),
    "a frame with MultiIndex columns": lambda: pd.DataFrame(np.zeros((1, 4)), columns=MULTI),
    "a frame with duplicate column names": lambda: pd.DataFrame([[1, 2.0]], columns=["a", "a"]),
    "a frame with columns of mixed type": lambda: pd.DataFrame([[1, 2.0]], columns=["a", 0]),
    "a frame with a tz-aware index": lambda: _with_index(DAYS),
    "a frame with a PeriodIndex": lambda: _with_index(pd.period_range("2026", periods=3, freq="M")),
    "a frame with an IntervalIndex": lambda: _with_index(pd.interval_range(0, 3)),
    "a frame with a RangeIndex": lambda: _with_index(pd.RangeIndex(5, 50, 9, name="i")),
    "an empty frame": pd.DataFrame,
    "a frame without rows": lambda: _frame().iloc[:0],
    "a frame without columns": lambda: _frame()[[]],
    "an ordered categorical": lambda: pd.Series(pd.Categorical(["b", "a"], ["c", "b", "a"], ordered=True), name="c"),
    "categorical columns": lambda: pd.DataFrame({"x": pd.Categorical([1, None, 2])}),
    "nullable columns": lambda: pd.DataFrame(
        {"i": pd.array([1, None], "Int8"), "b": pd.array([True, None], "boolean"), "s": pd.array(["a", None], "string")}
    ),
    "arrow columns": lambda: pd.DataFrame({"x": pd.array([1, None], dtype="int64[pyarrow]")}),
    "sparse columns": lambda: pd.DataFrame({"x": pd.arrays.SparseArray([0, 0, 1], fill_value=0)}),
    "timedelta columns": lambda: pd.DataFrame({"x": pd.to_timedelta([1, None], unit="s")}),
    "datetime columns in seconds": lambda: pd.DataFrame({"x": pd.Series(["2026-01-01"], dtype="datetime64[s]")}),
    "object columns": lambda: pd.DataFrame({"x": pd.Series([[1], {"a": 2}, None], dtype=object)}),
    "a big frame": lambda: pd.DataFrame(np.arange(4e5).reshape(-1, 4), columns=list("abcd")),
    "a Series": lambda: pd.Series([1, 2], name=("a", 1), index=["x", "y"], dtype="int16"),
    "an Index": lambda: pd.Index(["a", "b"], name="n"),
    "a frame of an own class": _own_frame,
    "frames that share memory": _renamed_frames,
    "a frame flagged against duplicates": lambda: _frame().set_flags(allows_duplicate_labels=False),
    "a polars frame": lambda: pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], [2, 3]]}),
    "a polars frame of many types": lambda: pl.DataFrame(
        {"d": [dt.datetime(2026, 1, 1)], "k": pl.Series(["a"], dtype=pl.Categorical), "n": [decimal.Decimal("1.5")]}
    ).with_columns(pl.col("d").dt.replace_time_zone("Asia/Tokyo")),
    "a polars Series": lambda: pl.Series("s", [1.5, None], dtype=pl.Float32),
    "a polars lazy frame": lambda: pl.LazyFrame({"a": [1, 2]}).filter(pl.col("a") > 1),
}
ROWS.update({name: ("pickle", build) for name, build in FRAMES.items()})


@row("nested containers that share an element")
def _shared() -> Any:
    inner = [1]
    return [inner, {"again": inner}, (inner,)]


@row("a list that holds itself")
def _cycle() -> Any:
    loop: list[Any] = [1]
    loop.append(loop)
    return loop


@row("a dict of everything")
def _everything() -> Any:
    return {
        "frame": _frame(),
        "array": MATRIX.copy(),
        "reading": Reading("x", [1.0], _frame()),
        "path": pathlib.Path("a"),
    }


@row("a lambda", "cloudpickle")
def _lambda() -> Any:
    return lambda x: x + 1


@row("a closure", "cloudpickle")
def _closure() -> Any:
    return adder(3)


@row("a class made in a function", "cloudpickle")
def _local_instance() -> Any:
    class Local:
        def __init__(self) -> None:
            self.x = 1

    return Local()


def _fitted(name: str) -> Any:
    import sklearn.datasets
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.neighbors
    import sklearn.pipeline
    import sklearn.preprocessing
    import sklearn.svm
    import sklearn.tree

    features, y = sklearn.datasets.make_classification(60, 5, random_state=0)
    models = {
        "linear": sklearn.linear_model.LogisticRegression,
        "tree": lambda: sklearn.tree.DecisionTreeClassifier(random_state=0),
        "forest": lambda: sklearn.ensemble.RandomForestClassifier(5, random_state=0),
        "boosting": lambda: sklearn.ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0),
        "gradient": lambda: sklearn.ensemble.GradientBoostingClassifier(n_estimators=3, random_state=0),
        "neighbours": lambda: sklearn.neighbors.KNeighborsClassifier(algorithm="kd_tree"),
        "svm": sklearn.svm.SVC,
        "pipeline": lambda: sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression()
        ),
    }
    return models[name]().fit(features, y)


MODELS = ("linear", "tree", "forest", "boosting", "gradient", "neighbours", "svm", "pipeline")
ROWS.update({f"a fitted model: {name}": ("pickle", functools.partial(_fitted, name)) for name in MODELS})


@row("a figure")
def _figure() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    axes = figure.subplots()
    axes.plot([1, 2, 3], label="line")
    axes.legend()
    return figure


def _structure(name: str, value: Any) -> str:
    """What equality does not see: which objects inside are one."""
    if name == "nested containers that share an element":
        return "" if value[0] is value[1]["again"] is value[2][0] else "no longer shared"
    if name == "a list that holds itself":
        return "" if value[1] is value else "no longer a cycle"
    if name == "frames that share memory":
        value["one"].loc[0, "a"] = pd.Timestamp("2030-01-01", tz="UTC")
        value["one"].loc[0, "n"] = 99
        other = value["other"]
        return "" if list(other.iloc[0]) == [pd.Timestamp("2026", tz="UTC"), 1] else "a change reached the other frame"
    return ""


def save_all(folder: pathlib.Path) -> None:
    saved = {}
    for number, (name, (_, build)) in enumerate(ROWS.items()):
        facts = serializers.save("value", build(), folder / str(number))
        saved[name] = dataclasses.asdict(facts)
    (folder / "saved.json").write_text(json.dumps(saved))


def load_all(folder: pathlib.Path) -> None:
    saved = json.loads((folder / "saved.json").read_text())
    found = {}
    for number, (name, (_, build)) in enumerate(ROWS.items()):
        try:
            value = serializers.load(folder / str(number), saved[name]["format"], saved[name]["type"])
            found[name] = equality.difference(build(), value) or _structure(name, value)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    (folder / "loaded.json").write_text(json.dumps(found))


if __name__ == "__main__":
    {"save": save_all, "load": load_all}[sys.argv[1]](pathlib.Path(sys.argv[2]))
