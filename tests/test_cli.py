"""The commands as other programs and people rely on them: the JSON they print, compared whole, their exit codes, their
tables, and what ``check --fix`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Given, nbflow

DATA = (
    "# Title\nwhere things come from",
    "%%step load -o raw\nraw = list((3, 1, 2))",
    "%%step clean -i raw -o table\ntable = sorted(raw)",
)
MODEL = (
    "# parameters\nalpha = 1",
    "def fit(rows):\n    return sum(rows) * alpha",
    "%%step train -i table -o model report.txt\nmodel = fit(table)\nopen('report.txt', 'w').write(str(model))",
    "%%step clean -i model report.txt --after train\nprint(model)",
)
TWO = Given(others={"data.ipynb": DATA, "model.ipynb": MODEL})

NEVER = [{"kind": "first-run", "detail": "it has no stored result yet"}]


def asked(root: Path, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON, with nothing on stderr."""
    said = nbflow(root, *words)
    assert (said.code, said.err) == (code, "")
    return json.loads(said.out)


def events(root: Path, *words: str, code: int = 0) -> list[dict[str, Any]]:
    """The lines that ``run --json`` prints: nothing but JSON, and nothing on stderr."""
    said = nbflow(root, "run", *words, "--json")
    assert (said.code, said.err) == (code, "")
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two notebooks that make one pipeline."""
    TWO.write(tmp_path)
    return tmp_path


@pytest.fixture
def ran(two: Path) -> Path:
    """The same, run once."""
    assert nbflow(two, "run").code == 0
    return two


# --- plan ----------------------------------------------------------------------------------------------


def step(
    id_: str, name: str, cells: list[int], inputs: list[str], outputs: list[str], needs: list[str]
) -> dict[str, Any]:
    notebook = f"{id_.rpartition('.')[0]}.ipynb"
    return {
        "id": id_,
        "name": name,
        "notebook": notebook,
        "cells": cells,
        "inputs": inputs,
        "outputs": outputs,
        "needs": needs,
    }


STEPS = [
    step("data.load", "load", [2], [], ["raw"], []),
    step("data.clean", "data.clean", [3], ["raw"], ["table"], ["load"]),
    step("model.train", "train", [3], ["table"], ["model", "report.txt"], ["data.clean"]),
    step("model.clean", "model.clean", [4], ["model", "report.txt"], [], ["train"]),
]
EDGES = [
    {"from": "load", "to": "data.clean", "via": "raw"},
    {"from": "data.clean", "to": "train", "via": "table"},
    {"from": "train", "to": "model.clean", "via": "model"},
    {"from": "train", "to": "model.clean", "via": "report.txt"},
    {"from": "train", "to": "model.clean", "via": "--after"},
]


def test_a_plan_before_anything_has_run(two: Path) -> None:
    runs = {"action": "run", "certain": True, "reasons": NEVER}
    assert asked(two, "plan", "--json") == {"steps": [{**s, **runs} for s in STEPS], "edges": EDGES}


def test_a_plan_when_all_is_fresh(ran: Path) -> None:
    reused = {"action": "reuse", "certain": True, "reasons": [{"kind": "fresh", "detail": "made by run RUN"}]}
    assert asked(ran, "plan", "--json") == {"steps": [{**s, **reused} for s in STEPS], "edges": EDGES}


def test_a_plan_where_a_parameter_changes(ran: Path) -> None:
    made = asked(ran, "plan", "--json", "-p", "alpha=2")
    assert [(s["name"], s["action"], s["certain"], s["reasons"]) for s in made["steps"][2:]] == [
        ("train", "run", True, [{"kind": "parameter", "detail": "alpha: 1 → 2"}]),
        ("model.clean", "run", False, [{"kind": "upstream", "detail": "needs train, which will run"}]),
    ]
    assert nbflow(ran, "plan", "-p", "alpha=2").out == (
        "   step         action   why\n"
        "↺  load         reuse    made by run RUN\n"
        "↺  data.clean   reuse    made by run RUN\n"
        "▶  train        run      parameter alpha: 1 → 2\n"
        "▷  model.clean  may run  needs train, which will run\n"
        "\n"
        "1 step to run, 1 that may run (unless what they take comes out the same), 2 to reuse.\n"
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["-p", "alpha=2"], 3),
        (["-p", "alpha=1"], 0),
        (["-s", "load", "-p", "alpha=2"], 0),
        (["-s", "model.clean"], 0),
    ],
)
def test_plan_check_tells_stale_from_fresh(ran: Path, words: list[str], code: int) -> None:
    assert nbflow(ran, "plan", "--check", *words).code == code


def test_steps_of_notebooks_with_one_stem_go_by_their_full_names(tmp_path: Path) -> None:
    cell = "%%step load -o {0}\n{0} = 1"
    Given(others={f"{n}/data.ipynb": (cell.format(n), f"%%step only_{n} -i {n}\n{n}") for n in ("a", "b")}).write(
        tmp_path
    )
    made = asked(tmp_path, "plan", "--json")
    assert [(s["name"], s["id"], s["needs"]) for s in made["steps"]] == [
        ("a/data.load", "a/data.load", []),
        ("only_a", "a/data.only_a", ["a/data.load"]),
        ("b/data.load", "b/data.load", []),
        ("only_b", "b/data.only_b", ["b/data.load"]),
    ]
    for name in ("only_a", "data.only_a", "a/data.only_a"):
        assert asked(tmp_path, "why", name, "--json")["id"] == "a/data.only_a"


# --- graph ---------------------------------------------------------------------------------------------

DRAWN = {
    "text": """\
load                  · → raw
└─ data.clean         raw → table
   └─ train           table → model, report.txt
      └─ model.clean  model, report.txt → ·
""",
    "dot": """\
digraph pipeline {
  node [shape="box", style="rounded"];
  subgraph cluster_0 {
    label="data.ipynb";
    s0 [label="load"];
    s1 [label="data.clean"];
  }
  subgraph cluster_1 {
    label="model.ipynb";
    s2 [label="train"];
    s3 [label="model.clean"];
  }
  s0 -> s1 [label="raw"];
  s1 -> s2 [label="table"];
  s2 -> s3 [label="model, report.txt"];
}
""",
    "mermaid": """\
flowchart TD
  subgraph n0["data.ipynb"]
    s0["load"]
    s1["data.clean"]
  end
  subgraph n1["model.ipynb"]
    s2["train"]
    s3["model.clean"]
  end
  s0 -->|"raw"| s1
  s1 -->|"table"| s2
  s2 -->|"model, report.txt"| s3
""",
}


@pytest.mark.parametrize("form", DRAWN)
def test_the_graph_is_drawn(two: Path, form: str) -> None:
    assert nbflow(two, "graph", "--format", form) == (0, DRAWN[form], "")


def test_the_graph_as_json(two: Path) -> None:
    assert asked(two, "graph", "--format", "json") == {"steps": STEPS, "edges": EDGES}
    assert asked(two, "graph", "--json") == {"steps": STEPS, "edges": EDGES}


def test_a_graph_with_a_cycle_is_drawn_and_told(tmp_path: Path) -> None:
    Given(("%%step a -i y.csv -o x.csv\n1", "%%step b -i x.csv -o y.csv\n1")).write(tmp_path)
    assert nbflow(tmp_path, "graph") == (
        2,
        "a     y.csv → x.csv   (also needs b)\n└─ b  x.csv → y.csv\n",
        (
            "error[cycle] These steps need each other: a → b → a "
            "(a is in flow.ipynb, cell 1; b is in flow.ipynb, cell 2).\n"
            "  at   flow.ipynb, cell 1, step a: %%step a -i y.csv -o x.csv\n"
            "  fix  Break the circle: split one of the steps, or take one input or --after away.\n"
        ),
    )


# --- check ---------------------------------------------------------------------------------------------

UNDECLARED = ("%%step load -o x\nx = 1", "print(x)", "%%step a -o y\ny = x", "%%step b\nprint('no need')")


def test_findings_as_json(tmp_path: Path) -> None:
    Given(UNDECLARED).write(tmp_path)
    assert asked(tmp_path, "check", "--json", code=2) == {
        "findings": [
            {
                "code": "undeclared-input", "severity": "error", "notebook": "flow.ipynb", "cell": 3, "step": "a",
                "message": "This step reads 'x', which step 'load' makes (cell 1).",
                "fix": "Add '-i x' to the %%step line of 'a'.",
            },
            {
                "code": "nothing-declared", "severity": "hint", "notebook": "flow.ipynb", "cell": 4, "step": "b",
                "message": (
                    "This step has neither inputs nor outputs, so its printed output is reused until its code changes."
                ),
                "fix": "Add --no-cache if it should run every time.",
            },
        ]
    }  # fmt: skip


def test_no_findings_as_json(two: Path) -> None:
    assert asked(two, "check", "--json") == {"findings": []}
    assert nbflow(two, "check") == (0, "4 steps checked: no findings.\n", "")


def notebook_text(cells: tuple[str, ...], indent: int | None, end: str) -> str:
    """A notebook as some tool may have written it: sources as one text or as lines, keys in no order of ours."""
    made = []
    for number, source in enumerate(cells):
        lines: Any = source.splitlines(keepends=True) if number % 2 else source
        made.append({
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["%%step a -o y\n", "ü"]}],
            "source": lines, "metadata": {"tags": [], "custom": {"z": 1, "a": [1.0, 1e-7]}}, "id": f"cell-{number}",
            "execution_count": number, "cell_type": "code",
        })  # fmt: skip
    notebook = {"nbformat_minor": 5, "cells": made, "nbformat": 4, "metadata": {"title": "Größe \u2028"}}
    return json.dumps(notebook, indent=indent, ensure_ascii=bool(indent)) + end


@pytest.mark.parametrize(("indent", "end"), [(1, "\n"), (None, ""), (4, "\r\n\n")])
def test_fix_changes_the_step_lines_and_nothing_else(tmp_path: Path, indent: int | None, end: str) -> None:
    cells = ("%%step load\nx = 1", "%%step a -o y  \ny = x", "%%step b -i  y --retries 2\nprint(x, y)")
    before = notebook_text(cells, indent, end)
    Given(files={"flow.ipynb": before}).write(tmp_path)
    said = nbflow(tmp_path, "check", "--fix")
    assert said == (
        0,
        """\
fixed flow.ipynb, cell 1
  - %%step load
  + %%step load -o x

fixed flow.ipynb, cell 2
  - %%step a -o y
  + %%step a -i x -o y

fixed flow.ipynb, cell 3
  - %%step b -i  y --retries 2
  + %%step b -i  y x --retries 2

3 steps checked: no findings.
""",
        "",
    )
    after = (tmp_path / "flow.ipynb").read_bytes().decode()
    expected = before
    for old, new in (
        ('"%%step load\\n', '"%%step load -o x\\n'),
        ('"%%step a -o y  \\n', '"%%step a -i x -o y  \\n'),
        ("-i  y --retries", "-i  y x --retries"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert after == expected
    assert nbflow(tmp_path, "check", "--fix") == (0, "3 steps checked: no findings.\n", "")
    assert (tmp_path / "flow.ipynb").read_bytes().decode() == expected
    assert nbflow(tmp_path, "run").code == 0


# --- why and status ------------------------------------------------------------------------------------


def test_why_tells_each_reason(ran: Path) -> None:
    model = ran / "model.ipynb"
    model.write_text(model.read_text().replace("sum(rows) * alpha", "max(rows) * alpha"))
    said = nbflow(ran, "why", "train", "-p", "alpha=2")
    assert said.out == (
        "train will run:\n"
        "  helper     'fit' changed\n"
        "  parameter  alpha: 1 → 2\n"
        "Last result: YYYY-MM-DD HH:MM UTC, run RUN, N.N s.\n"
    )
    made = asked(ran, "why", "train", "-p", "alpha=2", "--json")
    last = made.pop("last")
    assert set(last) == {"run", "created", "seconds"}
    assert made == {
        "step": "train", "id": "model.train", "action": "run", "certain": True,
        "reasons": [{"kind": "helper", "detail": "'fit' changed"}, {"kind": "parameter", "detail": "alpha: 1 → 2"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["load"], ["load is fresh: its stored result is reused."]),
        (
            ["model.clean", "-p", "alpha=2"],
            [
                "model.clean may run:",
                "  upstream  needs train, which will run",
                "If what it takes comes out the same, its stored result is reused.",
            ],
        ),
    ],
)
def test_why_says_what_is_sure(ran: Path, words: list[str], lines: list[str]) -> None:
    assert nbflow(ran, "why", *words).out.splitlines()[:-1] == lines


def test_status_says_where_every_step_stands(ran: Path) -> None:
    data = ran / "data.ipynb"
    data.write_text(data.read_text().replace("(3, 1, 2)", "(3, 1, 4)"))
    assert nbflow(ran, "status") == (
        0,
        """\
   step         state        last result            time  why
●  load         stale        YYYY-MM-DD HH:MM UTC  N.N s  the step's code changed: raw = list((3, 1, 4))
○  data.clean   maybe stale  YYYY-MM-DD HH:MM UTC  N.N s  needs load, which will run
○  train        maybe stale  YYYY-MM-DD HH:MM UTC  N.N s  needs data.clean, which will run
○  model.clean  maybe stale  YYYY-MM-DD HH:MM UTC  N.N s  needs train, which will run
""",
        "",
    )
    made = asked(ran, "status", "--json")["steps"]
    assert [(s["name"], s["id"], s["state"], [r["kind"] for r in s["reasons"]]) for s in made] == [
        ("load", "data.load", "stale", ["code"]),
        ("data.clean", "data.clean", "maybe stale", ["upstream"]),
        ("train", "model.train", "maybe stale", ["upstream"]),
        ("model.clean", "model.clean", "maybe stale", ["upstream"]),
    ]
    assert all(set(s["last"]) == {"run", "created", "seconds"} for s in made)
    assert [s["failure"] for s in made] == [None] * 4
