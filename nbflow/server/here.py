"""The notebook that a request is about, with the project it belongs to and the runs that there are of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbflow import notebook as notebooks
from nbflow.core.values import fault_of
from nbflow.errors import UsageError
from nbflow.journal import Journal, RunRow
from nbflow.ops.belonging import sources_of
from nbflow.project import Project, open_project
from nbflow.server.refusals import NotThere
from nbflow.settings import Settings, find_root

_RUN = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Here:
    """Make it with ``here``."""

    file: Path
    root: Path
    """Of the project; it may lie above all that the server serves."""
    name: str
    """What the project calls the notebook: its path from the root."""
    sources: tuple[Path, ...]
    """The pipeline that it belongs to."""
    environ: Mapping[str, str] = field(repr=False)

    def opened(self, parameters: Mapping[str, Any] | None = None, draft: bytes | None = None) -> Project:
        """The project as it is now; ``draft``: with the notebook as it stands in an editor. Raises ``UsageError``."""
        for name, value in (parameters or {}).items():
            if fault := fault_of(value):
                raise UsageError(f"The parameter '{name}' {fault}.")
        drafts = {} if draft is None else {self.file: draft}
        return open_project(self.sources, environ=self.environ, cwd=self.root, parameters=parameters, drafts=drafts)

    @property
    def settings(self) -> Settings:
        """Raises ``UsageError``."""
        return Settings.load(self.root, self.environ)

    def run(self, journal: Journal | None, run: str) -> RunRow:
        """The run of this notebook that has just this id. Raises ``NotThere``."""
        row = journal.run(run) if journal is not None and _RUN.fullmatch(run) else None
        if row is None or self.name not in row.sources:
            raise NotThere(f"There is no run '{run}' of {self.name}.")
        return row

    def require_run(self, run: str) -> RunRow:
        """The same for those who do not read on in the journal. Raises ``NotThere`` and ``JournalError``."""
        journal = Journal.read(self.root)
        if journal is None:
            return self.run(None, run)
        with journal:
            return self.run(journal, run)


def here(file: Path, environ: Mapping[str, str]) -> Here:
    """``file``: as ``Places`` gives it. Raises ``UsageError`` where the project's settings cannot be read."""
    sources = sources_of(file, environ)
    root = find_root(sources[0], sources)
    return Here(file, root, notebooks.name_from(file, root), tuple(sources), environ)
