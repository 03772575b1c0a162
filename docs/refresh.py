"""Write into the documentation what the program itself says: its commands, its findings, and a real run of it.

``make docs`` runs it. Text between ``<!-- capture: NAME -->`` or ``<!-- section: NAME -->`` and the next blank line or
heading is replaced; everything else is a person's.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from nbflow.core.check import CODES
from nbflow.ui.cli import cli

ROOT = Path(__file__).parent.parent
EXAMPLE = "01_quickstart.ipynb"


def main() -> None:
    replace(ROOT / "docs" / "check.md", r"(<!-- table: codes -->\n).*?\n\n", codes() + "\n\n")
    replace(ROOT / "docs" / "cli.md", r"(<!-- section: commands -->\n).*?(?=\n## )", "\n" + commands())
    run, why = captures()
    for name, text in (("run", run), ("why", why)):
        replace(ROOT / "README.md", rf"(<!-- capture: {name} -->\n)```\n.*?```\n", f"```\n{text}\n```\n")


def replace(page: Path, pattern: str, text: str) -> None:
    old = page.read_text(encoding="utf-8")
    new, count = re.subn(pattern, lambda m: m[1] + text, old, count=1, flags=re.DOTALL)
    if not count:
        sys.exit(f"{page.name} has no place for it: {pattern}")
    page.write_text(new, encoding="utf-8")


def codes() -> str:
    rows = [f"| `{code}` | {severity} | {meaning} |" for code, (severity, meaning) in CODES.items()]
    return "\n".join(["| code | severity | meaning |", "|---|---|---|", *rows])


def commands() -> str:
    parts = []
    for name, command in cli.commands.items():
        if command.hidden:
            continue
        words = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name))).replace("[OPTIONS] ", "")
        text = inspect.cleandoc(command.help or "").replace("\b\n", "")
        options = [f"| {_called(o)} | {_said(o)} |" for o in command.params if isinstance(o, click.Option)]
        table = "\n".join(["| option | |", "|---|---|", *options]) if options else ""
        parts.append("\n\n".join(filter(None, (f"### `nbflow {name} {words}`", _prose(text), table))))
    return "\n\n".join(parts) + "\n"


def _prose(text: str) -> str:
    """A help text; what it indents is shown as it stands."""
    paragraphs = [p for p in text.split("\n\n") if p.strip()]
    return "\n\n".join(f"```text\n{p}\n```" if p.startswith("    ") else " ".join(p.split()) for p in paragraphs)


def _called(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(cli))}"
    return ", ".join(f"`{word}{value if word == option.opts[-1] else ''}`" for word in option.opts).replace("|", "\\|")


def _said(option: click.Option) -> str:
    return (option.help or "").replace("|", "\\|")


def captures() -> tuple[str, str]:
    """What a person sees: a first run of the example, then why its steps would run once a helper has changed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / ".git").mkdir()
        notebook = folder / EXAMPLE
        shutil.copy(ROOT / "example_notebooks" / EXAMPLE, notebook)
        first = _typed(folder, "run", EXAMPLE)
        text = notebook.read_text(encoding="utf-8")
        assert "dropna()" in text
        notebook.write_text(text.replace("dropna()", 'dropna(how=\\"any\\")'), encoding="utf-8")
        json.loads(notebook.read_text(encoding="utf-8"))
        return first, "\n\n".join(_typed(folder, *words) for words in (("plan", EXAMPLE), ("why", "prepare", EXAMPLE)))


def _typed(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", *words], cwd=folder, capture_output=True, text=True, check=True
    )
    lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
    return "\n".join([f"$ nbflow {' '.join(words)}", *lines])


if __name__ == "__main__":
    main()
