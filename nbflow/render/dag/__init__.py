"""The picture of a pipeline: one SVG that needs nothing beside itself, in light and dark, for eyes and screen readers.

``svg`` puts together three parts: ``scene`` (what is shown, in which words), ``engines`` (where it stands: Graphviz)
and ``drawing`` (how it is drawn); ``looks`` has the states and the colours. Nothing here runs or decides anything. A
front end that follows a run needs no layout: on ``#step_N`` it changes the class (``looks.state_class``), the path of
``.nbf-sign`` (to that of ``#nbf_sign_STATE``), the words of ``.nbf-note`` and the label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nbflow.core.graph import Pipeline
from nbflow.render.dag.drawing import draw, draw_nothing
from nbflow.render.dag.engines import ADVICE, Engine, installed
from nbflow.render.dag.places import lay_out
from nbflow.render.dag.scene import element_ids, scene_of

__all__ = ["ADVICE", "element_ids", "svg"]

NONE: Mapping[str, str] = MappingProxyType({})


def svg(
    pipeline: Pipeline,
    states: Mapping[str, str] = NONE,
    *,
    notes: Mapping[str, str] = NONE,
    among: Iterable[Engine] | None = None,
) -> str:
    """The picture as SVG: the same pipeline and states give the same text with the same engine.

    ``states``: step (full name) → its state, any of ``looks.LOOKS``; a step without one is drawn plain. ``notes``: step
    → what its card says in place of the state's word (``succeeded · 3.2 s``). ``among``: engines to try in place of
    those of this machine. Raises ``MissingLayoutEngine`` where none works: show ``graphs.text`` then.
    """
    made = scene_of(pipeline, states, notes)
    if not made.cards:
        return draw_nothing(made.title)
    return draw(made, lay_out(made, installed() if among is None else among))
