"""Reads the command line of a kernel as ipykernel does, with a reader that is made ahead: it is the same for all
kernels, and takes longer to make than to use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

_MADE_FROM = ("flatten_flags", "_classes_with_config_traits", "_create_loader")
"""What an application asks itself to make its reader. A version that asks otherwise makes its own."""


def make_reader() -> Any:
    """A reader for any words; None where this version makes it otherwise."""
    from ipykernel.kernelapp import IPKernelApp

    with contextlib.suppress(Exception):
        kernel: Any = IPKernelApp()  # type: ignore[no-untyped-call]
        flags, aliases = kernel.flatten_flags()
        reader = kernel._create_loader([], aliases, flags, list(kernel._classes_with_config_traits()))
        reader._create_parser()
        reader._create_parser = lambda *_, **__: None
        return reader
    return None


@contextlib.contextmanager
def reading_with(reader: Any, kernel: Any) -> Iterator[None]:
    """Have a kernel read its words with this meanwhile."""

    def create(argv: list[str], *_: Any, **__: Any) -> Any:
        reader.argv = argv
        return reader

    if reader is None:
        yield
        return
    kernel.flatten_flags, kernel._classes_with_config_traits = lambda: ({}, {}), list
    kernel._create_loader = create
    try:
        yield
    finally:
        for name in _MADE_FROM:
            delattr(kernel, name)
