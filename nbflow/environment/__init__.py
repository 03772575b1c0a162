"""What a key must know of the world: the kernel's interpreter, its packages, local modules, files and variables.

Answers the questions of ``nbflow.core.surroundings`` by looking at the disk and asking interpreters, and remembers what
it was told. It executes no user code, starts no kernel and writes nothing but its own memory. Start with
``surroundings.py``.
"""

from __future__ import annotations

from nbflow.environment.interpreter import KernelSpec
from nbflow.environment.surroundings import Surroundings

__all__ = ["KernelSpec", "Surroundings"]
