"""Step cells, as a person runs them in JupyterLab and in Notebook 7."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ui.browser.conftest import EXAMPLES, FRONT_ENDS
from tests.ui.browser.pages import NotebookPage

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("front_end", FRONT_ENDS)]

Opened = Callable[[str, str], NotebookPage]


def test_the_quickstart_is_run_by_hand(front_end: str, opened: Opened, project: Path) -> None:
    shutil.copy(EXAMPLES / "01_quickstart.ipynb", project)
    nb = opened(front_end, "01_quickstart.ipynb")
    assert nb.type_and_run("%load_ext nbflow") == []
    for start in (
        "test_share",
        "import pandas",
        "%%step load",
        "MEASURES",
        "%%step prepare",
        "from sklearn.linear_model",
    ):
        shown = nb.run(nb.find(start))
        assert [o for o in shown if o.kind == "error"] == []
    print(nb.outputs(nb.find("%%step load")))
