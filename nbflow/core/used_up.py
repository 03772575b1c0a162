"""Objects that are used up in turn: random generators, iterators, cursors, open files.

Each use leaves less, or something else, for the next: ``rng.normal()``, ``next(rows)``, ``list(rows)``. So whatever
reads such an object changes it, and two steps that each have one of their own see other values than one after the other
with one between them. One table of what makes them; whether the root of a call is an import is for ``bindings``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbflow.core.model import UsedUp
from nbflow.core.units import assigned
from nbflow.core.walk import root_of, words_of
from nbflow.core.words import words

GENERATORS = words("default_rng RandomState Random Generator check_random_state")
"""Calls that make a random generator, also further back in a chain: ``torch.Generator().manual_seed(0)``."""
SEEDED_ANYHOW = frozenset({"torch"})
"""Modules whose generators begin alike where no seed is given."""

ITERATORS = words("""
    iter zip map filter enumerate reversed open
    reader DictReader cursor count cycle islice takewhile dropwhile accumulate
    iterrows itertuples iter_rows iter_batches scandir finditer imap imap_unordered
    """)
BUILTINS = words("iter zip map filter enumerate reversed open")
"""Those that no import brings."""
METHODS = words("cursor iterrows itertuples iter_rows iter_batches imap imap_unordered")
"""Those that an object has, whoever made it."""


def made_by(node: ast.stmt) -> tuple[tuple[str, str, UsedUp], ...]:
    """``(name, root, what)`` for the names that an assignment binds to such an object; ``root`` is what must be an
    import for it to be one, ``""`` where nothing must."""
    names, value = assigned(node)
    found = None if value is None else _kind_of(value)
    return tuple([(name, *found) for name in names]) if found is not None else ()


def _kind_of(value: ast.expr) -> tuple[str, UsedUp] | None:
    if isinstance(value, ast.GeneratorExp):
        return "", "iterator"
    if not isinstance(value, ast.Call):
        return None
    chain = words_of(value.func)
    if not chain:
        return None
    maker = next((word for word in chain if word in GENERATORS), "")
    if maker and chain[-1] in (maker, "manual_seed"):
        seeded = chain[0] in SEEDED_ANYHOW or any(_has_seed(call) for call in _calls(value))
        return chain[0], "generator" if seeded else "unseeded"
    if chain[-1] in ITERATORS and not root_of(value.func)[1]:
        free = chain[-1] in (BUILTINS if len(chain) == 1 else METHODS)
        return "" if free else chain[0], "iterator"
    if any(k.arg in ("chunksize", "iterator") for k in value.keywords) and chain[-1].startswith("read_"):
        return chain[0], "iterator"
    return None


def _has_seed(call: ast.Call) -> bool:
    given = [*call.args, *[k.value for k in call.keywords]]
    return any(not (isinstance(value, ast.Constant) and value.value is None) for value in given)


def _calls(node: ast.expr) -> Iterator[ast.Call]:
    while True:
        if isinstance(node, ast.Call):
            yield node
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return
