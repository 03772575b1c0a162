"""When a run writes its report, and how one comes by it otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from nbflow.ops.folders import REPORT
from nbflow.render.report.page import PACKED, unpacked
from tests.commands import Given, nbflow
from tests.stores import tree

CELLS = (
    "# parameters\nfactor = 2",
    "%%step load -o raw\nraw = [3, 1, 2]\nprint('loaded <3>')",
    "%%step train -i raw -o model\nmodel = factor * sum(raw)\nprint('model', model)",
)
FAILING = (*CELLS[:2], "%%step train -i raw -o model\nmodel = raw['x']")


def written(root: Path) -> list[Path]:
    return sorted(root.glob(f"nbflow_runs/*/{REPORT}"))


def data_of(report: Path) -> dict[str, object]:
    text = report.read_text(encoding="utf-8")
    data = text.partition(f'<script type="{PACKED}" id="nbf-data">')[2].partition("</script>")[0]
    found: dict[str, object] = unpacked(data)["view"]
    return found


def test_a_run_that_made_something_leaves_a_report_and_one_that_did_not_leaves_none(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 0
    (first,) = written(tmp_path)
    view = data_of(first)
    assert (view["status"], view["command"], view["parameters"]) == ("succeeded", "nbflow run", {"factor": 2})
    text = first.read_text(encoding="utf-8")
    assert ("loaded &lt;3&gt;" in text, "model 12" in text, "<svg xmlns" in json.dumps(view)) == (True, True, True)
    assert view["folder"] == f"nbflow_runs/{first.parent.name}"
    assert str(tmp_path) not in text + json.dumps(view)  # where a person keeps the project is nobody's business
    assert nbflow(tmp_path, "run").code == 0
    assert written(tmp_path) == [first]


def test_a_run_that_failed_leaves_a_report_with_the_traceback(tmp_path: Path) -> None:
    Given(FAILING).write(tmp_path)
    assert nbflow(tmp_path, "run", "-p", "factor=3").code == 1
    (report,) = written(tmp_path)
    view = data_of(report)
    assert (view["status"], view["parameters"]) == ("failed", {"factor": 3})
    text = report.read_text(encoding="utf-8")
    assert "What went wrong" in text
    assert "TypeError: list indices must be integers" in text


def test_the_report_of_a_fresh_run_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    nbflow(tmp_path, "run")
    assert nbflow(tmp_path, "report") == (0, f"nbflow_runs/RUN/{REPORT}\n", "")
    assert len(written(tmp_path)) == 2
    text = written(tmp_path)[-1].read_text(encoding="utf-8")
    assert [said in text for said in ("2 reused", "loaded &lt;3&gt;", "model 12")] == [True, True, True]


def test_a_report_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    (report,) = written(tmp_path)
    report.write_text("mine")
    assert nbflow(tmp_path, "report", "--json") == (0, f'{{\n  "report": "ROOT/nbflow_runs/RUN/{REPORT}"\n}}\n', "")
    assert report.read_text() == "mine"


def test_a_report_can_be_written_elsewhere_and_then_links_nowhere(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    assert nbflow(tmp_path, "report", "-o", "out/mine.html") == (0, "out/mine.html\n", "")
    assert "steps/train.ipynb" not in (tmp_path / "out" / "mine.html").read_text(encoding="utf-8").replace(
        '"executed":"steps/train.ipynb"', ""
    )


def test_the_report_of_a_run_whose_notebooks_are_gone_says_why_there_is_no_picture(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    shutil.rmtree(tmp_path / "nbflow_runs")
    (tmp_path / "flow.ipynb").unlink()
    assert nbflow(tmp_path, "report").code == 0
    view = data_of(written(tmp_path)[0])
    assert view["graph"] == {
        "svg": "", "elements": {}, "note": "The notebooks have changed since this run, so its picture is left out.",
    }  # fmt: skip


def test_a_report_that_cannot_be_written_is_said_and_the_run_is_what_it_is(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    (tmp_path / "here").write_text("")
    said = nbflow(tmp_path, "report", "-o", "here/mine.html")
    error = "nbflow: The report cannot be written: here/mine.html (Not a directory).\n"
    assert said == (4, "", f"{error}  Name another place: nbflow report --output\n")


def test_secrets_are_in_no_report(tmp_path: Path) -> None:
    cells = (
        "%%step load -o raw\nimport os\nraw = 1\nprint(os.environ['TOKEN'])\nraise ValueError(os.environ['TOKEN'])",
    )
    settings = '[tool.nbflow]\njobs = 2\n[tool.nbflow.secrets]\nnames = ["TOKEN"]\n'
    Given(cells, files={"pyproject.toml": settings}).write(tmp_path)
    nbflow(tmp_path, "run", environ={"TOKEN": "hush-hush-hush"})
    (report,) = written(tmp_path)
    assert b"hush-hush-hush" not in report.read_bytes()
    assert "***TOKEN***" in report.read_text(encoding="utf-8")


def test_nothing_is_left_beside_a_report(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    nbflow(tmp_path, "run")
    (report,) = written(tmp_path)
    assert [path for path in tree(report.parent) if not path.endswith(".ipynb")] == [REPORT]


def test_a_report_says_what_is_different_from_the_run_before_or_from_any_other(tmp_path: Path) -> None:
    Given(CELLS).write(tmp_path)
    for factor in (2, 3, 4):
        assert nbflow(tmp_path, "run", "-p", f"factor={factor}").code == 0
    first, second, third = written(tmp_path)
    assert "What is different" not in first.read_text(encoding="utf-8")
    text = third.read_text(encoding="utf-8")
    compared = text.partition('<details id="nbf-compared"')[2].partition("</details>")[0]
    assert f"What is different from run {second.parent.name}" in compared
    for said in (
        "factor: 3 → 4",
        "another result: model",
        "parameter factor: 3 → 4",
        "1 step has the very same result.",
    ):
        assert said in compared
    assert ">18<" in compared.replace("</td>", "<")

    assert nbflow(tmp_path, "report", "--compare", first.parent.name).code == 0
    other = third.with_name(f"report-{first.parent.name}.html").read_text(encoding="utf-8")
    assert "factor: 2 → 4" in other
    assert third.read_text(encoding="utf-8") == text
