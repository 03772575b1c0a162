"""What cells showed, as static HTML: text as text, pictures as data, HTML in a frame in which nothing runs."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from nbflow.render.report.sanitized import sanitized
from nbflow.render.words import bounded, clean, clean_block

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
TEXTS = ("text/markdown", "text/latex", "text/plain")
INTERACTIVE = re.compile(r"application/(?:vnd\.|javascript)|text/vnd\.")

LINES, CHARACTERS = 2_000, 20_000
"""Of a text, so many lines and so many letters of a line at most; the executed notebook has all."""

FRAME = """\
<!doctype html><meta charset="utf-8"><style>
:root{color-scheme:light dark}
body{margin:0;font:13px/1.45 system-ui,sans-serif;color:light-dark(#1f2328,#e6edf3);background:transparent}
table{border:0!important;border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:12.5px}
th,td{padding:3px 10px;text-align:right;border:0}
thead th{border-bottom:1px solid light-dark(#c5ccd4,#464e59)}
tbody tr:nth-child(even){background:light-dark(#f5f7f9,#20262e)}
img,svg{max-width:100%}
pre{white-space:pre-wrap}
@media print{:root{color-scheme:light}}
</style>
"""
"""What stands before somebody's HTML: how a table looks where it does not say."""

COLOURED = re.compile(r"(?:color|background|fill|stroke)\s*[:=]|<(?:svg|img|font)\b", re.IGNORECASE)
"""HTML with colours or pictures of its own was made for a white page, and gets one."""
WHITE = "<style>:root{color-scheme:light}body{padding:6px 8px;background:#fff}</style>\n"


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A cell of a step and what it showed."""

    number: int
    """From 1, in the executed notebook."""
    outputs: Sequence[Mapping[str, Any]]
    """As a notebook has them."""


def drawn_cell(cell: ShownCell, link: str) -> Iterator[Element]:
    """The outputs of a cell. ``link``: address of the executed notebook, ``""`` for none."""
    for output in cell.outputs:
        kind = output.get("output_type")
        if kind == "stream":
            stream = _text(_joined(output.get("text")))
            if output.get("name") == "stderr":
                stream.set("class", "nbf-text nbf-stderr")
            yield stream
        elif kind == "error":
            frames = output.get("traceback") or [f"{output.get('ename', '')}: {output.get('evalue', '')}"]
            trace = _text("\n".join(map(str, frames)))
            trace.set("class", "nbf-text nbf-trace")
            yield trace
        elif isinstance(data := output.get("data"), Mapping):
            yield from _rich(data, link)


def _rich(data: Mapping[str, Any], link: str) -> Iterator[Element]:
    """The best static form that there is, and a line where there would be more to it."""
    html = sanitized(_joined(data["text/html"])) if "text/html" in data else None
    picture = next((type_ for type_ in PICTURES if type_ in data), "")
    more = any(INTERACTIVE.match(type_) for type_ in data) or (html is not None and html.left_out)
    if html is not None and not html.empty and not (html.left_out and picture):
        yield _frame(html.html)
    elif "image/svg+xml" in data:
        encoded = base64.b64encode(_joined(data["image/svg+xml"]).encode("utf-8", "replace")).decode()
        yield _picture("image/svg+xml", encoded, data)
    elif picture:
        yield _picture(picture, re.sub(r"[^A-Za-z0-9+/=]", "", _joined(data[picture])), data)
    elif text := next((type_ for type_ in TEXTS if type_ in data), ""):
        yield _text(_joined(data[text]))
    else:
        more = True
    if more:
        yield _line("This output has an interactive form that does not run here.", link)


def _frame(html: str) -> Element:
    """Its size is set by the page once it has been laid out; before that it is a guess."""
    rows = html.count("<tr") + html.count("<br") + html.count("<p") + html.count("<li")
    page = FRAME + WHITE + html if COLOURED.search(html) else FRAME + html
    frame = Element("iframe", sandbox="allow-same-origin", title="output", srcdoc=page)
    frame.set("style", f"height:{min(max(40, 30 + 25 * rows), 600)}px")
    return frame


def _picture(type_: str, encoded: str, data: Mapping[str, Any]) -> Element:
    said = clean(_joined(data.get("text/plain")))[:200]
    return Element("img", src=f"data:{type_};base64,{encoded}", alt=said or "a picture without words")


def _text(text: str) -> Element:
    block = Element("pre", {"class": "nbf-text", "tabindex": "0"})
    block.text = bounded(clean_block(text).rstrip("\n"), LINES, CHARACTERS)
    return block


def _line(words: str, link: str) -> Element:
    line = Element("p", {"class": "nbf-quiet"})
    line.text = words + " "
    if link:
        anchor = Element("a", href=link)
        anchor.text = "The executed notebook has it."
        line.append(anchor)
    return line


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else "" if text is None else str(text)
