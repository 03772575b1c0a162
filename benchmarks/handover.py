"""Handing 1 GB of numbers from one step to the next, against ``np.save``, a sync and ``np.load``.

Ours is what happens between the last line of a step and the first line of the next one: save and hash, make durable,
move into the store, load. The check for changes in place is off, as the other side has none. Both sides read the whole
array once at the end, for a file that is only mapped has been loaded only then; and each is told how much memory of its
own a load takes.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import in_turn
from benchmarks.table import Row, seconds
from nbflow.runtime import step
from nbflow.store import Store

SIZE = 10**9
TIMES = 3


def rows(folder: Path) -> Iterator[Row]:
    import numpy

    array = numpy.random.default_rng(0).standard_normal(SIZE // 8)
    owned: list[int] = []
    ours, theirs = in_turn(
        [partial(_nbflow, folder / "ours", array, owned), partial(_numpy, folder / "theirs.npy", array)], TIMES
    )
    yield Row("hand over 1 GB of float64", seconds(ours), "`np.save`, `fsync`, `np.load`", seconds(theirs),
              f"{ours / theirs:.2f} × the time", "≤ 1.30 ×", ours / theirs <= 1.3)  # fmt: skip
    most = max(owned) / 2**20
    yield Row("memory of its own that the load of it takes", f"{most:.0f} MB", "the array", f"{SIZE / 2**20:.0f} MB",
              "maps, does not copy" if most < 10 else "copies", "≤ 10 MB", most <= 10)  # fmt: skip


def _nbflow(folder: Path, array: Any, owned: list[int]) -> float:
    store = Store(folder / "store")
    attempt = store.workspace("attempt")
    number = {"name": "x", "format": None}
    maker: dict[str, Any] = {"x": array}
    made = _order(folder, attempt, store, inputs=[], outputs=[number])
    runtime = step.open_order(made, maker)
    runtime.begin()

    start = time.perf_counter()
    runtime.finish()
    saved = json.loads((attempt / "result.json").read_text())["artifacts"][0]
    store.adopt(attempt / saved["blob"], saved["digest"])
    took = time.perf_counter() - start

    given = {"name": "x", "digest": saved["digest"], "format": saved["format"], "step": "maker"}
    taker: dict[str, Any] = {}
    loading = step.open_order(_order(folder, attempt, store, inputs=[given], outputs=[]), taker)
    start, before = time.perf_counter(), _private()
    loading.bind("x")
    loading.begin()
    owned.append(_private() - before)
    total = taker["x"].sum()
    took += time.perf_counter() - start
    loading.finish()
    assert total == array.sum()
    del taker
    store.blob(saved["digest"]).unlink()  # the next round stores it anew
    shutil.rmtree(attempt)
    return took


def _order(folder: Path, attempt: Path, store: Store, **what: Any) -> str:
    order = {
        "schema": step.SCHEMA, "step": "bench.step", "attempt_folder": str(attempt), "blobs": str(store.blobs),
        "project_root": str(folder), "notebook_folder": str(folder), "run_folders": [], "files": [], "together": [],
        "watch": [], "own_definitions": [], "contracts": False, **what,
    }  # fmt: skip
    path = attempt / "order.json"
    path.write_text(json.dumps(order))
    return str(path)


def _numpy(path: Path, array: Any) -> float:
    import numpy

    start = time.perf_counter()
    with path.open("wb") as file:
        numpy.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    total = numpy.load(path).sum()
    took = time.perf_counter() - start
    assert total == array.sum()
    path.unlink()
    return took


def _private() -> int:
    """Bytes of memory that belong to this process alone."""
    import psutil

    return int(psutil.Process().memory_full_info().uss)
