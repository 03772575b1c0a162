"""What a module sees in the place of the shell and of the kernel's streams while it is imported ahead of time.

Libraries look around as they are imported: pandas asks whether it is in a notebook, tqdm chooses its look, a logging
handler takes hold of ``sys.stderr``. In a kernel they would find a shell, so here they find this one. It answers what
can be answered before there is a shell, passes event handlers on to the one that will be, and notes every other wish:
a module that has one must be imported in the kernel itself.
"""

from __future__ import annotations

import builtins
import gc
import sys
from collections.abc import Iterator
from typing import Any, Callable

MIMETYPES = frozenset({
    "text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml", "image/png", "image/jpeg",
    "application/pdf", "application/json", "application/javascript",
})  # fmt: skip
"""What a new shell has formatters for."""


class Wishes:
    """Notes what modules want that a stand-in cannot give."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.registered: list[tuple[str, Callable[..., Any]]] = []
        """Handlers of the shell's events, to be registered with the real one."""

    def note(self, wish: str) -> None:
        self.noted.append(wish)


class Part:
    """A part of the shell: what it has is given, everything else is noted."""

    def __init__(self, wishes: Wishes, name: str, **has: Any) -> None:
        self.__dict__.update(has, _wishes=wishes, _name=name)

    def __getattr__(self, name: str) -> Any:
        self._wishes.note(f"{self._name}.{name}")
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._wishes.note(f"{self._name}.{name} = …")


class Formatters(Part):
    """The table of formatters: a module may look whether there is one."""

    def __contains__(self, mimetype: object) -> bool:
        return mimetype in MIMETYPES

    def __iter__(self) -> Iterator[str]:
        return iter(MIMETYPES)

    def __getitem__(self, mimetype: str) -> Any:
        self._wishes.note(f"{self._name}[{mimetype}]")
        raise KeyError(mimetype)


def make_shell(wishes: Wishes) -> Any:
    """A shell for the time of an import: of the class that a kernel's shell has, without any of its state."""
    from ipykernel.zmqshell import ZMQInteractiveShell
    from traitlets.config import Config

    has = {
        "kernel": Part(wishes, "kernel"),
        "config": Config({"IPKernelApp": {}}),
        "events": Part(wishes, "events", register=lambda event, handler: wishes.registered.append((event, handler))),
        "display_formatter": Part(
            wishes, "display_formatter", formatters=Formatters(wishes, "display_formatter.formatters")
        ),
    }
    always = ("__class__", "__dict__", "__doc__", "__hash__", "__eq__", "__ne__", "__bool__")

    class StandIn(ZMQInteractiveShell):
        def __getattribute__(self, name: str) -> Any:
            if name == "__class__":
                return ZMQInteractiveShell
            if name in has:
                return has[name]
            if name in always:
                return object.__getattribute__(self, name)
            wishes.note(name)
            raise AttributeError(name)

        def __setattr__(self, name: str, value: Any) -> None:
            wishes.note(f"{name} = …")

    StandIn.__name__ = StandIn.__qualname__ = ZMQInteractiveShell.__name__
    StandIn.__module__ = ZMQInteractiveShell.__module__
    # Not through traitlets, whose `__new__` would prepare all that is overridden here.
    return object.__new__(StandIn)


class InPlace:
    """Puts a stand-in where modules look for the shell, for as long as a ``with`` block lasts."""

    def __init__(self, wishes: Wishes) -> None:
        self._shell = make_shell(wishes)
        self._held = 0

    def __enter__(self) -> InPlace:
        from IPython.core.getipython import get_ipython

        shell, asked = self._shell, _class_of_shells()
        # `get_ipython` asks the class, so no module ends up with a function of ours.
        asked.initialized = classmethod(lambda _: True)
        asked.instance = classmethod(lambda *_, **__: shell)
        # As the shell does while a cell runs.
        vars(builtins).update(get_ipython=get_ipython, __IPYTHON__=True)
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Later("stdout"), Later("stderr")
        self._held = sys.getrefcount(shell)
        return self

    def is_held(self) -> bool:
        """Whether some module keeps the stand-in, that had not done so when this was asked before."""
        if sys.getrefcount(self._shell) > self._held:
            gc.collect()  # an error that was raised meanwhile may know it too
        before, self._held = self._held, sys.getrefcount(self._shell)
        return self._held > before

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._streams
        asked = _class_of_shells()
        del asked.initialized, asked.instance
        del vars(builtins)["get_ipython"], vars(builtins)["__IPYTHON__"]


def _class_of_shells() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell


class Later:
    """Stands for ``sys.stdout`` or ``sys.stderr`` as it is when it is used: the kernel will have streams of its own.
    Until then there is no more to it than those would have."""

    def __init__(self, name: str) -> None:
        self.__dict__["_nbflow_name"] = name

    def _nbflow_now(self) -> Any:
        now = getattr(sys, self._nbflow_name)
        return getattr(sys, f"__{self._nbflow_name}__") if now is self else now

    def __getattr__(self, name: str) -> Any:
        from ipykernel.iostream import OutStream

        now = self._nbflow_now()
        if isinstance(now, OutStream):
            return getattr(now, name)
        if not hasattr(OutStream, name):
            raise AttributeError(name)
        return OutStream.encoding if name == "encoding" else getattr(now, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._nbflow_now(), name, value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._nbflow_now())

    def __enter__(self) -> Any:
        return self._nbflow_now().__enter__()

    def __exit__(self, *error: object) -> Any:
        return self._nbflow_now().__exit__(*error)
