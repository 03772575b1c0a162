"""Why a value cannot be stored, in words: which variable, what it holds and where, and what to do instead.

It may look into builtin containers and ``__dict__`` only, never call the value's own code. ``pickles.py``
asks it when a pickle failed.
"""

from __future__ import annotations

import io
import subprocess
import threading
import types
import weakref
from collections import deque
from typing import Any

from .failure import StepError

SEARCHED = 100_000
"""Objects looked at to find the place of a culprit."""

DATABASES = {
    *("sqlite3", "aiosqlite", "apsw", "psycopg", "psycopg2", "asyncpg", "pymysql", "MySQLdb", "mysql", "sqlalchemy"),
    *("duckdb", "_duckdb", "pymongo", "redis", "cx_Oracle", "oracledb", "pyodbc", "snowflake", "clickhouse_connect"),
    *("clickhouse_driver", "adbc_driver_manager"),
}

_GENERATORS = (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType)
_LOCKS = tuple(
    {type(make()) for make in (threading.Lock, threading.RLock)}
    | {threading.Condition, threading.Event, threading.Semaphore, threading.Barrier}
)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_FRAMES = (types.FrameType, types.TracebackType)
_CLOUDPICKLE = "install cloudpickle in the kernel's environment, or define it with `def` in a cell of its own."


def _is_generator(kind: type) -> bool:
    return issubclass(kind, _GENERATORS)


def _is_open_file(kind: type) -> bool:
    return issubclass(kind, io.IOBase) and kind not in (io.BytesIO, io.StringIO)


def _is_socket(kind: type) -> bool:
    return any(base.__name__ == "socket" and base.__module__ in ("socket", "_socket") for base in kind.__mro__)


def _is_database(kind: type) -> bool:
    return str(getattr(kind, "__module__", "")).partition(".")[0] in DATABASES and kind.__name__.endswith(
        ("Connection", "Cursor", "Engine", "Session", "Client", "PyConnection", "PyRelation")
    )


_STORE_PATH = "Save the file's path instead, and open it in the step that uses it."
KINDS = (
    (_is_generator, "a generator", "Save a list of what it yields: `{name} = list({name})`."),
    (_is_open_file, "an open file", _STORE_PATH),
    (_is_socket, "an open socket", "Save what was received, and connect in the step that needs it."),
    (_is_database, "a database connection", "Save the rows it gave, and connect again in the step that needs it."),
    (
        lambda kind: issubclass(kind, _LOCKS),
        "a lock",
        "Save the data it guards without it, or make it in each step that uses it.",
    ),
    (lambda kind: issubclass(kind, threading.Thread), "a thread", "Save its result, and start it where it is used."),
    (lambda kind: issubclass(kind, subprocess.Popen), "a running process", "Save what it printed or returned."),
    (lambda kind: issubclass(kind, types.ModuleType), "a module", "Import it in a cell without %%step instead."),
    (lambda kind: issubclass(kind, memoryview), "a memoryview", "Save its bytes: `bytes(…)`."),
    (lambda kind: issubclass(kind, _VIEWS), "a view of a dict", "Save a list of it: `list(…)`."),
    (lambda kind: issubclass(kind, weakref.ReferenceType), "a weak reference", "Save the object itself."),
    (lambda kind: issubclass(kind, _FRAMES), "a stack frame", "Save its text: `traceback.format_exc()`."),
)


def never_stored(value: Any) -> bool:
    """Open things that no pickler may store, even where one would try (cloudpickle reads open files)."""
    kind = type(value)
    return any(test(kind) for test in (_is_generator, _is_open_file, _is_socket, _is_database))


def explain(name: str, value: Any, culprit: Any, error: BaseException) -> StepError:
    """The refusal for a value whose pickling failed while ``culprit`` was being taken apart."""
    if isinstance(error, RecursionError):
        return StepError(
            f"`{name}` ({_type(value)}) is nested too deeply to be stored.",
            "Save it in a flatter form, such as a list.",
        )
    kind = type(culprit)
    for test, noun, advice in KINDS:
        if test(kind):
            what = f"{noun} (`{_type(culprit)}`)"
            if culprit is value:
                return StepError(f"`{name}` is {what}, which cannot be stored.", advice.format(name=name))
            where = _place(value, culprit)
            at = f" at {name}{where}" if where else ""
            return StepError(
                f"`{name}` is {_article(_type(value))} that holds {what}{at}, which cannot be stored.",
                advice.format(name=f"{name}{where}" if where else "it"),
            )
    return _unknown(name, value, culprit, error)


def _unknown(name: str, value: Any, culprit: Any, error: BaseException) -> StepError:
    where = "" if culprit is value else _place(value, culprit)
    holds = "" if culprit is value else f" at {name}{where}" if where else f" (it holds `{_type(culprit)}`)"
    return StepError(
        f"`{name}` ({_type(value)}) cannot be stored{holds}: {type(error).__name__}: {_text(error)}.",
        "Save what is needed to make it again, or make it in each step that uses it.",
    )


def needs_cloudpickle(name: str, value: Any) -> StepError:
    """The refusal for a lambda or closure in a kernel without cloudpickle."""
    return StepError(
        f"`{name}` ({_type(value)}) is or holds a lambda or an inner function or class, which needs cloudpickle, "
        "and this kernel does not have it.",
        f"To store it, {_CLOUDPICKLE}",
    )


def by_name_only(name: str, value: Any, culprit: Any) -> StepError:
    """The refusal for ``name:pickle`` where a reference would find nothing."""
    label = getattr(culprit, "__qualname__", _type(culprit))
    return StepError(
        f"`{name}` ({_type(value)}) is or holds `{label}`, which plain pickle cannot find by name.",
        f"Write `{name}` without `:pickle`, or define it in a cell of its own.",
    )


def _place(value: Any, culprit: Any) -> str:
    """How to get from a value to what it holds, as Python text (``['log']``, ``.handlers[0]``); "" if not found."""
    queue: deque[tuple[Any, str]] = deque([(value, "")])
    seen = {id(value)}
    while queue and len(seen) < SEARCHED:
        found, path = queue.popleft()
        for step, child in _children(found):
            if child is culprit:
                return path + step
            if id(child) not in seen:
                seen.add(id(child))
                queue.append((child, path + step))
    return ""


def _children(value: Any) -> list[tuple[str, Any]]:
    kind = type(value)
    if issubclass(kind, dict):
        return [(f"[{_key(key)}]", child) for key, child in dict.items(value)]
    if issubclass(kind, (list, tuple, deque)):
        return [(f"[{number}]", child) for number, child in enumerate(kind.__iter__(value))]
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except Exception:  # most objects without a __dict__, and hostile ones
        return []
    if type(attributes) is not dict:
        return []
    return [(f".{key}", child) for key, child in attributes.items()]


def _key(key: Any) -> str:
    return repr(key) if type(key) in (str, int, float, bool, tuple, type(None)) else f"<{_type(key)}>"


def _type(value: Any) -> str:
    return type(value).__name__


def _article(noun: str) -> str:
    return ("an " if noun[:1].lower() in "aeiou" else "a ") + noun


def _text(error: BaseException) -> str:
    try:
        return str(error).rstrip(".")
    except Exception:  # an exception of the user's with a broken __str__
        return "no message"
