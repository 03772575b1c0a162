"""The documentation says what the program does: its tables are compared with the program's own, its links lead
somewhere, and the README's first pipeline is run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nbflow.core import check, declare, events, setup
from nbflow.core.model import FORMATS, REASON_KINDS
from nbflow.ui.cli import cli
from nbflow.ui.magic import verbs
from nbflow.ui.magic.where import JUPYTER
from tests.flows import write_notebook
from tests.ui.live import kernel_in

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def table(page: str, name: str) -> list[list[str]]:
    """The rows of the table behind ``<!-- table: NAME -->``, without its head, and without the backquotes."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"<!-- table: {name} -->\n")[2]
    rows = text.partition("\n\n")[0].splitlines()
    return [[cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(group: click.Group = cli, before: str = "") -> dict[str, click.Command]:
    """``cache``, ``cache ls`` and all the others that are no secret."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            found[before + name] = command
            found |= commands(command, f"{before}{name} ") if isinstance(command, click.Group) else {}
    return found


def test_the_formats_are_those_there_are() -> None:
    assert [row[0] for row in table("language.md", "formats")] == list(FORMATS)


def test_the_options_of_a_step_are_those_there_are() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    for option in declare.KNOWN:
        assert f"`{option}" in text or f" {option}" in text


def test_the_reasons_are_those_there_are() -> None:
    assert [row[0] for row in table("caching.md", "reasons")] == list(REASON_KINDS)


def test_the_findings_are_those_there_are() -> None:
    rows = [[code, severity, meaning] for code, (severity, meaning) in check.CODES.items()]
    assert table("check.md", "codes") == rows


def test_the_verbs_of_set_up_are_those_there_are() -> None:
    rows = {label: set(re.findall(r"\w+", words)) for label, words in table("language.md", "verbs")}
    assert rows == {
        "is one of": setup.VERBS,
        "begins with one of": set(setup.PREFIXES),
        "contains one of": set(setup.PARTS),
        "changes one of these containers": setup.REGISTRIES,
        "is none of": setup.NOT_SETUP,
    }


def test_the_events_are_those_there_are() -> None:
    names = [row[0] for row in table("cli.md", "events")]
    assert [name for name in names if not hasattr(events, name)] == []


def test_every_command_is_described_with_every_option() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = dict(
        re.findall(r"^### `nbflow ([a-z]+(?: [a-z]+)*)[^\n]*\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    )
    assert list(sections) == list(commands())
    missing = [
        (name, option.opts[-1])
        for name, command in commands().items()
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden and option.name != "help"
        if f"`{option.opts[-1]}" not in sections[name]
    ]
    assert missing == []


def test_every_verb_of_flow_is_described() -> None:
    text = (ROOT / "docs" / "notebook.md").read_text(encoding="utf-8")
    assert [
        verb for verb in verbs.flow.commands if f"`%flow {verb}" not in text and f"\n%flow {verb}" not in text
    ] == []


@pytest.mark.slow
def test_the_python_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(ROOT / "docs" / "notebook.md", "py")
    cells = {
        "parameters": "size = 3",
        "clean": "%%step clean -o table\ntable = list(range(size))",
        "train": "%%step train -i table -o model\nmodel = sum(table)",
    }
    write_notebook(tmp_path / "flow.ipynb", cells)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "docs/notebook.md", "exec"), names)
    assert names["model"] == 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_in_the_documentation_is_json(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)


@pytest.mark.slow
def test_the_first_pipeline_of_the_readme_runs_in_the_notebook_and_in_the_terminal(tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    sources = blocks(readme, "python")
    path = write_notebook(tmp_path / "penguins.ipynb", {f"cell-{n}": text for n, text in enumerate(sources)})
    with kernel_in(tmp_path, {**os.environ, JUPYTER: str(path)}) as kernel:
        answers = {source.strip(): kernel.run(source) for source in sources}
    assert {source: a.status for source, a in answers.items()} == dict.fromkeys(answers, "ok")
    shown = {line: answers[f"%flow{line}"].shown for line in ("", " run", " load average")}
    assert [sorted(part[1]) for part in shown[""]] == [["image/svg+xml", "text/plain"]]
    assert ": 2 succeeded.\n" in shown[" run"][-1][1]["text/plain"]
    assert shown[" load average"][0][2].startswith("nbflow: loaded table from step average (run ")

    lines = [line for block in blocks(readme, "console") for line in block.splitlines()]
    said = {line: _typed(tmp_path, line) for line in lines}
    assert len(said) == 4
    assert ": 2 reused.\n" in said["$ nbflow run penguins.ipynb"]


def _typed(folder: Path, line: str) -> str:
    words = line.removeprefix("$ nbflow ").split()
    done = subprocess.run([sys.executable, "-m", "nbflow", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_pictures_of_the_readme_are_small_enough_to_be_loaded_with_it() -> None:
    found = re.findall(r'(?:src|srcset)="([^"]+)"', (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found != []
    assert [path for path in found if (ROOT / path).stat().st_size > 200_000] == []


def test_what_the_program_says_of_itself_is_in_the_docs_as_it_says_it() -> None:
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    refresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(refresh)
    for page, text in (
        ("runs.md", refresh.states()), ("settings.md", refresh.settings()), ("cli.md", refresh.commands()),
        ("check.md", refresh.codes()),
    ):  # fmt: skip
        assert text in (ROOT / "docs" / page).read_text(encoding="utf-8"), f"{page}: make docs"
    for name, text in refresh.static().items():
        assert text in (refresh.STATIC / name).read_text(encoding="utf-8"), f"{name}: make docs"
