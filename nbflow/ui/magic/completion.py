"""What the Tab key offers behind ``%flow``: verbs, options, and the names of steps, parameters and notebooks.

IPython asks before each completion of any cell, so this looks at the line first and loads nothing for other lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, context_matcher

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from nbflow.ui.magic.session import Session

_LINE = re.compile(r"\s*%flow(\s.*)")


def matcher(session: Session) -> Any:
    """What IPython asks, for one kernel."""

    @context_matcher(identifier="nbflow.flow")  # type: ignore[untyped-decorator]  # IPython publishes it untyped
    def flow_matcher(context: CompletionContext) -> SimpleMatcherResult:
        line = _LINE.fullmatch(context.text_until_cursor)
        if line is None:
            return {"completions": []}
        *words, begun = line[1].split(" ")
        found = completions(session, [word for word in words if word], begun)
        return {
            "completions": [SimpleCompletion(text=text, type=kind) for text, kind in found],
            "matched_fragment": begun,
            "suppress": True,
            "ordered": True,
        }

    return flow_matcher


def completions(session: Session, words: list[str], begun: str) -> list[tuple[str, str]]:
    """``(text, kind)`` of what the word that has begun may become. ``words``: those before it."""
    from click.shell_completion import ShellComplete

    from nbflow.ui.magic.verbs import flow

    asked = ShellComplete(flow, {"obj": session}, "%flow", "")
    kind = "option" if begun.startswith("-") else "verb" if not words else "step"
    return [(str(item.value), kind) for item in asked.get_completions(words, begun) if item.type == "plain"]
