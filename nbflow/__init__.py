"""nbflow turns an ordinary Jupyter notebook into a pipeline.

Tag cells with ``%%step NAME -i … -o …``; ``nbflow run`` executes the notebook as a DAG: every step in a clean kernel of
its own, in parallel where the data allow, skipping what is already made. Importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext nbflow``: from here on ``%%step`` cells run in this kernel. Starts nothing, reads no file."""
    from nbflow.ui.magic import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext nbflow``: the kernel is as it was before."""
    from nbflow.ui.magic import unload_ipython_extension as unload

    unload(ipython)
