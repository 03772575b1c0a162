"""A digest of what a value holds now, to see later whether somebody changed it in place.

Arrays and frames count by their buffers, whatever their size; other objects by a pickle of at most 64 MB. A
digest is compared within one process only and never stored. ``None`` means: cannot be compared. Read
``step.py`` for the contracts it serves.
"""

from __future__ import annotations

import pickle
import sys
import types
from typing import Any

from . import arrays
from .digests import Hasher

LIMIT = 64 * 1024 * 1024
"""Bytes of pickle, with the arrays inside, above which other objects are not compared."""

NOT_DATA = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.GeneratorType)


class _TooBig(Exception):
    pass


def content_digest(value: Any) -> str | None:
    """Digest of a value's content, or ``None`` where it cannot be had or would cost too much."""
    try:
        if isinstance(value, NOT_DATA):
            return None
        direct = _of_data(value)
        return direct if direct is not None else _of_object(value)
    except Exception:  # what cannot be pickled, or is too big, is not compared
        return None


def _of_data(value: Any) -> str | None:
    """Of an array, frame, series or index; ``None`` for other types."""
    kind = type(value)
    if kind.__name__ == "ndarray" and arrays.is_plain_array(value):
        return None if value.dtype.hasobject else _of_array(value)
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and issubclass(kind, (pandas.DataFrame, pandas.Series, pandas.Index)):
        return _of_pandas(value)
    if polars is not None and issubclass(kind, (polars.DataFrame, polars.Series)):
        return _of_polars(value)
    return None


def _of_array(array: Any) -> str:
    hasher = Hasher()
    hasher.update(repr((array.dtype.str, array.dtype.descr, array.shape)).encode())
    for piece in arrays.raw_pieces(array):
        hasher.update(piece)
    return hasher.hexdigest()


def _of_pandas(value: Any) -> str:
    hasher = Hasher()
    for part in _pandas_parts(value):
        hasher.update((part if isinstance(part, str) else _of_values(part)).encode())
    return hasher.hexdigest()


def _pandas_parts(value: Any) -> list[Any]:
    if value.ndim == 2:
        columns = [value.iloc[:, number].array for number in range(value.shape[1])]
        return ["frame", _of_object(value.attrs), value.columns, value.index, *columns]
    if hasattr(value, "index"):
        return ["series", repr(value.name), _of_object(value.attrs), value.index, value.array]
    if value.nlevels > 1:
        return ["index", repr(list(value.names)), *value.levels, *value.codes]
    if type(value).__name__ == "RangeIndex":
        return [repr(value)]
    return ["index", repr(value.name), value.array]


def _of_values(values: Any) -> str:
    """Of an index, or of the array behind one column."""
    if hasattr(values, "nlevels"):
        return _of_pandas(values)
    plain = getattr(values, "_ndarray", values)
    if arrays.is_plain_array(plain) and not plain.dtype.hasobject:
        return str(values.dtype) + _of_array(plain)
    if arrays.is_plain_array(plain):
        return _of_object(plain.tolist(), limit=None)
    return _of_object(values, limit=None)


def _of_polars(value: Any) -> str:
    import polars

    frame = value.to_frame() if isinstance(value, polars.Series) else value
    hasher = Hasher()
    hasher.update(f"{type(value).__name__} {frame.schema}".encode())
    file: Any = _Measured(hasher, None)
    frame.write_ipc_stream(file)
    return hasher.hexdigest()


def _of_object(value: Any, limit: int | None = LIMIT) -> str:
    hasher = Hasher()
    sink = _Measured(hasher, limit)
    _ContentPickler(sink).dump(value)
    return hasher.hexdigest()


class _Measured:
    """A file for a pickler that hashes, and gives up beyond a limit."""

    def __init__(self, hasher: Hasher, limit: int | None) -> None:
        self._hasher = hasher
        self._limit = limit
        self._size = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.count(len(piece))
        self._hasher.update(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def count(self, size: int) -> None:
        self._size += size
        if self._limit is not None and self._size > self._limit:
            raise _TooBig


def _placeholder(digest: str) -> str:
    """Stands in a pickle for an array or frame whose content was hashed by itself."""
    return digest


class _ContentPickler(pickle.Pickler):
    def __init__(self, sink: _Measured) -> None:
        super().__init__(sink, protocol=5)
        self._sink = sink

    def reducer_override(self, value: Any) -> Any:
        if not arrays.is_plain_array(value) and type(value).__module__.partition(".")[0] not in ("pandas", "polars"):
            return NotImplemented
        size = getattr(value, "nbytes", 0)
        if isinstance(size, int) and not isinstance(value, type):
            self._sink.count(size)
        digest = None if isinstance(value, type) else _of_data(value)
        return NotImplemented if digest is None else (_placeholder, (digest,))
