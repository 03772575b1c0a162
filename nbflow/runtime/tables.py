"""Frames in the formats that other programs read: parquet, arrow (the IPC file format) and csv.

They keep what the format keeps, no more; a value that the format cannot write is an error that names the
variable. Libraries are imported inside functions. Read ``serializers.py`` for the table of formats.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from . import digests
from .failure import StepError

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARIES = ("pandas", "polars")
_MISSING_PYARROW = "Install pyarrow in the kernel's environment, or write `{name}` without `:{format_name}`."


def library_of(value: Any) -> str | None:
    """``pandas`` or ``polars`` for a frame of theirs (or of a subclass), ``None`` for anything else."""
    for library in LIBRARIES:
        frame = getattr(sys.modules.get(library), "DataFrame", None)
        if isinstance(frame, type) and issubclass(type(value), frame):
            return library
    return None


def save(format_name: str, name: str, value: Any, path: str) -> tuple[str, int]:
    """Write a frame durably; returns ``(digest, bytes)``."""
    library = library_of(value)
    if library is None:
        raise _no_frame(format_name, name, value)
    try:
        _WRITERS[library, format_name](value, path)
    except ImportError:
        raise StepError(
            f"`{name}:{format_name}` needs pyarrow, and this kernel does not have it.",
            _MISSING_PYARROW.format(name=name, format_name=format_name),
        ) from None
    except Exception as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise StepError(
            f"`{name}` cannot be written as {format_name}: {type(error).__name__}: {text}.",
            f"Convert what the format does not have, or write `{name}` without `:{format_name}`.",
        ) from error
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return digests.digest_file(path), os.stat(path).st_size


def _no_frame(format_name: str, name: str, value: Any) -> StepError:
    kind = type(value).__name__
    fix = f"Write `{name}` without `:{format_name}`."
    if kind == "Series":
        fix = f"Make it a frame (`{name}.to_frame()`), or write `{name}` without `:{format_name}`."
    elif kind == "LazyFrame":
        fix = f"Collect it first: `{name} = {name}.collect()`."
    return StepError(f"`{name}:{format_name}` needs a pandas or polars DataFrame, and `{name}` is of type {kind}.", fix)


def load(format_name: str, path: str, kind: str = "") -> Any:
    """Read a frame back with the library that wrote it.

    ``kind`` is the type in words that was recorded. Parquet and arrow say themselves whose they are; of a csv
    file whose kind is not known, pandas reads it.
    """
    if format_name == "csv":
        library = "polars" if kind.startswith("polars") else "pandas"
    else:
        library = "pandas" if _has_pandas_schema(format_name, path) else "polars"
    return _READERS[library, format_name](path)


def _has_pandas_schema(format_name: str, path: str) -> bool:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return False  # pandas cannot have written it, nor read it, without pyarrow
    if format_name == "parquet":
        metadata = pyarrow.parquet.read_schema(path).metadata
    else:
        with pyarrow.OSFile(path) as file:
            metadata = pyarrow.ipc.open_file(file).schema.metadata
    return b"pandas" in (metadata or {})


def _pandas_parquet(frame: Any, path: str) -> None:
    frame.to_parquet(path, engine="pyarrow")


def _pandas_arrow(frame: Any, path: str) -> None:
    import pyarrow

    table = pyarrow.Table.from_pandas(frame)
    with pyarrow.OSFile(path, "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _pandas_csv(frame: Any, path: str) -> None:
    """The index is written where it says something: any but the default count from 0."""
    import pandas

    index = frame.index
    default = type(index) is pandas.RangeIndex and index.start == 0 and index.step == 1 and index.name is None
    frame.to_csv(path, index=not default)


def _read_pandas_parquet(path: str) -> Any:
    import pandas

    return pandas.read_parquet(path, engine="pyarrow")


def _read_pandas_arrow(path: str) -> Any:
    import pyarrow

    with pyarrow.OSFile(path) as file:
        return pyarrow.ipc.open_file(file).read_all().to_pandas()


def _read_pandas_csv(path: str) -> Any:
    import pandas

    return pandas.read_csv(path)


def _read_polars(reader: str, path: str) -> Any:
    import polars

    return getattr(polars, reader)(path)


_WRITERS: dict[tuple[str, str], Callable[[Any, str], object]] = {
    ("pandas", "parquet"): _pandas_parquet,
    ("pandas", "arrow"): _pandas_arrow,
    ("pandas", "csv"): _pandas_csv,
    ("polars", "parquet"): lambda frame, path: frame.write_parquet(path),
    ("polars", "arrow"): lambda frame, path: frame.write_ipc(path),
    ("polars", "csv"): lambda frame, path: frame.write_csv(path),
}
_READERS: dict[tuple[str, str], Callable[[str], Any]] = {
    ("pandas", "parquet"): _read_pandas_parquet,
    ("pandas", "arrow"): _read_pandas_arrow,
    ("pandas", "csv"): _read_pandas_csv,
    ("polars", "parquet"): lambda path: _read_polars("read_parquet", path),
    ("polars", "arrow"): lambda path: _read_polars("read_ipc", path),
    ("polars", "csv"): lambda path: _read_polars("read_csv", path),
}
