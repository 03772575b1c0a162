"""Decides which modules a fork server loads ahead, what kind of kernel a step gets, and which are made next.

Pure: values in, values out. The rule is that a step must not be able to tell. A module is loaded ahead only if every
slice that changes variables, folder or path imports it before it does so, and no slice could find it in a package
without having imported it; a kernel is forked only if the notebook's
folder holds nothing that would have been imported in the place of what is loaded. What else makes a module unfit shows
only when it is imported: see ``farside/preload``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbflow.core.imports import Imports
from nbflow.core.words import words

MOST_SERVERS = 4
"""Each takes some memory, and a while of one core to come up."""

MOST_STATEMENTS = 300
"""What one message to a server may hold."""

DENIED = words("""
    tensorflow jax jaxlib grpc ray cupy cudf rmm pycuda numba.cuda torch_xla mpi4py.MPI rpy2.rinterface jpype clr
    gevent.monkey eventlet.patcher PyQt5.QtWidgets PyQt6.QtWidgets PySide2.QtWidgets PySide6.QtWidgets wx
    pyspark.java_gateway distributed.comm.ucx faiss comet_ml wandb ddtrace sentry_sdk newrelic
    """)
"""Modules that start engines, contexts or loops of their own as they are imported, which a fork does not bear."""

Statement = tuple[str, str]
"""``(module, "")``: ``import module``; ``(module, name)``: ``from module import name``."""


Place = tuple[str, Path]
"""Name of a kernelspec, and a folder: kernels that are alike in both come from one server."""


@dataclass(frozen=True, slots=True)
class Want:
    """What kernel a step needs. Kernels that are wanted alike serve alike."""

    kernel: str
    """Name of the kernelspec."""
    folder: Path
    environment: tuple[tuple[str, str], ...] = ()
    """All variables it starts with, in order."""

    @property
    def place(self) -> Place:
        return self.kernel, self.folder


# --- what is loaded ahead ------------------------------------------------------------------------------


def to_load(
    slices: Iterable[Imports], installed: Callable[[str], bool], denied: Collection[str] = DENIED
) -> tuple[Statement, ...]:
    """The import statements that a server runs ahead for these slices. ``installed``: whether a dotted module comes
    from an installed distribution."""
    slices = list(slices)
    wanted = dict.fromkeys(module for each in slices for module in each.modules)
    for each in slices:
        if not each.untouched:
            early = set(each.modules)
            wanted = {module: None for module in wanted if module in early}
    fit = [m for m in wanted if _is_dotted(m) and not _is_denied(m, denied) and installed(m)]
    fit = [m for m in fit if not any(_would_show(m, each) for each in slices)]
    return tuple(map(_statement, fit[:MOST_STATEMENTS]))


def _would_show(module: str, slice_: Imports) -> bool:
    """Whether a slice that does not import a module could find it in a package that it has by name."""
    parts = module.split(".")
    parents = {".".join(parts[:n]) for n in range(1, len(parts))}
    own = any(m == module or m.startswith(f"{module}.") for m in slice_.modules)
    return not own and not parents.isdisjoint(slice_.bound)


def _is_dotted(module: str) -> bool:
    return all(word.isidentifier() for word in module.split("."))


def _is_denied(module: str, denied: Collection[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[: n + 1]) in denied for n in range(len(parts)))


def _statement(module: str) -> Statement:
    """The last word may be a module or a name in one; ``from`` takes either."""
    parent, _, name = module.rpartition(".")
    return (parent, name) if parent else (name, "")


# --- which kernel --------------------------------------------------------------------------------------


def split_command(argv: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """What starts the Python of a kernel, and the arguments of ipykernel; None for a kernel that is started otherwise.

    ``python -X dev -m ipykernel_launcher -f FILE``: ``python -X dev``, ``-f FILE``."""
    if "-m" not in argv:
        return None
    at = list(argv).index("-m")
    options = argv[1:at]
    plain = all(word.startswith("-") or options[n - 1] in ("-X", "-W") for n, word in enumerate(options))
    if at < 1 or not plain or argv[at + 1 : at + 2] not in (["ipykernel_launcher"], ("ipykernel_launcher",)):
        return None
    return tuple(argv[:at]), tuple(argv[at + 2 :])


def shadows(names: Iterable[str], loaded: Collection[str]) -> str:
    """The module in a folder with these names that would be imported in the place of one that is loaded ahead; ``""``
    where there is none. A folder counts with its name alone, whether it is a package or not."""
    stems = {name.partition(".")[0] for name in names if "." not in name or name.endswith((".py", ".pyc", ".so"))}
    return min(stems.intersection(loaded), default="")


# --- which are made next -------------------------------------------------------------------------------


def worth_a_server(coming: Sequence[Want], at_once: int) -> list[Place]:
    """Where a fork server pays: for three kernels and more, if not all of them are needed before it could be up.
    ``at_once``: so many are."""
    if len(coming) - at_once < 2:
        return []
    return [place for place, count in Counter(want.place for want in coming).most_common(MOST_SERVERS) if count >= 3]


def to_make(coming: Sequence[Want], there: Counter[Want], most: int) -> list[Want]:
    """The kernels to begin now, so that the next ``most`` steps find theirs. ``coming``: wants of the steps that have
    none yet, in the order in which they may start; ``there``: kernels that are ready or being made."""
    left = Counter(there)
    made: list[Want] = []
    for want in coming[:most]:
        if left[want]:
            left[want] -= 1
        elif there.total() + len(made) < most:
            made.append(want)
    return made
