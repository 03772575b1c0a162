"""How answers look in a notebook: the picture first, then words. A notebook is handed MIME bundles and picks the best.

A picture is SVG, and text where no picture can be drawn; a table is HTML and text. Whoever shows nothing rich gets
``text/plain`` alone, which is what ``print`` shows as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from xml.etree.ElementTree import Element

from nbflow.core.graph import Pipeline
from nbflow.errors import MissingLayoutEngine
from nbflow.render import graphs, html
from nbflow.render.columns import Cell

Bundle = dict[str, str]
"""MIME type → data."""

NONE: Mapping[str, str] = MappingProxyType({})


class Shown:
    """Something that a notebook shows in several parts below each other."""

    def bundles(self) -> tuple[Bundle, ...]:
        """The parts."""
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for bundle in self.bundles():
            display(bundle, raw=True)


def picture(pipeline: Pipeline, states: Mapping[str, str] = NONE, notes: Mapping[str, str] = NONE) -> Bundle:
    """The pipeline as a picture. ``states``, ``notes``: as for ``render.dag.svg``."""
    from nbflow.render import dag  # of use to notebooks alone

    text = graphs.text(pipeline)
    try:
        return {"image/svg+xml": dag.svg(pipeline, states, notes=notes), "text/plain": text}
    except MissingLayoutEngine:
        return {"text/plain": f"{text}\n\n{dag.ADVICE}"}


def table(
    text: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], *below: Element, right: Collection[int] = ()
) -> Bundle:
    """A table with words below it; ``text`` says all of it to those who read no HTML."""
    return {"text/html": html.document(html.table(header, rows, right=right), *below), "text/plain": text}


def words(text: str) -> Bundle:
    """Words alone."""
    return {"text/plain": text}
