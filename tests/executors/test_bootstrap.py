from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nbflow.executors import bootstrap

STEP = """
from . import other

def open_order(path, namespace):
    return __name__, other.VALUE, path, sorted(n for n in namespace if "nbflow" in n)
"""


def test_the_runtime_is_loaded_from_its_folder_and_leaves_one_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "other.py").write_text("VALUE = 3")
    (folder / "step.py").write_text(STEP)
    order = tmp_path / 'order "1".json'
    program = (
        "import types; names = set(globals())\n"
        "get_ipython = lambda: types.SimpleNamespace(user_ns=globals())\n"
        f"{bootstrap(folder, order)}\n"
        "print(__nbflow__); print(sorted(set(globals()) - names))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (run.stderr, run.stdout.splitlines()) == (
        "",
        [
            str(("_nbflow_runtime.step", 3, str(order), ["__nbflow__"])),
            "['__nbflow__', 'get_ipython', 'names']",
        ],
    )
