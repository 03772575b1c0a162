"""Kernelspecs: found as Jupyter finds them, remembered while they stay as they are, missed in words that help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nbflow.errors import MissingKernel
from nbflow.kernels.specs import Installed, KernelSpec, Kernelspecs, ask_jupyter

AGED = time.time() - 3600


class Jupyter:
    """Stands for ``ask_jupyter``: one folder of kernelspecs; counts how often it is asked."""

    def __init__(self, folder: Path, *missing: Path) -> None:
        self.folder = folder
        self.missing = missing
        self.asked = 0

    def __call__(self) -> Installed:
        self.asked += 1
        files = {path.parent.name: str(path) for path in sorted(self.folder.glob("*/kernel.json"))}
        specs = {name: json.loads(Path(path).read_text()) for name, path in files.items()}
        folders = tuple(str(folder) for folder in (self.folder, *self.missing))
        return Installed(folders, files, {name: spec for name, spec in specs.items() if spec["argv"]})

    def install(self, name: str, argv: list[str], **more: Any) -> None:
        place = self.folder / name / "kernel.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"argv": argv, "language": "python", **more}))
        self.age()

    def age(self) -> None:
        for path in [self.folder, *self.folder.rglob("*")]:
            os.utime(path, (AGED, AGED))


@pytest.fixture
def jupyter(tmp_path: Path) -> Jupyter:
    found = Jupyter(tmp_path / "kernels", tmp_path / "later")
    found.install("python3", ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    found.install("analysis", ["/env/bin/python", "-m", "ipykernel_launcher"], env={"A": "1", "N": 2})
    return found


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        (None, KernelSpec("python3", ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), "python", {},
                          sys.executable)),
        ("analysis", KernelSpec("analysis", ("/env/bin/python", "-m", "ipykernel_launcher"), "python",
                                {"A": "1", "N": "2"}, "/env/bin/python")),
        ("Analysis", KernelSpec("analysis", ("/env/bin/python", "-m", "ipykernel_launcher"), "python",
                                {"A": "1", "N": "2"}, "/env/bin/python")),
    ],
)  # fmt: skip
def test_a_kernel_is_found_by_its_name(jupyter: Jupyter, name: str | None, spec: KernelSpec) -> None:
    assert Kernelspecs(None, {}, jupyter).find(name) == spec


@pytest.mark.parametrize(
    ("word", "executable"),
    [
        ("python", sys.executable),
        ("python3", sys.executable),
        (f"python3.{sys.version_info[1]}", sys.executable),
        ("python2", "python2"),
        ("tool", "{bin}/tool"),
        ("no-such-tool", "no-such-tool"),
        ("/abs/python", "/abs/python"),
        ("{prefix}/bin/python", f"{sys.prefix}/bin/python"),
        ("{resource_dir}/start", "{kernels}/k/start"),
        ("{unknown}/start", "{{unknown}}/start"),
    ],
)
def test_the_program_is_the_one_that_jupyter_would_start(
    jupyter: Jupyter, tmp_path: Path, word: str, executable: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "tool").chmod(0o755)
    jupyter.install("k", [word, "-m", "ipykernel_launcher"])
    found = Kernelspecs(None, {"PATH": str(tmp_path / "bin")}, jupyter).find("k")
    assert found.executable == executable.format(bin=tmp_path / "bin", kernels=jupyter.folder)


FIX = "Install it with the Python of its environment (python -m ipykernel install --user --name {}), or choose another kernel for the notebook."  # noqa: E501 - the whole sentence


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("analisys", "No kernel named 'analisys' is installed. Did you mean 'analysis'? Installed: analysis, python3.",
         FIX.format("analisys")),
        ("julia", "No kernel named 'julia' is installed. Installed: analysis, python3.", FIX.format("julia")),
        ("a b; rm", "No kernel named 'a b; rm' is installed. Installed: analysis, python3.", FIX.format("'a b; rm'")),
        ("broken", ("Kernel 'broken' is installed but cannot be used: {file} cannot be read, or what starts it is not "
                    "installed here. Kernels that can be used: analysis, python3."),
         "Mend or reinstall it, or choose another kernel for the notebook."),
    ],
)  # fmt: skip
def test_a_missing_kernel_is_named_with_what_there_is(jupyter: Jupyter, name: str, message: str, fix: str) -> None:
    jupyter.install("broken", [])
    with pytest.raises(MissingKernel) as caught:
        Kernelspecs(None, {}, jupyter).find(name)
    assert caught.value.message == message.format(file=jupyter.folder / "broken" / "kernel.json")
    assert caught.value.fix == fix


def test_where_nothing_is_installed_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingKernel) as caught:
        Kernelspecs(None, {}, Jupyter(tmp_path)).find(None)
    assert caught.value.message == "No kernel named 'python3' is installed. Installed: none."


# --- remembering ---------------------------------------------------------------------------------------

CHANGES: list[tuple[str, Callable[[Jupyter], object], int]] = [
    ("nothing", lambda j: None, 1),
    ("a file beside a kernel.json", lambda j: (j.folder / "analysis" / "logo.svg").write_text(""), 1),
    ("a new kernel", lambda j: j.install("new", ["python"]), 2),
    ("an edited kernel", lambda j: (j.folder / "analysis" / "kernel.json").write_text('{"argv": ["x"]}'), 2),
    ("a kernel that goes", lambda j: (j.folder / "analysis").rename(j.folder.parent / "gone"), 2),
    ("a new folder of kernels", lambda j: j.missing[0].mkdir(), 2),
]


@pytest.mark.parametrize(("change", "asked"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_jupyter_is_asked_again_when_a_kernelspec_may_have_changed(
    jupyter: Jupyter, tmp_path: Path, change: Callable[[Jupyter], object], asked: int
) -> None:
    first = Kernelspecs(tmp_path / "memo.json", {}, jupyter).find(None)
    change(jupyter)
    assert Kernelspecs(tmp_path / "memo.json", {}, jupyter).find(None) == first
    assert jupyter.asked == asked


@pytest.mark.parametrize(
    ("environ", "asked"),
    [({}, 1), ({"UNRELATED": "1"}, 1), ({"JUPYTER_PATH": "/x"}, 2), ({"HOME": "/x"}, 2), ({"CONDA_PREFIX": "/x"}, 2)],
)
def test_jupyter_is_asked_again_where_it_would_look_elsewhere(
    jupyter: Jupyter, tmp_path: Path, environ: Mapping[str, str], asked: int
) -> None:
    for variables in ({}, environ, {}, environ):
        Kernelspecs(tmp_path / "memo.json", variables, jupyter).find(None)
    assert jupyter.asked == asked


def test_one_object_asks_once(jupyter: Jupyter) -> None:
    specs = Kernelspecs(None, {}, jupyter)
    for name in (None, "analysis", "python3"):
        specs.find(name)
    assert jupyter.asked == 1


def test_what_was_installed_just_now_is_not_remembered(jupyter: Jupyter, tmp_path: Path) -> None:
    os.utime(jupyter.folder)
    for _ in range(2):
        Kernelspecs(tmp_path / "memo.json", {}, jupyter).find(None)
    assert jupyter.asked == 2


@pytest.mark.parametrize("content", ["", "[]", '{"version": 1, "tables": {"installed": []}}'])
def test_a_broken_memory_is_ignored(jupyter: Jupyter, tmp_path: Path, content: str) -> None:
    (tmp_path / "memo.json").write_text(content)
    assert Kernelspecs(tmp_path / "memo.json", {}, jupyter).find(None).name == "python3"


# --- the real one --------------------------------------------------------------------------------------


def test_jupyter_s_own_kernel_is_there() -> None:
    found = ask_jupyter()
    assert found.specs["python3"]["argv"][1:3] == ["-m", "ipykernel_launcher"]
    assert found.specs["python3"]["language"] == "python"
    assert Path(found.files["python3"]).name == "kernel.json"
    assert Kernelspecs(None, os.environ).find(None).executable == sys.executable


def test_a_kernel_on_jupyter_s_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Jupyter(tmp_path / "share" / "kernels").install("Mine", ["/env/python", "-m", "ipykernel_launcher"])
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    assert Kernelspecs(None, os.environ).find("Mine").executable == "/env/python"


def test_a_remembered_kernel_needs_no_jupyter(jupyter: Jupyter, tmp_path: Path) -> None:
    Kernelspecs(tmp_path / "memo.json", {}, jupyter).find(None)
    code = (
        "import sys; from pathlib import Path; from nbflow.kernels.specs import Kernelspecs\n"
        "print(Kernelspecs(Path(sys.argv[1]), {}).find('analysis').executable, 'jupyter_client' in sys.modules)"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "memo.json"], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "/env/bin/python False\n"
