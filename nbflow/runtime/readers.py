"""Readers and writers that open files in native code, where the audit hook does not see them.

When one of their modules is imported (or is already), its functions are wrapped to report their paths. A
wrapper reports and calls; it may not change arguments, results or errors. To teach it a library, add a row to
``TABLE``. Read ``watch.py`` for what becomes of a report.
"""

from __future__ import annotations

import functools
import glob
import os
import sys
from typing import TYPE_CHECKING, Any

from . import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PATH_WORDS = ("path", "source", "sources", "where", "file", "path_or_paths", "path_or_buf", "filepath_or_buffer",
              "input_file", "output_file", "base_dir", "dest", "target", "io", "root_path", "workbook")  # fmt: skip

_POLARS_FRAME = ("write_parquet", "write_csv", "write_ipc", "write_ipc_stream", "write_avro", "write_json",
                 "write_ndjson", "write_excel", "write_delta")  # fmt: skip
_POLARS_SINKS = ("sink_parquet", "sink_csv", "sink_ipc", "sink_ndjson")

TABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "pandas": (
        *(("read", name) for name in ("read_parquet", "read_feather", "read_orc", "read_hdf")),
        *(("wrote", f"DataFrame.{name}") for name in ("to_parquet", "to_feather", "to_orc", "to_hdf")),
    ),
    "pyarrow": (("read", "memory_map"), ("read", "input_stream"), ("wrote", "output_stream")),
    "pyarrow.parquet": (
        *(("read", name) for name in ("read_table", "read_pandas", "read_metadata", "read_schema")),
        *(("read", f"{name}.__init__") for name in ("ParquetFile", "ParquetDataset")),
        ("wrote", "write_table"),
        ("wrote", "ParquetWriter.__init__"),
    ),
    "pyarrow.dataset": (("read", "dataset"), ("wrote", "write_dataset")),
    "pyarrow.csv": (("read", "read_csv"), ("read", "open_csv"), ("wrote", "write_csv")),
    "pyarrow.json": (("read", "read_json"),),
    "pyarrow.orc": (("read", "read_table"), ("read", "ORCFile.__init__"), ("wrote", "write_table")),
    "pyarrow.feather": (("read", "read_table"), ("read", "read_feather"), ("wrote", "write_feather")),
    "polars": (
        ("read", "read_*"),
        ("read", "scan_*"),
        *(("wrote", f"DataFrame.{name}") for name in _POLARS_FRAME),
        *(("wrote", f"LazyFrame.{name}") for name in _POLARS_SINKS),
    ),
}
"""Module → ``(read or wrote, dotted name in it)``; ``*`` at the end takes all functions that begin so."""

_MARK = "__nbflow_reports__"


def install() -> None:
    """Wrap what is loaded, and be there when the rest is imported. Calling it again does nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    for name in TABLE:
        module = sys.modules.get(name)
        if module is not None:
            _wrap_module(module, name)


def _wrap_module(module: ModuleType, module_name: str) -> None:
    for kind, dotted in TABLE[module_name]:
        owner: Any = module
        *path, last = dotted.split(".")
        for part in path:
            owner = getattr(owner, part, None)
        names = [n for n in vars(module) if n.startswith(last[:-1])] if last.endswith("*") else [last]
        for name in names:
            _wrap(owner, name, kind)


def _wrap(owner: Any, name: str, kind: str) -> None:
    function = getattr(owner, name, None)
    if not callable(function) or isinstance(function, type) or hasattr(function, _MARK):
        return
    is_method = isinstance(owner, type)
    try:
        call = _reporting(function, kind, is_method)
        setattr(owner, name, call)
        home = sys.modules.get(str(getattr(function, "__module__", "")))
        if getattr(home, name, None) is function:  # so that pickle finds it under its name
            setattr(home, name, call)
    except (AttributeError, TypeError):  # a class made in C: its calls stay unseen
        return


def _reporting(function: Callable[..., Any], kind: str, is_method: bool) -> Callable[..., Any]:
    begin = 1 if is_method else 0
    end = begin + 1 if is_method or kind == "read" else 2  # write_table(table, path)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        _report(kind, args[begin:end], kwargs)
        return function(*args, **kwargs)

    setattr(call, _MARK, True)
    return call


def _report(kind: str, first: Sequence[Any], kwargs: dict[str, Any]) -> None:
    try:
        given = [*first, *(kwargs[word] for word in PATH_WORDS if word in kwargs)]
        for path in (path for item in given for path in _paths(item)):
            if kind == "read":
                _report_read(path)
            else:
                watch.note("wrote", path)
    except Exception:  # a report must not fail the user's call
        return


def _paths(item: Any) -> Iterator[str]:
    if isinstance(item, (list, tuple)):
        for one in item:
            yield from _paths(one)
    elif isinstance(item, (str, os.PathLike)):
        path = os.path.expanduser(os.fsdecode(item))
        if "://" not in path.replace("file://", ""):
            yield path.removeprefix("file://")


def _report_read(path: str) -> None:
    with watch.unseen():
        matches = glob.glob(path, recursive=True) if glob.has_magic(path) and not os.path.exists(path) else []
    if matches:
        _report_listings(path)
    for match in matches or [path]:
        if os.path.isdir(match):
            _report_folder(match)
        else:
            watch.note("read", match)


def _report_listings(pattern: str) -> None:
    """The folders whose names decide what a pattern matches."""
    folder = os.path.dirname(pattern.partition("*")[0].partition("?")[0].partition("[")[0]) or "."
    with watch.unseen():
        deep = "/" in pattern[len(folder) + 1 :]
        folders = [where for where, _, _ in os.walk(folder)] if deep else [folder]
    for where in folders:
        watch.note("listed", where)


def _report_folder(folder: str) -> None:
    with watch.unseen():
        found = list(os.walk(folder))
    for where, _, names in found:
        watch.note("listed", where)
        for name in names:
            watch.note("read", os.path.join(where, name))


class _Finder:
    """Stands first among the finders, finds nothing itself, and wraps a module of ``TABLE`` once it is loaded."""

    def __init__(self) -> None:
        self._busy: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in TABLE or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = self._spec_of_others(name, path, target)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            _wrap_after_loading(spec.loader, name)
        return spec

    def _spec_of_others(self, name: str, path: Any, target: Any) -> ModuleSpec | None:
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec  # type: ignore[no-any-return,unused-ignore]
        return None


def _wrap_after_loading(loader: Any, name: str) -> None:
    """The loader stays what it is, but for one call of ``exec_module``."""
    exec_module = loader.exec_module

    def exec_and_wrap(module: ModuleType) -> None:
        __tracebackhide__ = True
        vars(loader).pop("exec_module", None)
        exec_module(module)
        _wrap_module(module, name)

    try:
        loader.exec_module = exec_and_wrap
    except AttributeError:  # a loader without room for it: this module's readers stay unseen
        return
