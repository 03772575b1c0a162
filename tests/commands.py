"""The command line in this process, in a folder written for the test: what a person types, and what they read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from nbflow.executors import Executor
from nbflow.ui.cli import cli
from tests.flows import write_notebook
from tests.plain_executor import PlainExecutor

SETTINGS = "[tool.nbflow]\njobs = 2\n"


@dataclass(frozen=True)
class Given:
    """What lies in the folder. A cell that begins with ``# parameters`` is tagged so."""

    cells: tuple[str, ...] = ()
    """Of ``flow.ipynb``; none: there is no such notebook."""
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """More notebooks: path → cells."""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    kernel: str = "python3"
    name: str = "flow.ipynb"

    def write(self, root: Path) -> None:
        for path, cells in {self.name: self.cells, **self.others}.items():
            if cells:
                write_notebook(root / path, dict(_with_ids(cells)), self.kernel)
        for path, content in {"pyproject.toml": SETTINGS, **self.files}.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())


def _with_ids(cells: Iterable[str]) -> Iterable[tuple[str, str]]:
    for number, source in enumerate(cells, 1):
        kind = "parameters" if source.startswith("# parameters") else "md" if source.startswith("# Title") else "c"
        yield kind if kind == "parameters" else f"{kind}{number}", source


class Said(NamedTuple):
    """How a command ended and what it printed. The folder reads ``ROOT``, a run ``RUN``, a duration ``N.N s``."""

    code: int
    out: str
    err: str


def nbflow(root: Path, *words: str, executor: Executor | None = None, environ: Mapping[str, str] | None = None) -> Said:
    """``nbflow WORDS`` typed in ``root``. Steps run without Jupyter."""
    with chdir(root):
        done = CliRunner().invoke(
            cli, list(words), prog_name="nbflow", obj=executor or PlainExecutor(), env={**(environ or {})}
        )
    said = Said(done.exit_code, steady(done.stdout, root), steady(done.stderr, root))
    assert "Traceback" not in said.err
    return said


def steady(text: str, root: Path) -> str:
    """The text without what differs from one run to the next."""
    text = text.replace(os.path.realpath(root), "ROOT").replace(str(root), "ROOT")
    text = re.sub(r"\b\d{8}-\d{6}-[0-9a-z]{4}\b", "RUN", text)
    text = re.sub(r"\b[0-9a-f]{2}/[0-9a-f]{64}\b", "KEY", text)
    text = re.sub(r"Installed: [^.\n]*\.", "Installed: KERNELS.", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b", "YYYY-MM-DD HH:MM UTC", text)
    return re.sub(r"\b\d+(\.\d)? s\b", "N.N s", text)
