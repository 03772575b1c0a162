"""Which outputs of a step share a mutable object, so that they are stored, and come back, together.

It walks what a pickle of each value would visit and keeps the identity of everything that may change. What
never changes (text, numbers, dtypes, indexes, types, …) may be shared freely. Frames that copy on write count
as one object each. It stores nothing; ``step.py`` asks it, ``pickles.py`` writes the bundle.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import pathlib
import pickle
import re
import sys
import types
import uuid
import weakref
from typing import Any

ATOMS = frozenset(
    {type(None), bool, int, float, complex, str, bytes, range, slice, type(...), type(NotImplemented)}
    | {datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone}
    | {decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern, types.CodeType, types.BuiltinFunctionType}
)
"""Types whose values never change and hold nothing that does."""

ATOM_BASES = (type, types.ModuleType, enum.Enum, pathlib.PurePath, datetime.tzinfo, logging.Logger)
TRANSPARENT = (tuple, frozenset, types.MethodType, functools.partial)
"""Types that never change themselves but may hold what does."""

CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque)

LIBRARY_ATOMS = {
    "numpy": ("dtype", "generic", "ufunc"),
    "pandas": ("Index", "Timestamp", "Timedelta", "Period", "Interval", "DateOffset"),
    "polars": ("Expr", "DataType"),
}
OPAQUE_ROOTS = ("pyarrow", "polars")
"""Libraries whose objects hold no Python objects that one could reach from outside."""

_SKIP = "skip"


class Identities(pickle.Pickler):
    """The mutable objects that one value is made of: ``objects`` maps their ``id`` to them.

    The objects, and those that ``__reduce__`` made on the way, are kept alive, for an ``id`` says nothing of the dead.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(_Nowhere(), protocol=5, buffer_callback=_keep_out)
        self.objects: dict[int, Any] = {}
        self._atom_bases, self._frames = _library_types()
        self._later: list[Any] = [value]
        while self._later:
            with contextlib.suppress(Exception):  # what cannot be pickled is refused, in words, when it is stored
                self.dump(self._later.pop())

    def persistent_id(self, value: Any) -> Any:
        kind = type(value)
        if kind in ATOMS:
            return None
        if kind in CONTAINERS:
            return self._container(value, kind)
        if issubclass(kind, types.FunctionType):
            return self._function(value)
        if issubclass(kind, self._atom_bases) or _is_dtype(kind):
            return _SKIP
        if _is_frozen(kind):  # its fields may hold what changes; its own __dict__ does not
            self._later.append([getattr(value, field, None) for field in kind.__dataclass_fields__])
            return _SKIP
        if issubclass(kind, TRANSPARENT):
            return None
        return self._mutable(value, kind)

    def _container(self, value: Any, kind: type) -> Any:
        if kind is not tuple and kind is not frozenset:
            self.objects[id(value)] = value
        held = set(map(type, value))
        if kind is dict:
            held |= set(map(type, value.values()))
        return _SKIP if held <= ATOMS else None

    def _mutable(self, value: Any, kind: type) -> Any:
        self.objects[id(value)] = value
        if issubclass(kind, self._frames):
            self._later.extend(_objects_of_frame(value))
            return _SKIP
        if kind.__module__.partition(".")[0] in OPAQUE_ROOTS:
            return _SKIP
        if kind.__name__ == "ndarray" and kind.__module__ == "numpy" and not value.dtype.hasobject:
            return _SKIP
        return None

    def _function(self, function: types.FunctionType) -> Any:
        """A closure is stored with what it holds; a function that is found by name is not."""
        module = sys.modules.get(function.__module__ or "")
        if getattr(module, function.__qualname__, None) is function:
            return _SKIP
        if id(function) not in self.objects:
            self.objects[id(function)] = function
            cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
            held = [function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__]
            self._later.append([cells, held, function.__defaults__, function.__kwdefaults__, dict(function.__dict__)])
        return _SKIP


def _keep_out(_buffer: pickle.PickleBuffer) -> None:
    """Nothing is written, so no buffer need be copied."""


class _Nowhere(io.RawIOBase):
    def write(self, data: Any) -> int:
        return len(data)


def _library_types() -> tuple[tuple[type, ...], tuple[type, ...]]:
    """Unchanging types and frame types of the libraries that are loaded."""
    atoms: list[type] = [*ATOM_BASES, weakref.ReferenceType, property]
    for library, names in LIBRARY_ATOMS.items():
        found = (getattr(sys.modules.get(library), name, None) for name in names)
        atoms.extend(kind for kind in found if isinstance(kind, type))
    frames = (getattr(sys.modules.get("pandas"), name, None) for name in ("DataFrame", "Series"))
    return tuple(atoms), tuple(kind for kind in frames if isinstance(kind, type))


def _is_dtype(kind: type) -> bool:
    return kind.__name__.endswith(("Dtype", "DType")) or kind.__name__ in ("NAType", "NaTType")


def _is_frozen(kind: type) -> bool:
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> set[str]:
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*inner)


def _objects_of_frame(frame: Any) -> list[Any]:
    """What a frame holds that is no number or text: cells of object columns, attrs, attributes of a subclass."""
    columns = [frame] if frame.ndim == 1 else [frame.iloc[:, i] for i in range(frame.shape[1])]
    held: list[Any] = [list(column) for column in columns if getattr(column.dtype, "hasobject", False)]
    own = {key: item for key, item in vars(frame).items() if key not in ("_mgr", "_item_cache", "_name", "_flags")}
    return [*held, *own.values()]


def groups(values: dict[str, Any]) -> list[list[str]]:
    """Names in groups that share a mutable object, in the order given; most groups have one name."""
    if len(values) < 2:
        return [[name] for name in values]
    identities = {name: Identities(value) for name, value in values.items()}
    found: list[tuple[list[str], set[int]]] = []
    for name, identity in identities.items():
        ids = set(identity.objects)
        related = [group for group in found if not group[1].isdisjoint(ids)]
        names = [member for group in related for member in group[0]] + [name]
        found = [group for group in found if group not in related]
        found.append((names, ids.union(*(group[1] for group in related))))
    order = list(values)
    return sorted((sorted(names, key=order.index) for names, _ in found), key=lambda names: order.index(names[0]))


def share(one: Any, other: Any) -> bool:
    """Whether two values are, or hold, one mutable object."""
    first, second = Identities(one), Identities(other)
    return not first.objects.keys().isdisjoint(second.objects.keys())
