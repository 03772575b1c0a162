"""Stored results as Python objects again: the values of a record's variables.

Reading a pickle runs what is in it, so callers make sure first that the store is the person's own
(``store.home.require_own``). Nothing is bound here, and nothing decides whether a record is fresh. The bytes are read
by ``runtime.serializers``, as in the kernels of a run.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from nbflow.core.model import Artifact, Record
from nbflow.errors import StoreError, UsageError
from nbflow.runtime import serializers
from nbflow.store import Store


def variables(record: Record) -> tuple[str, ...]:
    """Names of the variables that a result holds."""
    return tuple(a.name for a in record.artifacts if a.kind == "variable")


def undefined(record: Record, names: Iterable[str], namespace: Container[str]) -> dict[str, tuple[str, ...]]:
    """Variable → names that its bytes refer to in ``__main__`` and that are not there: classes and functions which
    the notebook defines."""
    found = {name: tuple(n for n in artifact(record, name).main_names if n not in namespace) for name in names}
    return {name: missing for name, missing in found.items() if missing}


def values(store: Store, record: Record, names: Iterable[str]) -> dict[str, Any]:
    """Values of variables, by name. Outputs that shared objects share them again.

    Raises ``StoreError`` where the bytes are gone or cannot be read, ``UsageError`` for a name that it lacks."""
    bundles: dict[str, Any] = {}
    found = {}
    for name in names:
        made = artifact(record, name)
        if made.digest not in bundles or not made.member:
            bundles[made.digest] = _read(store, name, made)
        value = bundles[made.digest]
        found[name] = value[made.member] if made.member else value
    return found


def artifact(record: Record, name: str) -> Artifact:
    """One of the outputs of a result. Raises ``UsageError`` where it has none of that name."""
    found = record.artifact(name)
    if found is None:
        raise UsageError(f"The stored result of {record.step} has no '{name}'.", "Save the notebook, and run it again.")
    return found


def _read(store: Store, name: str, made: Artifact) -> Any:
    try:
        return serializers.load(store.blob(made.digest), made.format, made.type)
    except Exception as error:  # whatever a library raises for bytes that it does not like
        raise StoreError(f"'{name}' cannot be loaded: {type(error).__name__}: {error}.") from error
