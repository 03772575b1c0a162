"""Tables and words as HTML, for notebooks. Built as a tree, so nothing that a person wrote can become markup.

No script, no style sheet, no colour: a table looks as the page around it looks, light or dark. Read ``text`` next for
what stands in the tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from nbflow.render.columns import Cell

LEFT, RIGHT = "text-align:left", "text-align:right"
"""Said of every cell, for JupyterLab aligns the cells of all tables to the right."""
QUIET = ";opacity:.75"


def document(*parts: Element) -> str:
    """Parts below each other."""
    root = Element("div")
    root.extend(parts)
    return tostring(root, encoding="unicode", method="html")


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = ()) -> Element:
    """Rows under their header. ``right``: columns aligned to the right; cells styled ``dim`` are quiet."""
    made = Element("table", style="margin:0")
    head = SubElement(SubElement(made, "thead"), "tr")
    for index, name in enumerate(header):
        SubElement(head, "th", scope="col", style=RIGHT if index in right else LEFT).text = name
    body = SubElement(made, "tbody")
    for row in rows:
        line = SubElement(body, "tr")
        for index, (text, style) in enumerate(row):
            look = (RIGHT if index in right else LEFT) + (QUIET if style == "dim" else "")
            SubElement(line, "td", style=look).text = text
    return made


def paragraph(text: str) -> Element:
    """A line of words."""
    made = Element("p", style="margin:.5em 0")
    made.text = text
    return made


def quiet(text: str) -> Element:
    """A line that does not ask to be read."""
    made = Element("p", style="margin:0;opacity:.75;font-size:.92em")
    made.text = text
    return made


def link(text: str, address: str) -> Element:
    """A line that leads somewhere else."""
    made = Element("p", style="margin:.5em 0")
    SubElement(made, "a", href=address, target="_blank").text = text
    return made


def block(text: str) -> Element:
    """Lines as they are, as of a traceback."""
    made = Element("pre", style="margin:.5em 0")
    made.text = text
    return made
