"""How a step in each state looks: its sign, its colour, its outline, and the style sheet made of these.

Colour is never the only sign: each state has a drawn sign, a disc that is full or hollow, and a line of its own. The
style sheet speaks of classes below ``nbf-dag`` alone, because it applies to the whole page where the picture stands in
one. Programs that know no style sheets (slides, thumbnails) find the light theme in plain attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
CODE = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace'

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff", "card": "#ffffff", "ink": "#1f2328", "muted": "#59636e", "line": "#8fa8cc",
    "edge": "#8c959f", "shade": "#eceff3", "frame": "#f5f7f9", "grey": "#6e7781", "blue": "#0969da", "green": "#1a7f37",
    "violet": "#6e40c9", "red": "#cf222e", "magenta": "#a3218f", "amber": "#9a6700",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "paper": "#14171c", "card": "#1c2128", "ink": "#e6edf3", "muted": "#a2acb7", "line": "#5f7ba6",
    "edge": "#7d8793", "shade": "#262c35", "frame": "#191d23", "grey": "#929ca8", "blue": "#58a6ff", "green": "#46bf5a",
    "violet": "#b294ff", "red": "#ff6a61", "magenta": "#ec7fdc", "amber": "#dda535",
}  # fmt: skip
JUPYTER: Mapping[str, str] = {
    "paper": "--jp-layout-color1", "ink": "--jp-ui-font-color0", "muted": "--jp-ui-font-color2",
}  # fmt: skip
"""What JupyterLab's theme says. A page that does not say which theme that is may have these and mean others: VS Code
sets them to those of a light one, whatever it wears."""
VSCODE: Mapping[str, str] = {"paper": "--vscode-editor-background", "ink": "--vscode-editor-foreground"}
HOSTS: tuple[tuple[tuple[str, ...], Mapping[str, str], Mapping[str, str]], ...] = (
    (('[data-jp-theme-light="true"]',), LIGHT, JUPYTER),
    (('[data-jp-theme-light="false"]',), DARK, JUPYTER),
    ((".vscode-dark", ".vscode-high-contrast"), DARK, VSCODE),
    ((".vscode-light", ".vscode-high-contrast-light"), LIGHT, VSCODE),  # the second of these is the one above as well
)
"""How a page says that it is light or dark, and whose colours are then its own."""


class Look(NamedTuple):
    """One state. ``sign`` is a path around 0,0 that fits a disc of radius 9."""

    hue: str
    sign: str
    solid: bool = False
    """Whether the sign is a filled shape, not a line."""
    full: bool = False
    """Whether the disc behind the sign is filled, and the card tinted."""
    line: Literal["thin", "strong", "dashed"] = "thin"


_CHECK = "M-4 .4-1.2 3.2 4.2-3"
_CROSS = "M-3.2-3.2 3.2 3.2M3.2-3.2-3.2 3.2"
_BACK = "M-3.9-1.7A4.2 4.2 0 1 1-4.1 1M-4.6-4.7V-1.4H-1.3"
_AGAIN = "M3.9-1.7A4.2 4.2 0 1 0 4.1 1M4.6-4.7V-1.4H1.3"
_PLAY = "M-2.2-3.7 3.8 0-2.2 3.7Z"
_SQUARE = "M-2.7-2.7H2.7V2.7H-2.7Z"
_BOLT = "M1-5.2-3.2.8H-.3L-1 5.2 3.2-.8H.3Z"
_DOTS = "M-3.7 0h.01M0 0h.01M3.7 0h.01"
_DASH = "M-3.7 0H3.7"
_DOT = "M-2.6 0A2.6 2.6 0 1 1 2.6 0A2.6 2.6 0 1 1-2.6 0Z"

LOOKS: Mapping[str, Look] = {
    "waiting": Look("grey", _DOTS),
    "starting": Look("blue", _PLAY),
    "running": Look("blue", _PLAY, solid=True, full=True, line="strong"),
    "stopping": Look("amber", _SQUARE, solid=True, full=True),
    "retrying": Look("amber", _AGAIN, line="strong"),
    "succeeded": Look("green", _CHECK, full=True),
    "reused": Look("violet", _BACK),
    "failed": Look("red", _CROSS, full=True, line="strong"),
    "crashed": Look("magenta", _BOLT, solid=True, full=True, line="strong"),
    "skipped": Look("grey", _DASH, line="dashed"),
    "cancelled": Look("amber", _SQUARE, line="dashed"),
    "fresh": Look("green", _CHECK),
    "stale": Look("amber", _DOT, solid=True),
    "maybe stale": Look("amber", _DOT, line="dashed"),
    "no result": Look("grey", _DOTS),
    "invalid": Look("red", _CROSS, line="dashed"),
}
"""State of a step in a run, or between runs → how it looks."""

STROKES = {"thin": 1.25, "strong": 2.25, "dashed": 1.25}
DASHES = "5 3.5"
TINT, PLAIN_TINT = 0.1, 0.08


def state_class(state: str) -> str:
    """``nbf-maybe-stale``: the class of a step in this state."""
    return "nbf-" + state.replace(" ", "-")


def sign_id(state: str) -> str:
    """Where the picture keeps the sign of a state, for a front end that changes it."""
    return "nbf_sign_" + state.replace(" ", "_")


def style_sheet() -> str:
    """The rules, one a line. A page that says which theme it has (JupyterLab, VS Code) is believed first."""
    fonts = f"--nbf-sans:var(--jp-ui-font-family,{SANS});--nbf-code:var(--jp-code-font-family,{CODE})"
    rules = [
        f".nbf-dag{{{_variables(LIGHT)};{fonts}}}",
        f"@media (prefers-color-scheme:dark){{.nbf-dag{{{_variables(DARK)}}}}}",
        *(_rule(pages, _variables(theme, its)) for pages, theme, its in HOSTS),
        _PARTS,
    ]
    return "\n".join([*rules, *(_state_rule(state, look) for state, look in LOOKS.items())])


def _rule(pages: tuple[str, ...], declarations: str) -> str:
    return ",".join(f"{page} .nbf-dag" for page in pages) + f"{{{declarations}}}"


def _variables(theme: Mapping[str, str], of_the_page: Mapping[str, str] = MappingProxyType({})) -> str:
    own = {name: f"var({of_the_page[name]},{theme[name]})" for name in of_the_page}
    return ";".join(f"--nbf-{name}:{colour}" for name, colour in {**theme, **own}.items())


_PARTS = """\
.nbf-dag{font-family:var(--nbf-sans)}
.nbf-dag .nbf-paper,.nbf-dag .nbf-label{fill:var(--nbf-paper)}
.nbf-dag .nbf-notebook rect{fill:var(--nbf-frame);stroke:var(--nbf-shade)}
.nbf-dag .nbf-heading rect,.nbf-dag .nbf-inside{fill:var(--nbf-frame)}
.nbf-dag .nbf-heading text{fill:var(--nbf-muted)}
.nbf-dag .nbf-line{stroke:var(--nbf-edge)}
.nbf-dag .nbf-arrow{fill:var(--nbf-edge)}
.nbf-dag .nbf-flow text,.nbf-dag .nbf-data text,.nbf-dag .nbf-parameters,.nbf-dag .nbf-key text{fill:var(--nbf-muted)}
.nbf-dag .nbf-flow text,.nbf-dag .nbf-data text,.nbf-dag .nbf-parameters{font-family:var(--nbf-code)}
.nbf-dag .nbf-data rect{fill:var(--nbf-shade)}
.nbf-dag .nbf-icon{stroke:var(--nbf-muted)}
.nbf-dag .nbf-step{--nbf-hue:var(--nbf-line);--nbf-tint:PLAIN_TINT;--nbf-width:1.25px;--nbf-dashes:none}
.nbf-dag .nbf-step{--nbf-disc:var(--nbf-card);--nbf-stroke:var(--nbf-hue);--nbf-solid:none}
.nbf-dag .nbf-card{fill:var(--nbf-card);stroke:var(--nbf-hue)}
.nbf-dag .nbf-card{stroke-width:var(--nbf-width);stroke-dasharray:var(--nbf-dashes)}
.nbf-dag .nbf-tint{fill:var(--nbf-hue);fill-opacity:var(--nbf-tint)}
.nbf-dag .nbf-disc{fill:var(--nbf-disc);stroke:var(--nbf-hue)}
.nbf-dag .nbf-sign{fill:var(--nbf-solid);stroke:var(--nbf-stroke)}
.nbf-dag .nbf-name{fill:var(--nbf-ink)}
.nbf-dag .nbf-note{fill:var(--nbf-hue)}""".replace("PLAIN_TINT", str(PLAIN_TINT))


def _state_rule(state: str, look: Look) -> str:
    stroke = "var(--nbf-card)" if look.full else "var(--nbf-hue)"
    said = {"hue": f"var(--nbf-{look.hue})", "width": f"{STROKES[look.line]}px", "tint": str(TINT if look.full else 0)}
    if look.full:
        said |= {"disc": "var(--nbf-hue)", "stroke": stroke}
    if look.solid:
        said["solid"] = stroke
    if look.line == "dashed":
        said["dashes"] = DASHES
    return f".nbf-dag .{state_class(state)}{{" + ";".join(f"--nbf-{k}:{v}" for k, v in said.items()) + "}"
