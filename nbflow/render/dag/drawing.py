"""From a scene and its layout to SVG: text in, text out, the same every time.

Every word goes through ``letters.escape``. There are no scripts, links, images, fonts from elsewhere or foreign
objects in it. The plain attributes hold the light theme; the style sheet (``looks``) speaks louder where it is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from nbflow.render.dag.boxes import Arrow, Card, Chip, Flow, Scene
from nbflow.render.dag.flows import SMALL
from nbflow.render.dag.letters import cut, escape, width
from nbflow.render.dag.lines import Line, Routed, routed
from nbflow.render.dag.lines import tenths as _n
from nbflow.render.dag.looks import (
    DASHES,
    LIGHT,
    LOOKS,
    PLAIN_TINT,
    SANS,
    STROKES,
    TINT,
    Look,
    sign_id,
    state_class,
    style_sheet,
)
from nbflow.render.dag.places import TITLE, Layout, Place
from nbflow.render.dag.scene import NAME, NOTE, SIDE, SIGN

MARGIN = 16.0
KEY = 18.0
"""Height of the line that explains marks which have no words of their own."""
SMALLEST = 0.65
"""A picture too wide for its place is drawn smaller down to this scale; then it is scrolled."""

ORDER = 'stroke-dasharray="5 4"'
"""The line of an order without data."""
_PAGE = "M.5.5H5L8.5 4V11.5H.5ZM5 .5V4H8.5"
_SLIDERS = "M0 2H9M0 6.5H9M2.5.5V3.5M6.5 5V8"


def draw(scene: Scene, layout: Layout) -> str:
    """The whole picture."""
    route = routed(scene, layout)
    layout = route.layout
    key, key_width = _key(scene)
    wide = max(layout.width, key_width) + 2 * MARGIN
    high = layout.height + 2 * MARGIN + (KEY if key else 0)
    fit = f"max-width:100%;min-width:min({wide:.0f}px,{max(wide * SMALLEST, 1):.0f}px);height:auto"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="nbf-dag" width="{wide:.0f}" height="{high:.0f}" '
        f'viewBox="0 0 {_n(wide)} {_n(high)}" style="{fit}" role="group" aria-label="{escape(scene.title)}" '
        f'font-family="{escape(SANS)}">'
    )
    signs = "".join(f'<path id="{sign_id(state)}" d="{look.sign}"/>' for state, look in LOOKS.items())
    edges = (
        f'<g class="nbf-edges" font-size="{_n(SMALL)}" font-family="monospace" text-anchor="middle" '
        f'fill="{LIGHT["muted"]}" aria-hidden="true">'
    )
    parts = [
        head,
        f"<title>{escape(scene.title)}</title>",
        f"<style>\n{style_sheet()}\n</style>",
        f"<defs>{signs}</defs>",
        f'<rect class="nbf-paper" width="{_n(wide)}" height="{_n(high)}" rx="10" fill="{LIGHT["paper"]}"/>',
        f'<g transform="translate({_n(MARGIN)} {_n(MARGIN)})">',
        *(_notebook(id_, path, layout.clusters[id_]) for id_, path in scene.notebooks.items()),
        edges,
        *(_arrow(arrow, line) for arrow, line in zip(scene.arrows, route.lines, strict=True)),
        *(_flow(flow, layout.boxes[flow.id]) for flow in scene.flows),
        "</g>",
        *(_heading(path, layout.clusters[id_], route) for id_, path in scene.notebooks.items()),
        *(_chip(chip, layout.boxes[chip.id]) for chip in scene.chips),
        *(_card(card, layout.boxes[card.id]) for card in scene.cards),
        "</g>",
        *([f'<g class="nbf-key" transform="translate({_n(MARGIN)} {_n(high - 12)})">{key}</g>'] if key else []),
        "</svg>",
    ]
    return _plain("\n".join(parts))


def _key(scene: Scene) -> tuple[str, float]:
    """What the marks of this picture mean, as far as it has them, and how wide that is."""
    order = f'<path class="nbf-line" d="M0-3.5H20" fill="none" stroke="{LIGHT["edge"]}" stroke-width="1.3" {ORDER}/>'
    marks = [
        (any(card.parameters for card in scene.cards), _icon(_SLIDERS, 0, -8), 14, "parameter"),
        (any(arrow.kind == "after" for arrow in scene.arrows), order, 26, "order alone"),
    ]
    parts, x = [], 0.0
    for there, mark, indent, word in marks:
        if there:
            text = f'<text x="{indent}" font-size="{_n(SMALL)}" fill="{LIGHT["muted"]}">{word}</text>'
            parts.append(f'<g transform="translate({_n(x)} 0)">{mark}{text}</g>')
            x += indent + width(word, SMALL) + 18
    return "".join(parts), x


def draw_nothing(title: str) -> str:
    """The picture of a pipeline without steps."""
    return _plain(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="nbf-dag" width="160" height="44" role="group" '
        f'aria-label="{escape(title)}" font-family="{escape(SANS)}">\n<title>{escape(title)}</title>\n'
        f'<rect width="160" height="44" rx="10" fill="{LIGHT["paper"]}"/>\n'
        f'<text x="80" y="26" text-anchor="middle" font-size="{_n(NOTE)}" fill="{LIGHT["muted"]}">no steps</text>\n'
        "</svg>"
    )


def _plain(text: str) -> str:
    """Other letters as references, so that no terminal, file or page can spoil them by its encoding."""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


# --- frames and cards ----------------------------------------------------------------------------------


def _notebook(id_: str, path: str, place: Place) -> str:
    return (
        f'<g id="{id_}" class="nbf-notebook"><title>{escape(path)}</title>'
        f'<rect x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" height="{_n(place.height)}" rx="12" '
        f'fill="{LIGHT["frame"]}" stroke="{LIGHT["shade"]}"/></g>'
    )


def _heading(path: str, place: Place, route: Routed) -> str:
    """A notebook's path at the upper edge of its frame: on the left, or further right where fewer lines enter."""
    title = cut(path, place.width - 24, TITLE, keep="end")
    wide = width(title, TITLE) + 10
    room = max(place.width - wide - 14, 0)
    starts = [place.x + 7 + room * part / 8 for part in range(9)]
    x = min(starts, key=lambda start: route.crossing(Place(start - 3, place.y + 6, wide + 6, 18)))
    return (
        f'<g class="nbf-heading" transform="translate({_n(x)} {_n(place.y + 6)})"><title>{escape(path)}</title>'
        f'<rect width="{_n(wide)}" height="18" rx="4" fill="{LIGHT["frame"]}"/>'
        f'<text x="6" y="13" font-size="{_n(TITLE)}" font-weight="600" fill="{LIGHT["muted"]}">'
        f"{escape(title)}</text></g>"
    )


def _card(card: Card, place: Place) -> str:
    look = LOOKS[card.state] if card.state else None
    classes = f"nbf-step {state_class(card.state)}" if card.state else "nbf-step"
    head = (
        f'<g id="{card.id}" class="{classes}" data-step="{escape(card.step)}" role="img" '
        f'aria-label="{escape(card.label)}" transform="translate({_n(place.x)} {_n(place.y)})">'
    )
    sign = _sign(look, 24.0) if look else ""
    words = "".join(_words(card, place.width))
    return f"{head}<title>{escape(card.title)}</title>{_outline(place, look)}{sign}{words}</g>"


def _outline(place: Place, look: Look | None) -> str:
    hue = LIGHT[look.hue] if look else LIGHT["line"]
    line = look.line if look else "thin"
    size = f'width="{_n(place.width)}" height="{_n(place.height)}" rx="8"'
    dashes = f' stroke-dasharray="{DASHES}"' if line == "dashed" else ""
    tint = PLAIN_TINT if look is None else TINT if look.full else 0
    return (
        f'<rect class="nbf-card" {size} fill="{LIGHT["card"]}" stroke="{hue}" stroke-width="{STROKES[line]}"{dashes}/>'
        f'<rect class="nbf-tint" {size} fill="{hue}" fill-opacity="{tint}"/>'
    )


def _sign(look: Look, middle: float) -> str:
    hue = LIGHT[look.hue]
    disc, glyph = (hue, LIGHT["card"]) if look.full else (LIGHT["card"], hue)
    at = f'transform="translate({_n(SIDE + 9)} {_n(middle)})"'
    return (
        f'<g {at}><circle class="nbf-disc" r="9" fill="{disc}" stroke="{hue}" stroke-width="1.5"/>'
        f'<path class="nbf-sign" d="{look.sign}" fill="{glyph if look.solid else "none"}" stroke="{glyph}" '
        'stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></g>'
    )


def _words(card: Card, wide: float) -> Iterator[str]:
    hue = LIGHT[LOOKS[card.state].hue] if card.state else ""
    x, anchor = (SIDE + SIGN, "start") if card.state else (wide / 2, "middle")
    at = f'x="{_n(x)}" text-anchor="{anchor}"'
    yield (
        f'<text class="nbf-name" {at} y="21.5" font-size="{_n(NAME)}" font-weight="600" fill="{LIGHT["ink"]}">'
        f"{escape(card.lines[0])}</text>"
    )
    y = 21.5
    if card.state:
        y = 36.5
        yield (
            f'<text class="nbf-note" {at} y="{_n(y)}" font-size="{_n(NOTE)}" fill="{hue}">'
            f"{escape(card.lines[1])}</text>"
        )
    if card.parameters:
        y += 16
        room = width(card.parameters, SMALL, mono=True) + 14
        left = x if card.state else x - room / 2
        yield _icon(_SLIDERS, left, y - 8)
        yield (
            f'<text class="nbf-parameters" x="{_n(left + 14)}" y="{_n(y)}" font-size="{_n(SMALL)}" '
            f'font-family="monospace" fill="{LIGHT["muted"]}">{escape(card.parameters)}</text>'
        )


def _icon(path: str, x: float, y: float) -> str:
    return (
        f'<path class="nbf-icon" transform="translate({_n(x)} {_n(y)})" d="{path}" fill="none" '
        f'stroke="{LIGHT["muted"]}" stroke-width="1" stroke-linejoin="round" stroke-linecap="round"/>'
    )


def _chip(chip: Chip, place: Place) -> str:
    indent = 9 + (14 if chip.is_file else 0)
    lines = "".join(
        f'<text x="{indent}" y="{_n(14.5 + 14 * number)}">{escape(line)}</text>'
        for number, line in enumerate(chip.lines)
    )
    return (
        f'<g id="{chip.id}" class="nbf-data" role="img" aria-label="{escape(", ".join(chip.title.splitlines()))}" '
        f'transform="translate({_n(place.x)} {_n(place.y)})" font-size="{_n(SMALL)}" font-family="monospace" '
        f'fill="{LIGHT["muted"]}"><title>{escape(chip.title)}</title>'
        f'<rect width="{_n(place.width)}" height="{_n(place.height)}" rx="{4 if chip.is_file else 11}" '
        f'fill="{LIGHT["shade"]}"/>' + (_icon(_PAGE, 8, place.height / 2 - 6) if chip.is_file else "") + f"{lines}</g>"
    )


# --- what flows ----------------------------------------------------------------------------------------


def _arrow(arrow: Arrow, line: Line) -> str:
    dashes = {"after": f" {ORDER}", "data": ' stroke-dasharray="2 3.5"'}.get(arrow.kind, "")
    return (
        f'<g class="nbf-edge nbf-{arrow.kind}-edge" data-from="{arrow.source}" data-to="{arrow.target}">'
        f"<title>{escape(arrow.title)}</title>"
        f'<path class="nbf-line" d="{line.path}" fill="none" stroke="{LIGHT["edge"]}" stroke-width="1.3"{dashes}/>'
        f'<path class="nbf-arrow" d="{line.head}" fill="{LIGHT["edge"]}"/></g>'
    )


def _flow(flow: Flow, place: Place) -> str:
    """What is handed on, in a gap of its line."""
    if not flow.lines:
        return ""
    behind, paint = ("nbf-inside", "frame") if flow.cluster else ("nbf-label", "paper")
    return (
        f'<g class="nbf-flow" data-from="{flow.source}"><title>{escape(flow.title)}</title>'
        f'<rect class="{behind}" x="{_n(place.x)}" y="{_n(place.y)}" width="{_n(place.width)}" '
        f'height="{_n(place.height)}" rx="4" fill="{LIGHT[paint]}"/>'
        f'<text x="{_n(place.x + place.width / 2)}" y="{_n(place.y + 12)}">{escape(flow.lines[0])}</text></g>'
    )
