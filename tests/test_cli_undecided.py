"""An error about one step keeps ``run`` and ``plan`` from their work; ``status`` and ``why`` speak of all others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Given, nbflow

CELLS = (
    "%%step load -o raw\nraw = [1, 2]",
    "%%step fit -i raw -o model\nmodel = sum(raw)",
    "%%step plot -i model -o picture\npicture = model",
    "%%step count -i raw -o n\nn = len(raw)",
)
MISTAKE = ("%%step fit -i raw", "%%step fit -i rau")
ERROR = """\
error[no-maker] No step makes the input 'rau'. Did you mean 'raw'?
  at   flow.ipynb, cell 2, step fit: %%step fit -i rau -o model
  fix  Add '-o rau' to the step that makes it, or remove 'rau' from -i.

error[undeclared-input] This step reads 'raw', which step 'load' makes (cell 1).
  at   flow.ipynb, cell 2, step fit: %%step fit -i rau -o model
  fix  Add '-i raw' to the %%step line of 'fit'.

"""
BOTH = (
    "no-maker: No step makes the input 'rau'. Did you mean 'raw'?; "
    "undeclared-input: This step reads 'raw', which step 'load' makes (cell 1)."
)
CAN_BE_WRITTEN = "  nbflow check --fix writes what is not declared.\n"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A pipeline that has run, with a mistake in one of its lines since."""
    Given(CELLS).write(tmp_path)
    assert nbflow(tmp_path, "run").code == 0
    path = tmp_path / "flow.ipynb"
    path.write_text(path.read_text().replace(*MISTAKE))
    return tmp_path


def test_status_says_which_steps_are_invalid_and_how_all_others_stand(broken: Path) -> None:
    assert nbflow(broken, "status") == (
        0,
        """\
   step   state    last result            time  why
✔  load   fresh    YYYY-MM-DD HH:MM UTC  N.N s
✘  fit    invalid  YYYY-MM-DD HH:MM UTC  N.N s  BOTH
✘  plot   invalid  YYYY-MM-DD HH:MM UTC  N.N s  needs fit, about which the check found an error
✔  count  fresh    YYYY-MM-DD HH:MM UTC  N.N s

nbflow check says what is wrong with those that are invalid.
""".replace("BOTH", BOTH),
        "",
    )
    steps = json.loads(nbflow(broken, "status", "--json").out)["steps"]
    assert [(s["name"], s["state"], [r["kind"] for r in s["reasons"]]) for s in steps] == [
        ("load", "fresh", ["fresh"]),
        ("fit", "invalid", ["unknown", "unknown"]),
        ("plot", "invalid", ["upstream"]),
        ("count", "fresh", ["fresh"]),
    ]


def test_why_answers_for_a_step_that_the_error_does_not_touch(broken: Path) -> None:
    code, out, err = nbflow(broken, "why", "count")
    assert (code, err) == (0, "")
    assert out.startswith("count is fresh")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("fit", "Step 'fit' cannot be decided: the check found 2 errors."),
        ("plot", "Step 'plot' cannot be decided: it needs 'fit', about which the check found 2 errors."),
    ],
)
def test_why_shows_the_errors_about_a_step_or_about_what_it_needs(broken: Path, step: str, message: str) -> None:
    assert nbflow(broken, "why", step) == (2, "", f"{ERROR}nbflow: {message}\n{CAN_BE_WRITTEN}")


@pytest.mark.parametrize("words", [("run",), ("plan",), ("run", "-s", "count"), ("plan", "-s", "count")])
def test_run_and_plan_still_refuse(broken: Path, words: tuple[str, ...]) -> None:
    assert nbflow(broken, *words) == (
        2, "", f"{ERROR}nbflow: The check found 2 errors, so nothing was run.\n{CAN_BE_WRITTEN}",
    )  # fmt: skip


def test_status_refuses_where_no_step_can_be_decided(tmp_path: Path) -> None:
    Given(("k = (", *CELLS)).write(tmp_path)
    code, out, err = nbflow(tmp_path, "status")
    assert (code, out) == (2, "")
    assert err.endswith("nbflow: The check found 1 error, so no step can be decided.\n")
