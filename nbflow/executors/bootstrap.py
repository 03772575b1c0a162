"""The opening of every slice: a cell that loads the runtime into the kernel and opens the step's work order.

The runtime is loaded from its folder of source files, so a kernel needs no nbflow; a forked one has it already. Nothing
but ``__nbflow__`` is left in the user's namespace. The code runs on Python 3.9 and later.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "_nbflow_runtime"
"""What the runtime is called in a kernel."""

ENTRY = "step"
"""The module in it that a slice calls."""

AHEAD = "watch_ahead"
"""The function in that module that begins to watch a kernel before it has a step. Where it was called, the opening may
come behind the first cell."""

_TEMPLATE = """\
def __nbflow__():
    import importlib.util, sys
    folder, name = {folder!r}, {package!r}
    if name not in sys.modules:
        file = folder + "/__init__.py"
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[folder])
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return importlib.import_module(name + ".{entry}").open_order({order!r}, get_ipython().user_ns)
__nbflow__ = __nbflow__()"""


def bootstrap(runtime_folder: Path, order_file: Path) -> str:
    """Source of the cell. Both paths as the kernel sees them, absolute."""
    return _TEMPLATE.format(folder=runtime_folder.as_posix(), package=PACKAGE, entry=ENTRY, order=str(order_file))
