"""The report as a page. Everything is built as a tree, so nothing that a person wrote can become markup of it.

The one script is ours and goes by its hash; the policy in the head forbids every other one, and the network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from nbflow.core.comparing import Comparison
from nbflow.core.view import RunView, StepView
from nbflow.render import html
from nbflow.render.columns import Cell
from nbflow.render.comparing import drawn
from nbflow.render.report.outputs import ShownCell, drawn_cell
from nbflow.render.scripts import STATIC, joined
from nbflow.render.words import clean, clean_block, day_and_time, duration, size

PACKED = "application/zlib"
"""The kind of an element that holds packed data, which no browser runs."""
BAD = ("failed", "crashed")
MANY = 30
"""Steps whose outputs stand open; of more a reader opens those that are wanted."""

NONE: Mapping[str, Sequence[ShownCell]] = {}


def page(
    seen: RunView,
    shown: Mapping[str, Sequence[ShownCell]] = NONE,
    *,
    base: str | None = "",
    compared: Comparison | None = None,
) -> str:
    """The whole file. ``shown``: full name of a step → its cells with what they showed; ``base``: how links reach the
    run's folder from where the file will lie, ``None`` where they cannot; ``compared``: with another run."""
    sections = {step["id"]: f"outputs-{n}" for n, step in enumerate(seen["steps"], 1) if _any(shown, step)}
    data = {"view": seen, "base": base, "anchors": {step: f"#{place}" for step, place in sections.items()}}
    script = joined(STATIC / "report.js")
    style = (STATIC / "view.css").read_text(encoding="utf-8") + (STATIC / "report.css").read_text(encoding="utf-8")
    body = Element("body")
    main = SubElement(body, "main", {"class": "nbf-page nbf-view"})
    main.extend([_heading(seen), Element("div", id="nbf-live")])
    main.extend(_failures(seen))
    if compared is not None:
        main.append(_comparison(compared))
    main.append(_tables(seen))
    main.extend(_outputs(seen, shown, sections, base))
    said = tostring(body, encoding="unicode", method="html").removesuffix("</body>")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_policy(script)}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_title(seen)}</title>\n<style>\n{style}</style>\n</head>\n{said}\n"
        f'<script type="{PACKED}" id="nbf-data">{packed(data)}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _policy(script: str) -> str:
    """No network and no other script. Styles may be inline: outputs bring their own, and frames inherit the policy."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def packed(data: Mapping[str, Any]) -> str:
    """What the page's script draws, in a tenth of its size. ``static/report.js`` unpacks it."""
    return base64.b64encode(zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 9)).decode()


def unpacked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text)))
    return found


def _title(seen: RunView) -> str:
    """Without anything that a person wrote."""
    return f"Run {seen['run']}"


# --- the head ------------------------------------------------------------------------------------------


def _heading(seen: RunView) -> Element:
    head = Element("header", {"class": "nbf-top"})
    _say(SubElement(head, "h1"), ", ".join(seen["sources"]) or f"Run {seen['run']}")
    counts = ", ".join(f"{n} {state}" for state, n in seen["counts"].items() if n)
    took = f" after {duration(seen['seconds'])}" if seen["seconds"] is not None else ""
    started = f", started {day_and_time(seen['started'])}" if seen["started"] else ""
    _say(SubElement(head, "p"), f"Run {seen['run']} {seen['label']}{took}: {counts or 'no steps'}{started}.")
    return head


# --- tables --------------------------------------------------------------------------------------------

HEADER = ("step", "state", "time", "kernel", "loading", "code", "saving", "memory", "slack", "why")


def _tables(seen: RunView) -> Element:
    """All of the run as tables. The page's script folds them, for what it draws says the same."""
    fold = Element("details", {"id": "nbf-tables", "open": ""})
    SubElement(fold, "summary").text = "The run in tables"
    steps = _section("Steps")
    box = SubElement(steps, "div", {"class": "nbf-scroll", "tabindex": "0", "role": "region", "aria-label": "Steps"})
    box.append(_table(HEADER, [_row(step) for step in seen["steps"]], right=range(2, 9)))
    fold.append(steps)
    fold.extend(_about(seen))
    return fold


def _row(step: StepView) -> list[Cell]:
    time = step["time"]
    tries = f" ({len(step['attempts'])} attempts)" if len(step["attempts"]) > 1 else ""
    head: list[Cell] = [(clean(step["name"]), ""), (step["label"] + tries, "")]
    if time is None:
        return [*head, *[("", "")] * 7, (clean(step["reason"]), "")]
    parts = (time["kernel"], time["loading"], time["code"], time["saving"])
    slack = "longest chain" if time["critical"] else f"+{duration(time['slack'])}"
    return [
        *head, (duration(time["seconds"]), ""), *((duration(s) if s >= 0.05 else "", "") for s in parts),
        (size(time["memory"] or None), ""), (slack, ""), (clean(step["reason"]), ""),
    ]  # fmt: skip


def _about(seen: RunView) -> Iterator[Element]:
    """Where the time went, with what the run was made, and on what."""
    time = seen["time"]
    if time is not None and time["lines"]:
        section = _section("Where the time went")
        section.extend(html.paragraph(line) for line in time["lines"])
        if len(time["with_places"]) > 1:
            tried = [
                [(places, ""), (duration(took) + " (as it was)" * (int(places) == time["jobs"]), "")]
                for places, took in time["with_places"].items()
            ]
            section.append(_table(("steps at a time", "the run would have taken"), tried))
        yield section
    parameters = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in
                  seen["parameters"].items()]  # fmt: skip
    made = [("command", seen["command"]), ("notebooks", ", ".join(seen["sources"])), ("folder", seen["folder"]),
            ("steps at a time", str(seen["jobs"]))]  # fmt: skip
    for title, pairs in (("Parameters", parameters), ("Run with", made), ("Environment", seen["environment"].items())):
        found = [[(clean(name), ""), (clean(value), "")] for name, value in pairs if value]
        if found:
            section = _section(title)
            section.append(_table(("name", "value"), found))
            yield section


def _comparison(compared: Comparison) -> Element:
    """What is different from another run."""
    told = drawn(compared)
    fold = Element("details", {"id": "nbf-compared", "class": "nbf-said", "open": ""})
    SubElement(fold, "summary").text = f"What is different from run {compared.old.run}"
    fold.extend(html.paragraph(line) for line in told.head)
    for label, table, below in (("Steps that differ", told.steps, told.same), ("Numbers", told.numbers, "")):
        if table.rows:
            box = SubElement(
                fold, "div", {"class": "nbf-scroll", "tabindex": "0", "role": "region", "aria-label": label}
            )
            box.append(_table(table.header, table.rows, right=table.right))
        if below:
            fold.append(html.paragraph(below))
    return fold


def _failures(seen: RunView) -> Iterator[Element]:
    bad = [step for step in seen["steps"] if step["state"] in BAD]
    warned = [(step["name"], warning) for step in seen["steps"] for warning in step["warnings"]]
    if bad:
        section = _section("What went wrong")
        for step in bad:
            last = step["attempts"][-1] if step["attempts"] else None
            where = f" in cell {last['cell']}" if last and last["cell"] else ""
            _say(SubElement(section, "h3"), f"{step['name']} {step['label']}{where}")
            _say(SubElement(section, "p", {"class": "nbf-error"}), step["error"])
            if last and last["traceback"]:
                block = SubElement(section, "pre", {"class": "nbf-text nbf-trace", "tabindex": "0"})
                block.text = clean_block(last["traceback"])
        yield section
    if warned:
        section = _section("Warnings")
        for name, warning in warned:
            _say(SubElement(section, "p", {"class": "nbf-warning"}), f"{name}: {warning}")
        yield section


# --- what cells showed ---------------------------------------------------------------------------------


def _any(shown: Mapping[str, Sequence[ShownCell]], step: StepView) -> bool:
    return any(cell.outputs for cell in shown.get(step["id"], ()))


def _outputs(
    seen: RunView, shown: Mapping[str, Sequence[ShownCell]], places: Mapping[str, str], base: str | None
) -> Iterator[Element]:
    if not places:
        return
    section = _section("What the cells showed")
    for step in seen["steps"]:
        if step["id"] not in places:
            continue
        is_open = len(places) <= MANY or step["state"] in BAD
        fold = SubElement(section, "details", {"id": places[step["id"]], "class": "nbf-shown"})
        if is_open:
            fold.set("open", "")
        summary = SubElement(fold, "summary")
        _say(SubElement(summary, "b"), step["name"])
        _say(SubElement(summary, "span", {"class": "nbf-quiet"}), f" {step['label']}")
        link = "" if base is None or not step["executed"] else base + quote(step["executed"])
        for cell in shown[step["id"]]:
            if cell.outputs:
                box = SubElement(fold, "div", {"class": "nbf-cell"})
                _say(SubElement(box, "p", {"class": "nbf-cell-number"}), f"cell {cell.number}")
                box.extend(drawn_cell(cell, link))
    yield section


def _section(title: str) -> Element:
    section = Element("section", {"class": "nbf-said"})
    SubElement(section, "h2").text = title
    return section


def _table(header: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[int] = ()) -> Element:
    made = html.table(header, rows, right=right)
    made.set("class", "nbf-table")
    return made


def _say(element: Element, text: str) -> None:
    element.text = clean(text)
