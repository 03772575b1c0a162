"""Spares the parts of a kernel the search for what is configured for them, where nothing is.

A kernel is made of some thirty configurable parts. Each looks for its own sections, and for those within the sections
of the parts above it, in a configuration that names two or three.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def sought_where_named() -> Iterator[None]:
    """Meanwhile a part that no section is named after finds nothing at once."""
    from traitlets import config

    parts: Any = config.Configurable
    usual = getattr(parts, "_find_my_config", None)
    if usual is None:  # a version that does it otherwise
        yield
        return

    def named(section: Any) -> Iterator[str]:
        for name, value in section.items():
            if isinstance(value, config.Config):
                yield name
                yield from named(value)

    def find(part: Any, given: Any) -> Any:
        own = {each.__name__ for each in type(part).__mro__}
        return config.Config() if own.isdisjoint(named(given)) else usual(part, given)

    parts._find_my_config = find
    try:
        yield
    finally:
        parts._find_my_config = usual
