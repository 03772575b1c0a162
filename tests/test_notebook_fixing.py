from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.errors import NotebookError
from nbflow.notebook import LineEdit, edited, replace_lines

AGAIN = "Save the notebook and try again."
ODD_LAYOUT = (
    '{"source": "no", "cells" :[\r\n\t{"outputs": [{"source": "%%step a"}], "source"\r\n:["LINE\\r\\n","y"]\r\n} ]}\r\n'
)


@pytest.mark.parametrize(
    ("text", "edit", "wanted"),
    [
        pytest.param(
            '{"cells": [{"source": ["%%step a\\n", "x = 1"]}]}\n',
            LineEdit(0, "%%step a", "%%step a -o x"),
            '{"cells": [{"source": ["%%step a -o x\\n", "x = 1"]}]}\n',
            id="a list of lines",
        ),
        pytest.param(
            '{"cells": [{"source": "%%step a\\nx = 1"}]}',
            LineEdit(0, "%%step a", "%%step a -o x"),
            '{"cells": [{"source": "%%step a -o x\\nx = 1"}]}',
            id="one text",
        ),
        pytest.param(
            '{"cells": [{"source": "\\n%step a"}]}',
            LineEdit(1, "%step a", '%step a -o "b c"'),
            '{"cells": [{"source": "\\n%step a -o \\"b c\\""}]}',
            id="a later line, and quotes",
        ),
        pytest.param(
            '{"cells": [{"source": ["%%st", "ep", " a\\nx"]}]}',
            LineEdit(0, "%%step a", "%%step b"),
            '{"cells": [{"source": ["%%step b", "", "\\nx"]}]}',
            id="a line in pieces",
        ),
        pytest.param(
            ODD_LAYOUT.replace("LINE", "%%step a"),
            LineEdit(0, "%%step a", "%%step a -o y"),
            ODD_LAYOUT.replace("LINE", "%%step a -o y"),
            id="odd layout and CRLF everywhere",
        ),
        pytest.param(
            '{"cells": [{"source": "%%step a -i caf\\u00e9 \\ud83d\\ude00\\nx"}]}',
            LineEdit(0, "%%step a -i café 😀", "%%step a -i café -o ñ"),
            '{"cells": [{"source": "%%step a -i caf\\u00e9 -o \\u00f1\\nx"}]}',
            id="a file that escapes",
        ),
        pytest.param(
            '\ufeff{"cells": [{"source": "%%step é"}]}',
            LineEdit(0, "%%step é", "%%step ñ"),
            '\ufeff{"cells": [{"source": "%%step ñ"}]}',
            id="a file that does not escape",
        ),
        pytest.param(
            '{"cells": [{"source": "a"}], "cells": [{"source": "b", "source": "%%step a"}]}',
            LineEdit(0, "%%step a", "%%step b"),
            '{"cells": [{"source": "a"}], "cells": [{"source": "b", "source": "%%step b"}]}',
            id="keys given twice: the last one counts",
        ),
    ],
)
def test_one_line_changes_and_nothing_else(text: str, edit: LineEdit, wanted: str) -> None:
    assert edited(text.encode(), {1: edit}, "n.ipynb").decode() == wanted


@pytest.mark.parametrize(
    ("number", "edit", "message"),
    [
        (1, LineEdit(0, "%%step b", "c"), f"n.ipynb, cell 1 has changed since it was read.\n{AGAIN}"),
        (1, LineEdit(1, "%%step a", "c"), f"n.ipynb, cell 1 has changed since it was read.\n{AGAIN}"),
        (2, LineEdit(0, "%%step a", "c"), f"n.ipynb, cell 2 has changed since it was read.\n{AGAIN}"),
        (9, LineEdit(0, "%%step a", "c"), f"n.ipynb, cell 9 has changed since it was read.\n{AGAIN}"),
        (2, LineEdit(0, "", "c"), "n.ipynb, cell 2: line 1 is empty, so there is nothing to replace."),
    ],
)
def test_a_file_that_has_changed_is_refused(tmp_path: Path, number: int, edit: LineEdit, message: str) -> None:
    cells = [{"cell_type": "code", "source": "%%step a"}, {"cell_type": "code"}]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    before = path.read_bytes()
    with pytest.raises(NotebookError) as caught:
        replace_lines(path, {number: edit}, "n.ipynb")
    assert str(caught.value) == message
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_an_old_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text('{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}')
    with pytest.raises(NotebookError) as caught:
        replace_lines(path, {1: LineEdit(0, "a", "b")}, "n.ipynb")
    assert str(caught.value) == (
        "n.ipynb is in an old notebook format, where lines cannot be changed.\nOpen it in Jupyter and save it again."
    )


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.ipynb"
    real.write_text('{"cells": [{"cell_type": "code", "source": "%%step a"}]}')
    real.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(real)
    written = replace_lines(link, {1: LineEdit(0, "%%step a", "%%step b")})
    assert (link.is_symlink(), real.stat().st_mode & 0o777, real.read_bytes()) == (True, 0o640, written)
    assert written == b'{"cells": [{"cell_type": "code", "source": "%%step b"}]}'


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=12)
values = st.recursive(
    st.none() | st.integers() | text, lambda v: st.lists(v, max_size=3) | st.dictionaries(text, v, max_size=3)
)
cells_of_lines = st.lists(
    st.tuples(st.lists(lines, min_size=1, max_size=4), values, st.booleans()), min_size=1, max_size=4
)
HERE = "<the line>"


@given(
    cells=cells_of_lines,
    indent=st.sampled_from([None, 0, 1, 4, "\t"]),
    colon=st.sampled_from([":", " : ", ":\n"]),
    escape=st.booleans(),
    ending=st.sampled_from(["", "\n", "\r\n\r\n"]),
    old=lines,
    new=lines,
    data=st.data(),
)
def test_only_the_wanted_line_of_any_notebook_changes(
    cells: list[tuple[list[str], Any, bool]],
    indent: int | str | None,
    colon: str,
    escape: bool,
    ending: str,
    old: str,
    new: str,
    data: st.DataObject,
) -> None:
    number = data.draw(st.integers(1, len(cells)))
    line = data.draw(st.integers(0, len(cells[number - 1][0]) - 1))
    cells[number - 1][0][line] = HERE
    made = []
    for source, extra, in_lines in cells:
        joined = "\n".join(source)
        made.append({"metadata": {"source": extra}, "source": joined.split("\n") if in_lines else joined, "z": extra})
        if in_lines:
            made[-1]["source"] = [s + "\n" for s in made[-1]["source"][:-1]] + made[-1]["source"][-1:]
    notebook = {"before": cells[0][1], "cells": made, "after": "cells"}
    dumped = json.dumps(notebook, indent=indent, ensure_ascii=escape, separators=(", ", colon)) + ending
    before, after = dumped.split(HERE)
    then = before + json.dumps(old, ensure_ascii=escape)[1:-1] + after

    now = edited(then.encode(), {number: LineEdit(line, old, new)}, "n.ipynb").decode()

    assert (now[: len(before)], now[len(now) - len(after) :]) == (before, after)
    assert json.loads('"' + now[len(before) : len(now) - len(after)] + '"') == new
