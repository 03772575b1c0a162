"""Pickle 5 in one file: the pickle, then its big buffers, so that loading maps them instead of copying.

Classes and functions of the notebook go by reference, and the names the bytes refer to in ``__main__`` are
kept: whoever loads them must have the same definitions. cloudpickle serves only what no reference reaches
(lambdas, closures). This module may not decide which format a value gets (``serializers.py``) nor word the
refusals (``refusals.py``).
"""

from __future__ import annotations

import copyreg
import functools
import io
import mmap
import pickle
import struct
import sys
import types
from typing import TYPE_CHECKING, Any

from . import refusals
from .failure import StepError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from .sink import Sink

MAGIC = b"nbflow pickle 1\n".ljust(64, b"\0")
ALIGNMENT = 64
OUT_OF_BAND = 4096
"""Buffers below this many bytes stay inside the pickle: a list of a million small arrays needs no table."""
MAPPED = 1024 * 1024
"""Files below this many bytes are read, not mapped."""

BY_REFERENCE = (type, types.FunctionType)
SINGLETON_TYPES = (type(None), type(NotImplemented), type(...))


class Unreachable(Exception):
    """A function or class that no module holds under its name, so that a reference would find nothing."""


class Rules:
    """What both picklers do with an object before anything else. One lives as long as one pickle."""

    def __init__(self) -> None:
        self.main_names: set[str] = set()
        self.last: Any = None
        """The object that was being taken apart when something failed."""
        self._frame_arrays: set[int] = set()
        self._block_type = _pandas_block_type()

    def override(self, value: Any) -> Any:
        """A reduced form, or ``NotImplemented`` for what the pickler does anyway. Raises ``Unreachable``."""
        self.last = value
        kind = type(value)
        if issubclass(kind, BY_REFERENCE):
            return self._by_reference(value, kind)
        if self._block_type is not None and issubclass(kind, self._block_type):
            return self._frame_block(value)
        if _module_of(value) == "__main__" and kind not in copyreg.dispatch_table:
            return self._of_main(value, kind)
        return NotImplemented

    def _by_reference(self, value: Any, kind: type) -> Any:
        if any(value is one for one in SINGLETON_TYPES) or kind in copyreg.dispatch_table:
            return NotImplemented
        module = _module_of(value)
        if module is None or module not in sys.modules:
            return NotImplemented
        if not _reaches(sys.modules[module], value.__qualname__, value):
            raise Unreachable
        if module == "__main__":
            self.main_names.add(value.__qualname__.partition(".")[0])
        return NotImplemented

    def _of_main(self, value: Any, kind: type) -> Any:
        """Some objects of the notebook pickle as the name that holds them (``T = TypeVar("T")``, ``@cache``)."""
        own = [getattr(kind, method) is not getattr(object, method) for method in ("__reduce_ex__", "__reduce__")]
        if not any(own):
            return NotImplemented
        reduced = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        if isinstance(reduced, str):
            if not _reaches(sys.modules["__main__"], reduced, value):
                raise Unreachable
            self.main_names.add(reduced.partition(".")[0])
        return reduced

    def _frame_block(self, block: Any) -> Any:
        """Frames that share memory copy on write. A pickle would keep the sharing and lose the copying."""
        values = block.values
        parts = [values, *(getattr(values, name, None) for name in ("_ndarray", "_data", "_mask"))]
        ids = {id(part) for part in parts if part is values or type(part).__name__ == "ndarray"}
        if not ids & self._frame_arrays:
            self._frame_arrays |= ids
            return NotImplemented
        own = values.copy(order="K") if type(values).__name__ == "ndarray" else values.copy()
        reduced = block.__reduce__()
        return (reduced[0], tuple(own if part is values else part for part in reduced[1]), *reduced[2:])


def _pandas_block_type() -> Any:
    """The base class of the blocks of a frame, where pandas is loaded and copies on write."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    try:
        if int(pandas.__version__.partition(".")[0]) < 3 and pandas.options.mode.copy_on_write is not True:
            return None
        return sys.modules["pandas._libs.internals"].Block
    except Exception:  # another layout of pandas: frames are pickled as pandas does it
        return None


def _module_of(value: Any) -> Any:
    try:
        return getattr(value, "__module__", None)
    except Exception:  # an object with a hostile __getattribute__
        return None


def _reaches(module: Any, path: str, value: Any) -> bool:
    found = module
    for part in path.split("."):
        found = getattr(found, part, None)
    return found is value


class _PlainPickler(pickle.Pickler):
    def __init__(self, file: Any, buffer_callback: Callable[[Any], Any], rules: Rules) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self._rules = rules

    def reducer_override(self, value: Any) -> Any:
        return self._rules.override(value)


@functools.lru_cache(maxsize=1)
def _cloud_pickler() -> Any:
    import cloudpickle

    class CloudPickler(cloudpickle.Pickler):  # type: ignore[misc,name-defined,unused-ignore]
        """Pickles by value only what cannot be reached by reference."""

        def __init__(self, file: Any, buffer_callback: Callable[[Any], Any], rules: Rules) -> None:
            super().__init__(file, protocol=5, buffer_callback=buffer_callback)
            self._rules = rules

        def reducer_override(self, value: Any) -> Any:
            if refusals.never_stored(value):
                self._rules.last = value
                raise TypeError(f"cannot pickle '{type(value).__name__}' object")
            try:
                reduced = self._rules.override(value)
            except Unreachable:
                return super().reducer_override(value)
            by_name = issubclass(type(value), BY_REFERENCE) and _module_of(value) in sys.modules
            return reduced if by_name or reduced is not NotImplemented else super().reducer_override(value)

    return CloudPickler


def dump(value: Any, sink: Sink, name: str, format_name: str | None) -> tuple[str, frozenset[str]]:
    """Write a value; returns the format used and the names it refers to in ``__main__``.

    ``format_name`` is ``pickle``, ``cloudpickle`` or ``None``: then cloudpickle where plain pickle does not reach.
    Raises ``StepError`` that names the variable and says what to do instead.
    """
    if format_name != "cloudpickle":
        rules = Rules()
        try:
            _write(value, sink, functools.partial(_PlainPickler, rules=rules))
            return "pickle", frozenset(rules.main_names)
        except Unreachable:
            if format_name is not None:
                raise refusals.by_name_only(name, value, rules.last) from None
        except StepError:  # of the sink: nothing is wrong with the value
            raise
        except Exception as error:
            raise refusals.explain(name, value, rules.last, error) from error
        sink.restart()
    rules = Rules()
    try:
        pickler = _cloud_pickler()
    except ImportError:
        raise refusals.needs_cloudpickle(name, value) from None
    try:
        _write(value, sink, functools.partial(pickler, rules=rules))
    except StepError:
        raise
    except Exception as error:
        raise refusals.explain(name, value, rules.last, error) from error
    return "cloudpickle", frozenset(rules.main_names)


def _write(value: Any, sink: Sink, pickler: Callable[..., Any]) -> None:
    views: list[memoryview] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < OUT_OF_BAND:
            return True
        views.append(view)
        return False

    sink.write(MAGIC)
    pickler(sink, buffer_callback=keep_inside).dump(value)
    spans = [(len(MAGIC), sink.position - len(MAGIC))]
    for view in views:
        sink.align(ALIGNMENT)
        spans.append((sink.position, view.nbytes))
        sink.write(view)
    for span in spans:
        sink.write(struct.pack("<QQ", *span))
    sink.write(struct.pack("<Q", len(spans)))


def load(path: str | os.PathLike[str]) -> Any:
    """Read what ``dump`` wrote. Big buffers are mapped copy-on-write: what is done to them stays in this process."""
    data = memoryview(mapped(path))
    if data[: len(MAGIC)] != MAGIC:
        raise StepError(f"{path} is no pickle of nbflow, or one of a newer version.")
    (count,) = struct.unpack_from("<Q", data, len(data) - 8)
    spans = list(struct.iter_unpack("<QQ", data[len(data) - 8 - 16 * count : len(data) - 8]))
    parts = [data[start : start + size] for start, size in spans]
    return _Unpickler(io.BytesIO(parts[0]), buffers=parts[1:]).load()


REFERRED: set[str] = set()
"""Modules that what was loaded refers to: its classes and functions."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        REFERRED.add(module)
        return super().find_class(module, name)


def mapped(path: str | os.PathLike[str]) -> mmap.mmap | bytearray:
    """A file's bytes, writable without changing the file: mapped copy-on-write where it is big."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if size >= MAPPED:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        file.seek(0)
        return bytearray(file.read())
