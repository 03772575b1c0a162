"""What may stand behind a verb of ``%flow``: names of steps, parameters and notebooks, as the saved notebook has them.

It is asked for in the middle of a line, so whatever is wrong with the notebook, nothing is said. Read ``completion``
next for who asks.
"""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from nbflow.core.graph import Pipeline
from nbflow.ui.magic import desk
from nbflow.ui.magic.session import Session
from nbflow.ui.options import selectors


def steps_of(session: Session) -> list[tuple[str, str]]:
    """Steps with their notebooks; none where they cannot be had."""
    pipeline = pipeline_of(session)
    return [(step.name, step.notebook) for step in pipeline.steps.values()] if pipeline is not None else []


def pipeline_of(session: Session) -> Pipeline | None:
    try:
        with desk.pipeline(session).opened() as project:
            return project.pipeline
    except Exception:
        return None


def selector(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return selectors(steps_of(ctx.obj), incomplete)


def step(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=where) for name, where in steps_of(ctx.obj) if name.startswith(incomplete)]


def parameter(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    pipeline = pipeline_of(ctx.obj)
    names = dict.fromkeys(n for o in pipeline.outlines.values() for n in o.parameters) if pipeline is not None else {}
    return [CompletionItem(f"{name}=") for name in names if name.startswith(incomplete)]


def notebook(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    found = sorted(p for p in folder.glob("*") if p.suffix == ".ipynb" or (p.is_dir() and p.name[0] != "."))
    names = [f"{p}/" if p.is_dir() else str(p) for p in found]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
