"""Small pipelines for the tests in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.flows import write_notebook

CHAIN = {
    "params": "size = 3",
    "helper": "def double(values):\n    return [2 * value for value in values]",
    "make": "%%step make -o numbers\nnumbers = list(range(size))",
    "look": "numbers[:2]",
    "sum": "%%step add -i numbers -o total\ntotal = sum(double(numbers))",
}
WAITING = {
    **CHAIN,
    "wait": (
        "%%step wait -i total -o done\nimport pathlib, time\n"
        "while not pathlib.Path('wake').exists():\n    time.sleep(0.05)\ndone = total"
    ),
}
"""Its last step goes on when it is woken."""


def write(project: Path, name: str, cells: Mapping[str, str]) -> str:
    """A notebook with a cell of parameters; its path as the server knows it."""
    path = write_notebook(project / name, cells)
    content = json.loads(path.read_text())
    for cell in content["cells"]:
        if "".join(cell["source"]).startswith("size = "):
            cell["metadata"]["tags"] = ["parameters"]
    path.write_text(json.dumps(content))
    return f"{project.name}/{name}"
