from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.model import Cell, Notebook
from nbflow.errors import NotebookError
from nbflow.notebook import find_notebooks, read, read_raw
from tests.growth import LINEAR, growth


def code(source: str | list[str], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_notebook_is_read_whole(tmp_path: Path) -> None:
    raw = {
        "cells": [
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Penguins\n", "from the ice"]},
            {**code("x = 'é'", tags=["parameters", 3]), "id": "b"},
            {"cell_type": "raw", "id": "c", "metadata": {}, "source": ""},
        ],
        "metadata": {"kernelspec": {"name": "py311", "display_name": "Python", "language": "Python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = write(tmp_path / "sub" / "one.ipynb", raw)
    assert read(path, tmp_path) == Notebook(
        "sub/one.ipynb",
        (
            Cell(1, "markdown", "# Penguins\nfrom the ice", frozenset(), "a"),
            Cell(2, "code", "x = 'é'", frozenset({"parameters"}), "b"),
            Cell(3, "raw", "", frozenset(), "c"),
        ),
        "py311",
        "python",
    )


@pytest.mark.parametrize(
    ("metadata", "kernel", "language"),
    [
        (None, None, "python"),
        ({}, None, "python"),
        ({"kernelspec": {"name": ""}}, None, "python"),
        ({"kernelspec": {"name": "ir", "language": "R"}}, "ir", "r"),
        ({"language_info": {"name": "julia"}}, None, "julia"),
        ({"kernelspec": 3, "language_info": []}, None, "python"),
    ],
)
def test_a_notebook_may_say_little_about_itself(
    tmp_path: Path, metadata: object, kernel: str | None, language: str
) -> None:
    raw: dict[str, Any] = {"cells": [code("1")], "nbformat": 4, "nbformat_minor": 4}
    if metadata is not None:
        raw["metadata"] = metadata
    path = write(tmp_path / "n.ipynb", raw)
    assert read(path, tmp_path) == Notebook("n.ipynb", (Cell(1, "code", "1"),), kernel, language)


def test_an_old_format_is_converted_in_memory(tmp_path: Path) -> None:
    raw = {
        "metadata": {"name": "old"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["Title"]},
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["a = 1\n", "a"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [{"output_type": "pyout", "prompt_number": 1, "text": ["1"], "metadata": {}}],
                        "prompt_number": 1,
                    },
                ]
            }
        ],
    }
    path = write(tmp_path / "old.ipynb", raw)
    before = path.read_bytes()
    assert read(path, tmp_path).cells == (
        Cell(1, "markdown", "## Title", frozenset(), "cell-1"),
        Cell(2, "code", "a = 1\na", frozenset(), "cell-2"),
    )
    assert read_raw(path) == read_raw(path)
    assert read_raw(path)["metadata"] == {}
    assert path.read_bytes() == before


RESAVE = "Open it in Jupyter and save it again."
NEWER = "n.ipynb is in notebook format 5; the newest that nbflow reads is 4.\nSave it in format 4, or update nbflow."
NO_CELLS = "n.ipynb is not a notebook: it holds no cells."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "n.ipynb is empty, so it is not a notebook.\nOpen it in Jupyter and save it, or remove it."),
        (" \n ", "n.ipynb is empty, so it is not a notebook.\nOpen it in Jupyter and save it, or remove it."),
        (
            '{\n "cells": [,]}',
            (
                "n.ipynb is not valid JSON: line 2, expecting value.\n"
                "Correct it, or go back to an earlier version (an unfinished merge of git leaves such files)."
            ),
        ),
        ("[" * 100_000, "n.ipynb is not a notebook: its JSON is nested too deeply."),
        ("[]", NO_CELLS),
        ('{"a": 1}', NO_CELLS),
        ('{"nbformat": 4, "cells": 3}', NO_CELLS),
        ('{"cells": [3]}', "n.ipynb, cell 1 is not a notebook cell.\nOpen it in Jupyter and save it again."),
        (
            {"cells": [{"cell_type": "code", "source": ""}, {"cell_type": "code", "source": 4}]},
            "n.ipynb, cell 2 is not a notebook cell.\nOpen it in Jupyter and save it again.",
        ),
        (
            {"cells": [], "nbformat": 5},
            NEWER,
        ),
        (
            {"nbformat": 3, "worksheets": [{"cells": [{}]}]},
            "n.ipynb is in notebook format 3, and it is damaged: it cannot be converted.\n" + RESAVE,
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_message(tmp_path: Path, content: object, message: str) -> None:
    path = write(tmp_path / "n.ipynb", content)
    with pytest.raises(NotebookError) as caught:
        read(path, tmp_path)
    assert str(caught.value) == message


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(b'{\n"cells": ["\xe9"]}')
    with pytest.raises(NotebookError) as caught:
        read(path, tmp_path)
    assert str(caught.value) == "n.ipynb is not UTF-8 text (line 2).\nOpen it in Jupyter and save it again."


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", "\ufeff" + json.dumps({"cells": [code("1")], "nbformat": 4}))
    assert read(path, tmp_path).cells == (Cell(1, "code", "1"),)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train.ipynb", {"cells": []})
    with pytest.raises(NotebookError) as missing:
        read(tmp_path / "trian.ipynb", tmp_path)
    assert str(missing.value) == "trian.ipynb does not exist. Did you mean 'train.ipynb'?"
    (tmp_path / "folder.ipynb").mkdir()
    with pytest.raises(NotebookError) as folder:
        read(tmp_path / "folder.ipynb", tmp_path)
    assert str(folder.value) == "folder.ipynb is a folder, not a notebook."


def test_the_time_to_read_a_notebook_grows_with_its_cells(tmp_path: Path) -> None:
    def reading(cells: int) -> Callable[[], object]:
        content = [code(["x = 1\n", "y = 2\n", "x + y"], tags=["a"]) for _ in range(cells)]
        whole = {"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        path = write(tmp_path / f"{cells}.ipynb", whole)
        return lambda: read(path, tmp_path)

    assert growth(reading, 10_000) < LINEAR


def test_a_folder_means_its_notebooks(tmp_path: Path) -> None:
    names = [
        "b.ipynb",
        "a/z.ipynb",
        "a/notes.txt",
        ".hidden/x.ipynb",
        "a/.ipynb_checkpoints/z-checkpoint.ipynb",
        "nbflow_runs/r1/b.ipynb",
        "env/lib/x.ipynb",
        "env/pyvenv.cfg",
        "a/.~z.ipynb",
    ]
    for name in names:
        write(tmp_path / name, "")
    assert find_notebooks([tmp_path], tmp_path) == [tmp_path / "a/z.ipynb", tmp_path / "b.ipynb"]


def test_a_file_given_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "b.ipynb", "")
    write(tmp_path / "a/.x/c.ipynb", "")
    found = find_notebooks(
        [tmp_path / "b.ipynb", tmp_path, tmp_path / "a" / ".." / "b.ipynb", tmp_path / "a/.x"], tmp_path
    )
    assert found == [tmp_path / "a/.x/c.ipynb", tmp_path / "b.ipynb"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.ipynb", "does not exist."),
        ("script.py", "is not a notebook.\nGive notebooks (.ipynb) or folders that hold some."),
    ],
)
def test_a_source_that_is_no_notebook_is_refused(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path / "script.py", "")
    with pytest.raises(NotebookError) as caught:
        find_notebooks([tmp_path / name], tmp_path)
    assert str(caught.value) == f"{tmp_path / name} {message}"
