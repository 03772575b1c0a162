"""How values become files and come back equal: one class for each format, one table, one choice.

The choice takes the plainest format that gives back exactly the same value: ``.npy``, then JSON, then pickle.
It may import heavy libraries only inside functions, and only those the value needs. Read ``pickles.py`` for
the default of most objects, ``tables.py`` for the portable formats of frames.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import arrays, pickles, tables
from .describe import describe
from .failure import StepError
from .sink import Sink

if TYPE_CHECKING:
    import os
    from typing import Protocol

    class Serializer(Protocol):
        """One format. ``save`` raises ``StepError`` that names the variable for what it cannot write."""

        def save(self, name: str, value: Any, path: str) -> Saved: ...

        def load(self, path: str, kind: str, /) -> Any: ...


JSON_NODES = 100_000
"""Containers and values that the exactness test of JSON looks at; a bigger value is pickled."""
JSON_DEPTH = 50
JSON_INT_BITS = 256


@dataclass(frozen=True)
class Saved:
    """A value in a file."""

    format: str
    digest: str
    size: int
    """Bytes."""
    type: str
    """For a person."""
    main_names: tuple[str, ...] = ()
    """Names in ``__main__`` that the bytes refer to."""


class Npy:
    """One numpy array in numpy's own format."""

    def save(self, name: str, value: Any, path: str) -> Saved:
        if not arrays.is_plain_array(value):
            raise wrong_type(name, value, "npy", "a numpy array")
        if not arrays.survives_npy(value.dtype):
            raise StepError(
                f"`{name}` has dtype {value.dtype}, which the .npy format does not keep as it is.",
                f"Write `{name}` without `:npy`.",
            )
        with Sink(path) as sink:
            arrays.write_npy(value, sink)
            digest, size = sink.finish()
        return Saved("npy", digest, size, describe(value))

    def load(self, path: str, _kind: str) -> Any:
        return arrays.read_npy(path)


class Json:
    """Builtin values that JSON gives back with the same types."""

    def save(self, name: str, value: Any, path: str) -> Saved:
        flaw = json_flaw(value, strict=False)
        text = ""
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False) if flaw is None else ""
        except (ValueError, RecursionError):
            flaw = " holds itself, or is nested too deeply"
        if flaw:
            raise StepError(
                f"`{name}` cannot be written as JSON and come back equal: {name}{flaw}.",
                f"Convert it, or write `{name}` without `:json`.",
            )
        with Sink(path) as sink:
            sink.write(text.encode())
            digest, size = sink.finish()
        return Saved("json", digest, size, describe(value))

    def load(self, path: str, _kind: str) -> Any:
        with open(path, encoding="utf-8") as file:
            return json.load(file)


class Text:
    """One str, as UTF-8."""

    def save(self, name: str, value: Any, path: str) -> Saved:
        if type(value) is not str:
            raise wrong_type(name, value, "text", "a str")
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise StepError(
                f"`{name}` holds a character at position {error.start} that UTF-8 cannot write.",
                f"Write `{name}` without `:text`.",
            ) from None
        with Sink(path) as sink:
            sink.write(data)
            digest, size = sink.finish()
        return Saved("text", digest, size, describe(value))

    def load(self, path: str, _kind: str) -> Any:
        with open(path, "rb") as file:
            return file.read().decode()


class Pickle:
    """Any object. ``format_name`` is ``pickle`` or ``cloudpickle``; ``None`` takes whichever reaches."""

    def __init__(self, format_name: str | None) -> None:
        self._format = format_name

    def save(self, name: str, value: Any, path: str) -> Saved:
        with Sink(path) as sink:
            used, main_names = pickles.dump(value, sink, name, self._format)
            digest, size = sink.finish()
        return Saved(used, digest, size, describe(value), tuple(sorted(main_names)))

    def load(self, path: str, _kind: str) -> Any:
        return pickles.load(path)


class Frame:
    """A pandas or polars frame in a portable format."""

    def __init__(self, format_name: str) -> None:
        self._format = format_name

    def save(self, name: str, value: Any, path: str) -> Saved:
        digest, size = tables.save(self._format, name, value, path)
        return Saved(self._format, digest, size, describe(value))

    def load(self, path: str, kind: str) -> Any:
        return tables.load(self._format, path, kind)


TABLE: dict[str, Serializer] = {
    "npy": Npy(),
    "json": Json(),
    "pickle": Pickle("pickle"),
    "cloudpickle": Pickle("cloudpickle"),
    "parquet": Frame("parquet"),
    "arrow": Frame("arrow"),
    "csv": Frame("csv"),
    "text": Text(),
}
"""What ``name:FORMAT`` may ask for."""

ANY = Pickle(None)


def save(name: str, value: Any, path: str | os.PathLike[str], format_name: str | None = None) -> Saved:
    """Write a value into a new file, durably, in the declared format or the one that fits.

    Raises ``StepError`` that names the variable where the value cannot be stored, or not in that format.
    """
    if format_name is not None and format_name not in TABLE:
        raise StepError(f"`{name}:{format_name}` names no format.", f"Formats are: {', '.join(TABLE)}.")
    serializer = TABLE[format_name] if format_name is not None else choose(value)
    return serializer.save(name, value, str(path))


def load(path: str | os.PathLike[str], format_name: str, kind: str = "") -> Any:
    """Read a value back. ``kind`` is the words ``Saved.type`` has, which tell whose frame a CSV file was."""
    return TABLE[format_name].load(str(path), kind)


def choose(value: Any) -> Serializer:
    """The default: the plainest format that gives back exactly this value."""
    if arrays.is_plain_array(value) and value.flags.writeable and arrays.survives_npy(value.dtype):
        return TABLE["npy"]
    return TABLE["json"] if json_flaw(value, strict=True) is None else ANY


def json_flaw(value: Any, strict: bool) -> str | None:
    """The place and nature of the first thing that JSON would not give back equal, ``None`` where all is well.

    ``strict`` also objects to what a declared format may lose: one container that occurs twice, great size.
    """
    queue: list[tuple[Any, str, int]] = [(value, "", 0)]
    seen: set[int] = set()
    for found, path, depth in queue:
        kind = type(found)
        if kind is dict or kind is list:
            if id(found) in seen:
                if strict:
                    return path + " occurs twice, or holds itself"
                continue
            seen.add(id(found))
            if strict and (depth > JSON_DEPTH or len(queue) + len(found) > JSON_NODES):
                return path + " is big"
            flaw = _queue_children(found, path, depth, queue)
        else:
            flaw = _leaf_flaw(found, kind, strict)
        if flaw:
            return path + flaw
    return None


def _queue_children(found: Any, path: str, depth: int, queue: list[tuple[Any, str, int]]) -> str | None:
    if type(found) is list:
        queue.extend((child, f"{path}[{number}]", depth + 1) for number, child in enumerate(found))
        return None
    for key, child in found.items():
        if type(key) is not str:
            return f" has the key {key!r} of type {type(key).__name__}, and JSON keys are str"
        flaw = _leaf_flaw(key, str, True)
        if flaw:
            return f"[{key!r}]{flaw}"
        queue.append((child, f"{path}[{key!r}]", depth + 1))
    return None


def _leaf_flaw(value: Any, kind: type, strict: bool) -> str | None:
    if value is None or kind is bool:
        return None
    if kind is int:
        limit = JSON_INT_BITS if strict else 10_000
        return None if value.bit_length() <= limit else " is a very long int"
    if kind is float:
        return None if math.isfinite(value) else f" is {value}, which JSON does not have"
    if kind is str:
        return None if _is_utf8(value) else " holds characters that UTF-8 cannot write"
    return f" is of type {kind.__name__}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def wrong_type(name: str, value: Any, format_name: str, wanted: str) -> StepError:
    """The refusal of a declared format for another type of value."""
    return StepError(
        f"`{name}:{format_name}` needs {wanted}, and `{name}` is of type {type(value).__name__}.",
        f"Write `{name}` without `:{format_name}`.",
    )
