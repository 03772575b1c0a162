"""The line below a step cell that was run by hand: how its step stands, behind what the cell shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows import write_notebook
from tests.ui.live import Answer, Kernel, kernel_in
from tests.ui.test_flow_live import environment

pytestmark = pytest.mark.slow

CELLS = {
    "top": "%load_ext nbflow\nfrom collections import Counter",
    "load": "%%step load -o raw\nraw = [1, 2]\nprint('loaded')\nraw",
    "count": "%%step count -i raw -o n\nn = Counter(raw)",
}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "flow.ipynb", CELLS)


@pytest.fixture
def kernel(notebook: Path) -> Iterator[Kernel]:
    with kernel_in(notebook.parent, environment(notebook)) as found:
        found.run(CELLS["top"])
        found.run("from nbflow.ui.magic import badges; badges.MOMENT = 30.0")
        yield found


def last(answer: Answer) -> tuple[str, str]:
    kind, data, *_ = answer.shown[-1]
    assert sorted(data) == ["text/html", "text/plain"]
    return kind, data["text/plain"]


def test_it_stands_behind_what_the_cell_shows_and_says_how_the_step_stands(kernel: Kernel, notebook: Path) -> None:
    first = kernel.run(CELLS["load"], cell_id="load")
    assert [part[0] for part in first.shown] == ["stream", "execute_result", "display_data"]
    assert last(first) == ("display_data", "step load has no result of a run yet")
    kernel.run("%flow run --wait")
    assert last(kernel.run(CELLS["load"], cell_id="load"))[1] == "step load is fresh"

    changed = {**CELLS, "load": CELLS["load"].replace("2", "3")}
    kernel.run(changed["load"], cell_id="load")
    unsaved = last(kernel.run(changed["load"], cell_id="load"))[1]
    assert unsaved == "step load is not saved as it ran: what is saved counts"
    write_notebook(notebook, changed)
    assert last(kernel.run(changed["load"], cell_id="load"))[1].startswith("step load is stale: ")
    assert last(kernel.run(CELLS["count"], cell_id="count"))[1].startswith("step count may be stale: needs load")


def test_there_is_none_below_other_cells_a_cell_that_fails_and_where_nobody_sits(kernel: Kernel) -> None:
    assert kernel.run("1 + 1", cell_id="a").shown[-1][0] == "execute_result"
    assert kernel.run(CELLS["load"]).shown[-1][0] == "execute_result"
    assert kernel.run("%%step load -o raw\n1 / 0", cell_id="load").shown[-1][0] == "error"
    kernel.run("%unload_ext nbflow")
    kernel.run("%load_ext nbflow")
    assert [part[0] for part in kernel.run(CELLS["load"], cell_id="load").shown].count("display_data") == 1


def test_one_that_takes_long_is_filled_in(kernel: Kernel) -> None:
    kernel.run("badges.MOMENT = 0.0")
    answer = kernel.run(CELLS["load"], cell_id="load")
    assert last(answer)[1] == "step load: …"
    while not (later := [m for m in kernel.heard if m["msg_type"] == "update_display_data"]):
        kernel.listen(0.2)
    assert later[0]["content"]["data"]["text/plain"] == "step load has no result of a run yet"


def test_the_report_is_named_and_a_step_that_failed_says_where_and_why(kernel: Kernel, notebook: Path) -> None:
    write_notebook(notebook, {**CELLS, "count": "%%step count -i raw -o n\nn = raw['x']"})
    kernel.run("%flow run --wait")
    kind, named = last(kernel.run("%flow report"))
    assert (kind, Path(named).name, (notebook.parent / named).is_file()) == ("display_data", "report.html", True)
    said = kernel.run("%flow load count --inputs")
    assert (said.status, said.text.splitlines()[0].startswith("nbflow: ✘ count failed")) == ("ok", True)
    assert "in cell 3: TypeError: list indices must be integers" in said.text
    assert "loaded raw from step load" in said.text
    assert "✘ count failed" in kernel.run("%flow load count").text
