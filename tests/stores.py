"""What the tests of the store have in common: small records, and what lies in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbflow.core.model import Artifact, Record
from nbflow.store import Store

KEY = "ab12" * 16
NOWHERE = "0" * 64
"""A digest that no bytes have."""

ELSEWHERE = (
    "Give yourself write permission there, or keep the store elsewhere: `store` in [tool.nbflow], or NBFLOW_STORE."
)
"""The fix where the store may not be written."""


def variable(store: Store, data: bytes, name: str = "x") -> Artifact:
    """A variable whose bytes are stored."""
    return Artifact(name, "variable", store.put(data), "pickle", len(data))


def record(id_: str, *artifacts: Artifact, key: str = KEY, **other: Any) -> Record:
    """A record of one attempt."""
    return Record(key, id_, "nb.step", "20261124-153012-k3x9", "2026-11-24T15:30:12.000Z", 1.5, {}, artifacts, **other)


def tree(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def written(path: Path, data: bytes) -> Path:
    """The path, once the bytes are there."""
    path.write_bytes(data)
    return path
