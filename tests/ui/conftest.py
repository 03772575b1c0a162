"""A live shell, and a notebook whose kernel it plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nbflow.ui.magic import load_ipython_extension, session_of, unload_ipython_extension
from nbflow.ui.magic.where import JUPYTER
from tests.flows import Flow, new_flow
from tests.ui.shells import Live


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Live]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(JUPYTER, raising=False)
    settings = {"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}
    shell = InteractiveShell(config=Config(settings), user_module=ModuleType("live"))
    load_ipython_extension(shell)
    found = Live(shell, lambda: capsys.readouterr().out)
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, value, lines: found.shown.append("\n".join(lines)))
    yield found
    unload_ipython_extension(shell)


@pytest.fixture
def flow(live: Live, tmp_path: Path) -> Flow:
    """A notebook whose steps were run, and the shell of its kernel."""
    made = new_flow(
        tmp_path,
        {
            "parameters": "size = 3",
            "load": "%%step load -o raw\nraw = list(range(size))",
            "note": "scale = 10",
            "clean": "%%step clean -i raw -o table total\ntable = {n: scale * n for n in raw}\ntotal = sum(table)",
            "report": "%%step report -i table\nprint(table)",
        },
    )
    session_of(live.shell).use(made.file("flow.ipynb"))
    return made
