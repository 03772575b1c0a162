"""The pipeline that one notebook belongs to, for those who stand before a notebook and not in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbflow import notebook as notebooks
from nbflow.settings import Settings, find_root


def sources_of(notebook: Path, environ: Mapping[str, str]) -> list[Path]:
    """The pipeline that a notebook belongs to: what the project's ``notebooks`` setting names if the notebook is among
    them, else the notebook alone. Raises ``UsageError``."""
    root = find_root(notebook.parent, [notebook])
    sources = [root / name for name in Settings.load(root, environ).notebooks]
    named = notebooks.find_notebooks(sources, root)
    return sources if any(path.samefile(notebook) for path in named) else [notebook]
