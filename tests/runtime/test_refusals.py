"""What cannot be stored is refused in words: which variable, what it holds and where, what to do instead."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbflow.runtime import sharing
from tests.runtime.orders import FORGETFUL, refusal, round_trip, said_without

pytestmark = FORGETFUL

NOTHING = Path(os.devnull)


class Holder:
    def __init__(self, **held: Any) -> None:
        self.__dict__.update(held)


def numbers() -> Iterator[int]:
    yield 1


async def answer() -> int:
    return 1


class Hostile:
    def __reduce__(self) -> Any:
        raise RuntimeError("never")


class Unreadable:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("keep out")


def _closure_over(file: Any) -> Callable[[], Any]:
    return lambda: file


def _async_generator() -> Any:
    async def numbers() -> Any:
        yield 1

    return numbers()


_PATH = "Save the file's path instead, and open it in the step that uses it."
_ROWS = "Save the rows it gave, and connect again in the step that needs it."
_RECEIVED = "Save what was received, and connect in the step that needs it."
_GUARDED = "Save the data it guards without it, or make it in each step that uses it."
_AGAIN = "Save what is needed to make it again, or make it in each step that uses it."
_NESTED = "Save a list of what it yields: `value[1] = list(value[1])`."
_LIST = "Save a list of what it yields:"
_CANNOT = "which cannot be stored."
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a generator": (
        numbers,
        f"`value` is a generator (`generator`), {_CANNOT} {_LIST} `value = list(value)`.",
    ),
    "a generator in a list": (
        lambda: [1, numbers()],
        f"`value` is a list that holds a generator (`generator`) at value[1], {_CANNOT} {_NESTED}",
    ),
    "an async generator": (
        _async_generator,
        f"`value` is a generator (`async_generator`), {_CANNOT} {_LIST} `value = list(value)`.",
    ),
    "an open file": (
        lambda: NOTHING.open(encoding="utf-8"),
        f"`value` is an open file (`TextIOWrapper`), {_CANNOT} {_PATH}",
    ),
    "an open binary file": (
        lambda: NOTHING.open("rb"),
        f"`value` is an open file (`BufferedReader`), {_CANNOT} {_PATH}",
    ),
    "a dict that holds an open file": (
        lambda: {"n": 1, "log": NOTHING.open(encoding="utf-8")},
        f"`value` is a dict that holds an open file (`TextIOWrapper`) at value['log'], {_CANNOT} {_PATH}",
    ),
    "an object that holds one deep inside": (
        lambda: Holder(parts=[Holder(out=NOTHING.open("wb"))]),
        f"`value` is a Holder that holds an open file (`BufferedWriter`) at value.parts[0].out, {_CANNOT} {_PATH}",
    ),
    "a closure over an open file": (
        lambda: _closure_over(NOTHING.open(encoding="utf-8")),
        f"`value` is a function that holds an open file (`TextIOWrapper`), {_CANNOT} {_PATH}",
    ),
    "a socket": (
        socket.socket,
        f"`value` is an open socket (`socket`), {_CANNOT} {_RECEIVED}",
    ),
    "a database connection": (
        lambda: sqlite3.connect(":memory:"),
        f"`value` is a database connection (`Connection`), {_CANNOT} {_ROWS}",
    ),
    "a cursor": (
        lambda: sqlite3.connect(":memory:").cursor(),
        f"`value` is a database connection (`Cursor`), {_CANNOT} {_ROWS}",
    ),
    "a lock": (
        threading.Lock,
        f"`value` is a lock (`lock`), {_CANNOT} {_GUARDED}",
    ),
    "a module": (
        lambda: json,
        f"`value` is a module (`module`), {_CANNOT} Import it in a cell without %%step instead.",
    ),
    "a memoryview": (
        lambda: memoryview(b"a"),
        f"`value` is a memoryview (`memoryview`), {_CANNOT} Save its bytes: `bytes(…)`.",
    ),
    "the keys of a dict": (
        {"a": 1}.keys,
        f"`value` is a view of a dict (`dict_keys`), {_CANNOT} Save a list of it: `list(…)`.",
    ),
    "a weak reference": (
        lambda: weakref.ref(Holder),
        f"`value` is a weak reference (`ReferenceType`), {_CANNOT} Save the object itself.",
    ),
    "an object that refuses": (
        lambda: {"bad": Hostile()},
        f"`value` (dict) cannot be stored at value['bad']: RuntimeError: never. {_AGAIN}",
    ),
    "a list that is nested too deeply": (
        lambda: _nested(100_000),
        "`value` (list) is nested too deeply to be stored. Save it in a flatter form, such as a list.",
    ),
}


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_stored_is_refused_in_words(make: Callable[[], Any], message: str, tmp_path: Path) -> None:
    assert refusal(make(), tmp_path) == message


def test_a_hostile_object_inside_is_refused_and_not_shown(tmp_path: Path) -> None:
    assert "cannot be stored at value[0]" in refusal([Unreadable()], tmp_path)


class Prickly:
    """Answers no question that Python puts on its own."""

    def _refuse(self, *_: Any) -> Any:
        raise RuntimeError("keep out")

    __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __repr__ = __str__ = __contains__ = _refuse


def test_the_values_own_operators_are_never_called(tmp_path: Path) -> None:
    loaded = round_trip({"a": [Prickly(), Prickly()], "b": pd.DataFrame({"x": [1]})}, tmp_path)
    assert [type(one) for one in loaded["a"]] == [Prickly, Prickly]
    assert sharing.groups({"a": [Prickly()], "b": Prickly()}) == [["a"], ["b"]]


def test_logging_and_memory_files_are_stored(tmp_path: Path) -> None:
    logger, memory = round_trip([logging.getLogger("a.b"), io.BytesIO(b"abc")], tmp_path)
    assert (logger, memory.getvalue()) == (logging.getLogger("a.b"), b"abc")


def test_without_cloudpickle_a_lambda_is_refused_with_the_way_out(tmp_path: Path) -> None:
    assert said_without("cloudpickle", "'f', [lambda: 1], sys.argv[1]", tmp_path) == (
        "`f` (list) is or holds a lambda or an inner function or class, which needs cloudpickle, and this kernel does "
        "not have it. To store it, install cloudpickle in the kernel's environment, or define it with `def` in a cell "
        "of its own.\n"
    )
