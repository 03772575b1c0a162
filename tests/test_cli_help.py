"""What a stranger finds: help that fits a terminal and leaves no option unexplained, completion that knows the steps,
and a command that answers at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from nbflow.ui.cli import cli
from tests.commands import Given, nbflow

STEPS = Given(
    ("%%step load -o a\na = 1", "%%step train -i a -o m\nm = a", "%%step transform -i a\na"),
    others={"other/report.ipynb": ("%%step load -o r\nr = 1",)},
)


COMMANDS: dict[str, click.Command] = {"": cli, **cli.commands} | {
    f"{name} {below}": command
    for name, group in cli.commands.items() if isinstance(group, click.Group)
    for below, command in group.commands.items()
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_and_explains_every_option(tmp_path: Path, name: str) -> None:
    words, command = name.split(), COMMANDS[name]
    said = nbflow(tmp_path, *words, "--help", environ={"COLUMNS": "80"})
    assert (said.code, said.err) == (0, "")
    assert [line for line in said.out.splitlines() if len(line) > 80] == []
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []
    assert nbflow(tmp_path, *words, "-h", environ={"COLUMNS": "80"}) == said


def test_the_commands_stand_in_the_order_of_their_use() -> None:
    assert cli.list_commands(click.Context(cli)) == [
        "run", "plan", "graph", "check", "why", "status", "attach", "cancel", "retry", "runs", "show", "diff",
        "report", "cache", "alerts", "doctor", "completion",
    ]  # fmt: skip


# --- completion ----------------------------------------------------------------------------------------


def completed(root: Path, line: str) -> list[str]:
    """What a shell offers at the end of a line."""
    words = line.split(" ")
    environ = {"_NBFLOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    said = nbflow(root, environ=environ)
    assert said.err == ""
    return [answer.partition(",")[2] for answer in said.out.splitlines() if answer]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("nbflow st", ["status"]),
        ("nbflow run --exc", ["--exclude"]),
        ("nbflow why tr", ["train", "transform"]),
        ("nbflow why ", ["flow.load", "train", "transform", "report.load"]),
        ("nbflow run -s tra", ["train", "transform"]),
        ("nbflow run -s +tra", ["+train", "+transform"]),
        ("nbflow run -s 2+trans", ["2+transform"]),
        ("nbflow run -s state", ["state:stale"]),
        ("nbflow plan --exclude tran", ["transform"]),
        ("nbflow run other -s ", ["load", "state:stale"]),
        ("nbflow run -s x", []),
        ("nbflow graph --format m", ["mermaid"]),
        ("nbflow completion ", ["bash", "zsh", "fish"]),
        ("nbflow show ", ["last"]),
        ("nbflow cache ", ["gc", "ls", "verify"]),
    ],
)
def test_a_shell_completes_commands_options_and_steps(tmp_path: Path, line: str, offered: list[str]) -> None:
    STEPS.write(tmp_path)
    assert completed(tmp_path, line) == offered
    assert not (tmp_path / ".nbflow").exists()


@pytest.mark.parametrize(
    "given",
    [Given(), Given(files={"flow.ipynb": "{"}), Given(files={"pyproject.toml": "[tool.nbflow"}), Given(("%%step",))],
)
def test_where_steps_cannot_be_known_nothing_is_offered_and_nothing_said(tmp_path: Path, given: Given) -> None:
    given.write(tmp_path)
    assert completed(tmp_path, "nbflow why ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(tmp_path: Path, shell: str) -> None:
    said = nbflow(tmp_path, "completion", shell)
    assert (said.code, said.err) == (0, "")
    assert f"_NBFLOW_COMPLETE={shell}_complete" in said.out


LOADED = """
import atexit, runpy, sys

sys.argv = ["nbflow", "--help"]
atexit.register(lambda: print(*sys.modules))
runpy.run_module("nbflow", run_name="__main__")
"""


def test_help_loads_neither_rich_nor_the_planner() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "nbflow.ui.cli" in loaded
    assert loaded & {"rich", "IPython", "papermill", "pandas", "nbflow.ops", "nbflow.project", "nbflow.core"} == set()
