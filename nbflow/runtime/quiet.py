"""Our own work says nothing of its own accord: what it has to say goes into the result."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """Show no warnings meanwhile: a value that is looked at or saved may warn, and it would stand below a cell of the
    person's, who did not ask for it. Filters stay as they are, so nothing is shown twice later."""
    show, warnings.showwarning = warnings.showwarning, lambda *_, **__: None
    try:
        yield
    finally:
        warnings.showwarning = show
