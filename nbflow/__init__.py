"""nbflow turns an ordinary Jupyter notebook into a pipeline.

Tag cells with ``%%step NAME -i … -o …``; ``nbflow run`` executes the notebook as a DAG: every step in a clean kernel of
its own, in parallel where the data allow, skipping what is already made. In Python: ``nbflow.open("flow.ipynb").run()``
(see ``nbflow.api``); in the notebook: ``%load_ext nbflow`` and ``%flow``. Importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.api import Findings, Pipeline, Plan, Run, Status, Why, open  # noqa: A004 (people write `nbflow.open`)

__version__ = "0.1.0"

__all__ = [
    "Findings", "Pipeline", "Plan", "Run", "Status", "Why", "__version__", "load_ipython_extension", "open",
    "unload_ipython_extension",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The Python API, loaded when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'nbflow' has no attribute '{name}'")
    from nbflow import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext nbflow``: from here on ``%%step`` cells and ``%flow`` work in this kernel. Starts nothing, reads no
    file."""
    from nbflow.ui.magic import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext nbflow``: the kernel is as it was before."""
    from nbflow.ui.magic import unload_ipython_extension as unload

    unload(ipython)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where the built JupyterLab extension lies, for tools that link it."""
    return [{"src": "labextension", "dest": "nbflow"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What a Jupyter server asks a package that it is to load."""
    from nbflow.server.app import NbflowServer

    return [{"module": "nbflow.server.app", "app": NbflowServer}]
