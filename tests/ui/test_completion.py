"""What the Tab key offers behind ``%flow``."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter

from nbflow.ui.magic import unload_ipython_extension
from tests.flows import Flow
from tests.ui.shells import Live

VERBS = ["run", "plan", "report", "status", "why", "check", "load", "use", "help"]
STEPS = ["load", "clean", "report"]

OFFERED: dict[str, list[str]] = {
    "%flow ": VERBS,
    "%flow p": ["plan"],
    "x = 1\n%flow st": ["status"],
    "%flow run ": [*STEPS, "state:stale"],
    "%flow run cl": ["clean"],
    "%flow run load +cl": ["+clean"],
    "%flow run 2+re": ["2+report"],
    "%flow run state": ["state:stale"],
    "%flow run --exclude re": ["report"],
    "%flow run --wa": ["--wait"],
    "%flow run -": ["-s", "-p", "-y", "-f", "-j", "-h", "--select", "--exclude", "--parameter", "--yaml",
                    "--parameters-file", "--jobs", "--force", "--fail-fast", "--wait", "--help"],
    "%flow why ": STEPS,
    "%flow load re": ["report"],
    "%flow load clean --in": ["--inputs"],
    "%flow plan -p si": ["size="],
    "%flow use f": ["flow.ipynb"],
    "%flow help w": ["why"],
    "%flow qq": [],
}  # fmt: skip


@pytest.mark.parametrize("typed", OFFERED)
def test_the_tab_key_offers_what_may_follow(live: Live, flow: Flow, typed: str) -> None:
    assert sorted(offered(live, typed)) == sorted(OFFERED[typed])


def offered(live: Live, typed: str) -> list[str]:
    """What stands in place of the word that has begun, for each offer."""
    with provisionalcompleter():
        found = list(live.shell.Completer.completions(typed, len(typed)))
    begun = len(typed) - len(typed.rpartition(" ")[2])
    return [typed[begun : each.start] + each.text for each in found]


def test_where_the_notebook_is_unknown_nothing_is_said(live: Live) -> None:
    assert offered(live, "%flow run ") == ["state:stale"]
    assert live.run("1;") == []


def test_other_lines_are_left_alone(live: Live, flow: Flow) -> None:
    live.run("flowers = 1")
    assert offered(live, "flowe") == ["flowers"]
    assert "%flow" in offered(live, "%flo")


def test_an_extension_that_is_unloaded_offers_nothing(live: Live, flow: Flow) -> None:
    unload_ipython_extension(live.shell)
    assert "status" not in offered(live, "%flow st")
