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
from collections.abc import Iterator
from pathlib import Path

import click

from nbflow.core.check import CODES
from nbflow.core.transitions import TRANSITIONS
from nbflow.render.dag.looks import LOOKS, style_sheet
from nbflow.settings import Settings, described
from nbflow.ui.cli import cli

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "nbflow" / "static"
EXAMPLE = "01_quickstart.ipynb"


def main() -> None:
    replace(ROOT / "docs" / "check.md", r"(<!-- table: codes -->\n).*?\n\n", codes() + "\n\n")
    replace(ROOT / "docs" / "cli.md", r"(<!-- section: commands -->\n).*?(?=\n## )", "\n" + commands())
    replace(ROOT / "docs" / "runs.md", r"(<!-- diagram: states -->\n)```mermaid\n.*?```\n", states())
    for name, text in static().items():
        replace(STATIC / name, r"(/\* generated: \w+ \(make docs\) \*/\n).*?(?=/\* end of generated \*/)", text)
    replace(ROOT / "docs" / "settings.md", r"(<!-- table: settings -->\n).*?\n\n", settings() + "\n\n")
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
    for name, command in every_command(cli):
        # With the settings of the command line: click remembers a command's option for help as it was first asked for.
        pieces = command.collect_usage_pieces(click.Context(command, info_name=name, **cli.context_settings))
        heading = " ".join(["nbflow", name, *(piece for piece in pieces if piece != "[OPTIONS]")])
        text = inspect.cleandoc(command.help or "").replace("\b\n", "")
        told = [o for o in command.params if isinstance(o, click.Option) and not o.hidden]
        options = [f"| {_called(o)} | {_said(o)} |" for o in told]
        table = "\n".join(["| option | |", "|---|---|", *options]) if options else ""
        parts.append("\n\n".join(filter(None, (f"### `{heading}`", _prose(text), table))))
    return "\n\n".join(parts) + "\n"


def every_command(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands that are no secret, and below a group those of it: ``cache``, ``cache ls``."""
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"{before}{name}", command
            if isinstance(command, click.Group):
                yield from every_command(command, f"{before}{name} ")


def settings() -> str:
    defaults = Settings(root=Path(), store=Path(".nbflow/store"), jobs=0)
    rows = []
    for name, (place, expects) in described().items():
        default = "the number of cores" if name == "jobs" else _shown(getattr(defaults, name))
        rows.append(f"| `{place}` | {expects} | {default} | `NBFLOW_{name.upper()}` |")
    return "\n".join(["| setting | expects | default | in the environment |", "|---|---|---|---|", *rows])


DARK, ON_SCREEN = "@media (prefers-color-scheme:dark)", "@media screen and (prefers-color-scheme:dark)"
"""Paper is white, however dark the reader's screen is."""


def static() -> dict[str, str]:
    """How states look, for the renderer in the browser: file → text."""
    signs = "\n".join(f'  {json.dumps(state)}: "{look.sign}",' for state, look in LOOKS.items())
    said = "/** State → the path of its sign, around 0,0 in a disc of radius 9. @type {{[state: string]: string}} */"
    return {
        "view.css": style_sheet().replace(".nbf-dag", ".nbf-view").replace(DARK, ON_SCREEN) + "\n",
        "view/states.js": f"{said}\nconst SIGNS = {{\n{signs}\n}};\n",
    }


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, tuple):
        return f"`{json.dumps(list(value))}`" if value else "none"
    if isinstance(value, float) and value >= 1e9:
        return f"`{value / 1e9:g}GB`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value else "`0`" if value == 0 else "none"


def states() -> str:
    """The table of transitions as a diagram: one arrow between two states, with all that may cause it. What leaves a
    state as it is, is not drawn."""
    causes: dict[tuple[str, str], list[str]] = {}
    for (state, trigger), target in TRANSITIONS.items():
        if state != target:
            causes.setdefault((state, target), []).append(trigger)
    lines = [f"    {state} --> {target}: {', '.join(words)}" for (state, target), words in causes.items()]
    ends = sorted({target for _, target in causes} - {state for state, _ in causes})
    body = ["    [*] --> waiting", *lines, *(f"    {state} --> [*]" for state in ends)]
    return "\n".join(["```mermaid", "stateDiagram-v2", *body, "```"]) + "\n"


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
