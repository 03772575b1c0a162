"""Of somebody's HTML, what can be looked at: nothing in it runs, loads, links or covers the page.

It is not what keeps the reader safe: that are the sandbox of the frame around it and the page's policy, which forbid
all of that as well. But what they have to forbid they complain about, and half of what they leave would be in the way.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import NamedTuple

TAGS = frozenset(re.findall(r"\w+", """
    a abbr address article aside b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl
    dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark meter nav ol p pre
    progress q rp rt ruby s samp section small span strike strong style sub summary sup table tbody td tfoot th thead
    time tr tt u ul var wbr svg g path rect circle ellipse line polyline polygon text tspan defs lineargradient
    radialgradient stop clippath title desc
"""))  # fmt: skip
"""What may stay."""
EMPTY = frozenset({"br", "col", "hr", "img", "wbr"})
GONE = frozenset(re.findall(r"\w+", """
    script noscript template iframe object embed form select textarea math button audio video canvas head
"""))  # fmt: skip
"""What goes with all that is in it."""
LEFT_OUT = frozenset(re.findall(r"\S+", """
    href src srcset action formaction background ping poster data target xlink:href xmlns srcdoc autofocus tabindex
    accesskey contenteditable
"""))  # fmt: skip
DATA_IMAGE = re.compile(r"data:image/(?:png|jpe?g|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_LOADS = re.compile(r"url\s*\((?!\s*['\"]?(?:#|data:image/))|@import|expression\s*\(|image-set", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


class Kept(NamedTuple):
    html: str
    left_out: bool
    """Whether something is missing that a reader might look for: a script, a form, a picture from elsewhere."""
    empty: bool
    """Whether there is nothing to see."""


def sanitized(html: str) -> Kept:
    """What can be looked at."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end()
    return Kept("".join(reader.parts), reader.left_out, not reader.seen)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[str] = []
        self.gone: list[str] = []
        self.left_out = False
        self.seen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.gone:
            if tag in GONE:
                self.gone.append(tag)
            return
        if tag in GONE:
            self.left_out = True
            self.gone.append(tag)
            return
        if tag not in TAGS:
            return
        kept = [pair for pair in attrs if self._stays(tag, *pair)]
        if tag == "img":
            if not any(name == "src" for name, _ in kept):
                self.left_out = True
                return
            self.seen = True
        self.seen = self.seen or tag == "svg"
        said = "".join(f' {name}="{escape(value or "")}"' for name, value in kept)
        self.parts.append(f"<{tag}{said}>")
        if tag not in EMPTY:
            self.open.append(tag)

    def _stays(self, tag: str, name: str, value: str | None) -> bool:
        if not re.fullmatch(r"[a-z][a-z0-9_:.-]*", name) or name.startswith("on"):
            return False
        if name == "src":
            return tag == "img" and DATA_IMAGE.match((value or "").strip()) is not None
        return name not in LEFT_OUT and not _loads(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.gone:
            if tag in self.gone:
                while self.gone.pop() != tag:
                    pass
            return
        if tag in self.open:
            while (last := self.open.pop()) != tag:
                self.parts.append(f"</{last}>")
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.gone:
            return
        if self.open and self.open[-1] == "style":
            if not _loads(data) and "</" not in data:
                self.parts.append(data)
            return
        self.seen = self.seen or bool(data.strip())
        self.parts.append(escape(data, quote=False))

    def end(self) -> None:
        self.parts += [f"</{tag}>" for tag in reversed(self.open)]


def _loads(text: str) -> bool:
    """Whether a value could make the page load something, also where a style sheet spells it with escapes."""
    return any(_LOADS.search(said) is not None for said in (text, _ESCAPED.sub(_unescaped, text)))


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else 0
    return match[2] or (chr(number) if 0 < number < 0x110000 else "\N{REPLACEMENT CHARACTER}")
