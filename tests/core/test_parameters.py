from __future__ import annotations

from nbflow.core.parameters import LONGEST, parameters_by_step, values_of
from tests.fakes import notebook, pipeline


def test_a_step_has_the_parameters_that_reach_it_in_the_order_of_their_cell() -> None:
    made = pipeline(
        notebook(
            "#[parameters]\nseed = 1\nshare = 0.3\nunused = 0\ndepth = 2",
            "def part(x):\n    return x * share",
            "twice = 2 * depth",
            "%%step load -o df\ndf = 1",
            "%%step split -i df -o train\ntrain = part(df) + seed",
            "%%step fit -i train -o model\nmodel = twice",
        ),
        notebook("%%step report -i model -o page\npage = seed = model", path="other.ipynb"),
    )
    assert parameters_by_step(made) == {
        "nb.load": (),
        "nb.split": ("seed", "share"),
        "nb.fit": ("depth",),
        "other.report": (),
    }


def test_the_parameters_of_a_notebook_that_is_one_step_stand_in_a_cell_of_the_step() -> None:
    made = pipeline(notebook("#[parameters]\nworst = 6\nunused = 0", "%step report -o page", "page = worst"))
    assert parameters_by_step(made) == {"nb.report": ("worst",)}


def test_the_values_of_a_run_are_what_is_given_else_the_defaults() -> None:
    cell = f"#[parameters]\nsize = 3\nday = today()\nlong = {'x' * (LONGEST + 1)!r}\nshare = 0.5"
    made = pipeline(
        notebook(cell, "%%step make -o a\na = size"),
        notebook("#[parameters]\nsize = 4\nshare = 0.5", "%%step use -i a -o b\nb = a + size", path="other.ipynb"),
        notebook("#[parameters]\nunseen = 1", "%%step alone -o c\nc = unseen", path="third.ipynb"),
    )
    steps = ["nb.make", "other.use"]
    assert values_of(made, {}, steps) == {
        "nb.ipynb: size": 3, "other.ipynb: size": 4, "day": "today()", "share": 0.5,
    }  # fmt: skip
    assert values_of(made, {"size": 9, "long": "y"}, steps[:1]) == {
        "size": 9,
        "long": "y",
        "day": "today()",
        "share": 0.5,
    }
