"""The DAG as text, DOT and Mermaid: whole drawings, and names that could break out of their quotes."""

from __future__ import annotations

import re

import pytest

from nbflow.core.graph import Pipeline
from nbflow.render import graphs
from tests.fakes import notebook, pipeline

DIAMOND = pipeline(
    (
        "%%step load -o raw",
        "%%step left -i raw -o a --after load",
        "%%step right -i raw -o b plots/",
        "%%step join -i a b -o c",
        "%%step alone",
        "%%step last --after join alone",
    )
)
HOSTILE = pipeline(
    notebook('%%step a -o "x;y.csv" plain.txt', path='n"1<b>&\\.ipynb'),
    notebook('%%step b -i "x;y.csv"', path="sub/]\x1b[31m-->.ipynb"),
)


def test_a_tree_names_every_step_once_and_what_else_it_needs() -> None:
    assert graphs.text(DIAMOND) == (
        "load        · → raw\n"
        "├─ left     raw → a\n"
        "└─ right    raw → b, plots/\n"
        "   └─ join  a, b → c   (also needs left)\n"
        "alone\n"
        "└─ last     (also needs join)"
    )


def test_dot() -> None:
    assert graphs.dot(DIAMOND) == (
        "digraph pipeline {\n"
        '  node [shape="box", style="rounded"];\n'
        '  s0 [label="load"];\n'
        '  s1 [label="left"];\n'
        '  s2 [label="right"];\n'
        '  s3 [label="join"];\n'
        '  s4 [label="alone"];\n'
        '  s5 [label="last"];\n'
        '  s0 -> s1 [label="raw"];\n'
        '  s0 -> s2 [label="raw"];\n'
        '  s1 -> s3 [label="a"];\n'
        '  s2 -> s3 [label="b"];\n'
        '  s3 -> s5 [style="dashed"];\n'
        '  s4 -> s5 [style="dashed"];\n'
        "}"
    )


def test_mermaid() -> None:
    assert graphs.mermaid(DIAMOND) == (
        "flowchart TD\n"
        '  s0["load"]\n'
        '  s1["left"]\n'
        '  s2["right"]\n'
        '  s3["join"]\n'
        '  s4["alone"]\n'
        '  s5["last"]\n'
        '  s0 -->|"raw"| s1\n'
        '  s0 -->|"raw"| s2\n'
        '  s1 -->|"a"| s3\n'
        '  s2 -->|"b"| s3\n'
        "  s3 -.-> s5\n"
        "  s4 -.-> s5"
    )


STRING = r'"(?:[^"\\\n]|\\["\\])*"'
STATEMENTS = re.compile(
    rf"digraph pipeline \{{|  node \[shape={STRING}, style={STRING}\];|  subgraph cluster_\d+ \{{|    label={STRING};"
    rf"|(?:  )?  s\d+ \[label={STRING}\];|  s\d+ -> s\d+ \[(?:label|style)={STRING}\];|  \}}|\}}"
)
"""What DOT of ours may hold, a statement a line."""


@pytest.mark.parametrize("drawn", [DIAMOND, HOSTILE])
def test_dot_is_well_formed_whatever_the_names(drawn: Pipeline) -> None:
    lines = graphs.dot(drawn).split("\n")
    assert [line for line in lines if not STATEMENTS.fullmatch(line)] == []
    assert sum(line.endswith("{") for line in lines) == sum(line.strip() == "}" for line in lines)


def test_hostile_names_stay_in_their_quotes() -> None:
    gone = "\N{REPLACEMENT CHARACTER}"
    assert graphs.mermaid(HOSTILE) == (
        "flowchart TD\n"
        '  subgraph n0["n&quot;1&lt;b&gt;&amp;\\.ipynb"]\n'
        '    s0["a"]\n'
        "  end\n"
        f'  subgraph n1["sub/]{gone}--&gt;.ipynb"]\n'
        '    s1["b"]\n'
        "  end"
    )
    assert graphs.dot(HOSTILE).split("\n")[3] == '    label="n\\"1<b>&\\\\.ipynb";'


def test_an_empty_pipeline_is_an_empty_drawing() -> None:
    nothing = pipeline(("x = 1",))
    drawings = graphs.text(nothing), graphs.dot(nothing), graphs.mermaid(nothing)
    assert drawings == ("", 'digraph pipeline {\n  node [shape="box", style="rounded"];\n}', "flowchart TD")
