"""A run as the words of a command line: what a terminal, a notebook and a server ask for comes down to the same words.

So whoever starts a run can be told how to start it again, and two that ask for the same can be seen to do so. Nothing
is started here; ``launching`` does that.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.core.values import text_of, typed


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed behind ``nbflow run``: what to run and with what, without how often and how it is shown."""

    sources: Sequence[Path] = ()
    pairs: Sequence[str] = ()
    yaml_texts: Sequence[str] = ()
    files: Sequence[Path] = ()
    select: Sequence[str] = ()
    exclude: Sequence[str] = ()
    jobs: int | None = None
    executor: str | None = None
    kernels: str | None = None

    @property
    def words(self) -> list[str]:
        """The words to type again."""
        words = ["run", *(f"./{s}" if str(s).startswith("-") else str(s) for s in self.sources)]
        repeated: tuple[tuple[str, Sequence[object]], ...] = (
            ("-p", self.pairs), ("-y", self.yaml_texts), ("-f", self.files), ("-s", self.select),
            ("--exclude", self.exclude),
        )  # fmt: skip
        for option, values in repeated:
            for value in values:
                words += [option, str(value)]
        words += ["-j", str(self.jobs)] if self.jobs is not None else []
        words += ["--executor", self.executor] if self.executor is not None else []
        words += ["--kernels", self.kernels] if self.kernels is not None else []
        return words


def command_of(words: Sequence[str]) -> str:
    """What a person types for it, fit to be printed."""
    from nbflow.render.words import clean

    return clean(shlex.join(["nbflow", *words]))


def sources_from(sources: Iterable[Path], root: Path) -> list[str]:
    """A pipeline's sources as a person would type them in the project's root."""
    real = [s.resolve() if s.is_dir() else s.parent.resolve() / s.name for s in sources]
    return [os.path.relpath(s, root) if s.is_relative_to(root) else str(s) for s in real]


def parameter_words(given: Mapping[str, Any], defaults: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """JSON values as a person would type them: what stands behind ``-p``, and behind ``-y`` where ``-p`` would read
    another value. ``defaults``: name → JSON of its default, ``""`` where that is not known."""
    pairs, yaml_texts = [], []
    for name, value in given.items():
        text = value if isinstance(value, str) else repr(value)
        default = json.loads(defaults[name]) if defaults.get(name) else None
        if _reads_back(text, value, default):
            pairs.append(f"{name}={text}")
        else:
            yaml_texts.append(f"{name}: {text_of(value)}")
    return pairs, yaml_texts


def _reads_back(text: str, value: Any, default: Any) -> bool:
    """Whether ``-p`` makes this value of the text. A default that is a text keeps it one, and true or false must be."""
    if isinstance(default, str):
        return isinstance(value, str)
    if isinstance(default, bool):
        return isinstance(value, bool)
    read = typed(text)
    return type(read) is type(value) and read == value
