"""Formats: what each writes and refuses, and that big arrays are neither copied nor changed."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbflow.core import model
from nbflow.runtime import digests, serializers
from nbflow.runtime.failure import StepError
from tests.runtime.orders import refusal, round_trip, said_without


def test_the_table_holds_the_formats_that_the_language_names() -> None:
    assert tuple(serializers.TABLE) == model.FORMATS


def test_what_is_recorded_is_true_of_the_file(tmp_path: Path) -> None:
    saved = serializers.save("x", np.arange(6.0).reshape(2, 3), tmp_path / "blob")
    path = tmp_path / "blob"
    assert saved == serializers.Saved("npy", digests.digest_file(path), path.stat().st_size, "ndarray 2 × 3 float64")
    assert np.load(path).tolist() == [[0, 1, 2], [3, 4, 5]]


# --- declared formats -----------------------------------------------------------------------------------

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
DECLARED: list[tuple[str, Any]] = [
    ("json", {"a": [1, (shared := [2]), shared]}),
    ("text", "Grüße\r\n\0 \n"),
    ("npy", np.arange(3)),
    ("npy", np.array([(1, 2.0)], dtype=[("a", "<i2"), ("b", "<f8")])),
    ("pickle", {1, 2}),
    ("pickle", 5),
    ("cloudpickle", {"a": 1}),
]


@pytest.mark.parametrize(("format_name", "value"), DECLARED, ids=[f"{f} {type(v).__name__}" for f, v in DECLARED])
def test_a_declared_format_is_used_and_gives_the_value_back(format_name: str, value: Any, tmp_path: Path) -> None:
    saved = serializers.save("value", value, tmp_path / "blob", format_name)
    loaded = serializers.load(tmp_path / "blob", saved.format, saved.type)
    assert (saved.format, type(loaded), repr(loaded)) == (format_name, type(value), repr(value))


@pytest.mark.parametrize("format_name", ["parquet", "arrow", "csv"])
@pytest.mark.parametrize("index", [None, pd.Index([5, 6], name="key")], ids=["no index", "an index"])
def test_a_pandas_frame_takes_a_portable_format(format_name: str, index: Any, tmp_path: Path) -> None:
    frame = FRAME if index is None else FRAME.set_index(index)
    loaded = round_trip(frame, tmp_path, format_name)
    expected = frame.reset_index() if format_name == "csv" and index is not None else frame
    pd.testing.assert_frame_equal(loaded, expected)


@pytest.mark.parametrize("format_name", ["parquet", "arrow", "csv"])
def test_a_polars_frame_comes_back_as_polars(format_name: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    loaded = round_trip(frame, tmp_path, format_name)
    assert isinstance(loaded, pl.DataFrame)
    assert loaded.equals(frame)


def test_other_programs_can_read_what_a_portable_format_wrote(tmp_path: Path) -> None:
    serializers.save("frame", FRAME, tmp_path / "a.csv", "csv")
    serializers.save("frame", FRAME, tmp_path / "a.parquet", "parquet")
    serializers.save("frame", FRAME, tmp_path / "a.arrow", "arrow")
    assert (tmp_path / "a.csv").read_text() == "a,b\n1,x\n2,\n"
    assert pl.read_parquet(tmp_path / "a.parquet").rows() == [(1, "x"), (2, None)]
    assert pl.read_ipc(tmp_path / "a.arrow").rows() == [(1, "x"), (2, None)]


def no_json(flaw: str) -> str:
    return (
        f"`value` cannot be written as JSON and come back equal: {flaw}. Convert it, or write `value` without `:json`."
    )


def needs(format_name: str, wanted: str, found: str, fix: str = "") -> str:
    return f"`value:{format_name}` needs {wanted}, and `value` is of type {found}. " + (
        fix or f"Write `value` without `:{format_name}`."
    )


DATA_FRAME = "a pandas or polars DataFrame"
WRONG: list[tuple[str, Any, str]] = [
    ("json", (1, 2), no_json("value is of type tuple")),
    ("json", {"a": [np.float64(1)]}, no_json("value['a'][0] is of type float64")),
    ("json", {1: 2}, no_json("value has the key 1 of type int, and JSON keys are str")),
    ("json", [float("nan")], no_json("value[0] is nan, which JSON does not have")),
    ("json", "\ud800", no_json("value holds characters that UTF-8 cannot write")),
    ("json", 10**5000, no_json("value is a very long int")),
    ("text", b"a", needs("text", "a str", "bytes")),
    (
        "text",
        "ab\ud800",
        "`value` holds a character at position 2 that UTF-8 cannot write. Write `value` without `:text`.",
    ),
    ("npy", [1], needs("npy", "a numpy array", "list")),
    (
        "npy",
        np.array([None]),
        "`value` has dtype object, which the .npy format does not keep as it is. Write `value` without `:npy`.",
    ),
    ("parquet", [1], needs("parquet", DATA_FRAME, "list")),
    (
        "csv",
        pd.Series([1]),
        needs("csv", DATA_FRAME, "Series", "Make it a frame (`value.to_frame()`), or write `value` without `:csv`."),
    ),
    (
        "arrow",
        pl.LazyFrame(),
        needs("arrow", DATA_FRAME, "LazyFrame", "Collect it first: `value = value.collect()`."),
    ),
    (
        "pickle",
        [lambda: 1],
        (
            "`value` (list) is or holds `<lambda>`, which plain pickle cannot find by name. "
            "Write `value` without `:pickle`, or define it in a cell of its own."
        ),
    ),
    ("xml", 1, "`value:xml` names no format. Formats are: npy, json, pickle, cloudpickle, parquet, arrow, csv, text."),
]


@pytest.mark.parametrize(
    ("format_name", "value", "message"), WRONG, ids=[f"{f} {type(v).__name__}" for f, v, _ in WRONG]
)
def test_a_declared_format_says_what_it_cannot_write(
    format_name: str, value: Any, message: str, tmp_path: Path
) -> None:
    assert refusal(value, tmp_path, format_name) == message


def test_a_cycle_is_no_json(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "value holds itself, or is nested too deeply" in refusal(loop, tmp_path, "json")


@pytest.mark.parametrize("format_name", ["parquet", "arrow"])
def test_a_frame_that_the_format_cannot_write_is_an_error_that_names_it(format_name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [object(), 2]})
    message = refusal(frame, tmp_path, format_name)
    assert message.startswith(f"`value` cannot be written as {format_name}: Arrow")
    assert message.endswith(f"Convert what the format does not have, or write `value` without `:{format_name}`.")


def test_a_portable_format_without_its_library_is_an_error_that_says_so(tmp_path: Path) -> None:
    assert said_without("pyarrow", "'df', pandas.DataFrame({'a': [1]}), sys.argv[1], 'arrow'", tmp_path) == (
        "`df:arrow` needs pyarrow, and this kernel does not have it. "
        "Install pyarrow in the kernel's environment, or write `df` without `:arrow`.\n"
    )


# --- big arrays -----------------------------------------------------------------------------------------

BIG = {
    "an array": lambda: np.zeros(500_000),
    "a frame": lambda: pd.DataFrame(np.zeros((500_000, 1))),
    "an array in a dict": lambda: {"x": np.zeros(500_000)},
}


@pytest.mark.parametrize("make", BIG.values(), ids=BIG)
def test_a_big_array_is_mapped_writable_and_the_file_never_changes(make: Callable[[], Any], tmp_path: Path) -> None:
    saved = serializers.save("value", make(), tmp_path / "blob")
    loaded = serializers.load(tmp_path / "blob", saved.format)
    if isinstance(loaded, pd.DataFrame):
        loaded.iloc[0, 0] = 1.0
        assert loaded.iloc[0, 0] == 1.0
    else:
        array = loaded["x"] if isinstance(loaded, dict) else loaded
        assert (type(array), array.flags.writeable) == (np.ndarray, True)
        array[:] = 1.0
    assert digests.digest_file(tmp_path / "blob") == saved.digest
    again = serializers.load(tmp_path / "blob", saved.format)
    array = again["x"] if isinstance(again, dict) else np.asarray(again)
    assert array.sum() == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.arange(600_000.0).reshape(1000, 600)[:, 10:],
        lambda: np.arange(600_000.0)[::2],
        lambda: np.arange(600_000.0).reshape(10, 200, 300).transpose(1, 0, 2),
        lambda: np.broadcast_to(np.arange(3.0), (1000, 3)).copy()[::-1],
    ],
    ids=["columns", "every second", "transposed", "reversed"],
)
def test_a_scattered_array_comes_back_equal(make: Callable[[], Any], tmp_path: Path) -> None:
    array = make()
    assert np.array_equal(round_trip(array, tmp_path), array)


@pytest.mark.parametrize("kind", ["array", "frame", "scattered"])
def test_a_big_array_is_saved_and_loaded_without_a_second_copy(kind: str, tmp_path: Path) -> None:
    program = f"""
import resource, sys
import numpy as np, pandas as pd
from nbflow.runtime import serializers
value = np.zeros((1500, 25_000)); value += 1
if {kind!r} == "frame": value = pd.DataFrame(value, copy=False)
if {kind!r} == "scattered": value = value[:, 1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
saved = serializers.save("value", value, sys.argv[1])
loaded = serializers.load(sys.argv[1], saved.format)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert loaded.shape == value.shape
print((after - before) // 1024)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "b")], cwd=root, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert int(done.stdout) < 150  # MiB; the value has 286


def test_a_format_of_a_newer_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"nbflow pickle 2\n" + bytes(100))
    with pytest.raises(StepError) as caught:
        serializers.load(tmp_path / "blob", "pickle")
    assert str(caught.value) == f"{tmp_path / 'blob'} is no pickle of nbflow, or one of a newer version."


def test_many_small_buffers_stay_inside_the_pickle(tmp_path: Path) -> None:
    value = [np.arange(3) for _ in range(2000)]
    saved = serializers.save("value", value, tmp_path / "blob")
    assert saved.size < 150_000
    assert all(array.flags.writeable for array in round_trip(value, tmp_path))


def test_paths_may_be_text_or_path(tmp_path: Path) -> None:
    for path in (tmp_path / "a", str(tmp_path / "b"), pathlib.PurePath(tmp_path / "c")):
        assert serializers.load(path, serializers.save("x", {"a": 1}, path).format) == {"a": 1}
