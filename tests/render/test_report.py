"""The report of a run: whole without scripts, closed to all that is outside, and what a person wrote is no markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from nbflow.core.view import RunView
from nbflow.render.report import ShownCell, page
from nbflow.render.report.page import PACKED, unpacked
from nbflow.render.report.sanitized import Kept, sanitized
from tests.fakes import pipeline
from tests.wire_views import HOSTILE, VIEWS, graph

PNG = base64.b64encode(b"\x89PNG").decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>window.sprung=1</script></svg>'


class Reader(HTMLParser):
    """The page as a browser takes it apart: elements with their attributes, and the text outside of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
        elif self._open != "style" and data.strip():
            self.texts.append(data.strip())

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def shown(seen: RunView, *outputs: dict[str, Any]) -> dict[str, list[ShownCell]]:
    """As if a cell of the first step had shown these."""
    return {seen["steps"][0]["id"]: [ShownCell(3, outputs)]}


def rich(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {type_.replace("_", "/", 1): value for type_, value in data.items()}}


def test_without_scripts_all_of_it_can_be_read() -> None:
    texts = Reader(page(VIEWS["failed"]())).texts
    for said in (
        "nb.ipynb",
        "Run 20261124-153012-k3x9 failed after 19 s: 3 succeeded, 1 failed, 1 skipped, started 2026-11-24 15:30 UTC.",
        "train failed in cell 4",
        "ValueError: the table is empty",
        "needs train, which failed",
        "failed (3 attempts)",
        "rows", "1000", "pandas", "2.3.3", "nbflow run flow.ipynb -p rows=1000",
        "plot: table was changed in place: declare it as output (-o table)",
        "longest chain",
    ):  # fmt: skip
        assert said in texts
    assert any(text.startswith("Longest chain: load → clean → train") for text in texts)
    assert any("----> 2 raise ValueError" in text and "\x1b" not in text for text in texts)


def test_the_policy_lets_its_own_script_run_and_nothing_else() -> None:
    read = Reader(page(VIEWS["retried"]()))
    ((_, policy),) = [(m["http-equiv"], m["content"]) for m in read.named("meta") if "http-equiv" in m]
    data, script = read.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert read.named("script") == [{"type": PACKED, "id": "nbf-data"}, {"type": "module"}]
    given = unpacked(data)
    assert given["view"] == json.loads(json.dumps(VIEWS["retried"]()))
    assert (given["base"], given["anchors"]) == ("", {})


def test_a_run_of_a_thousand_steps_is_no_big_file() -> None:
    """Nor does it differ from others in what it says of each."""
    cells = ["%%step s0 -o v0\nv0 = 0", *(f"%%step s{n} -i v{n - 1} -o v{n}\nv{n} = {n}" for n in range(1, 1_000))]
    many = pipeline(tuple(cells))
    kinds = VIEWS["retried"]()["steps"]
    steps = [{**kinds[n % len(kinds)], "id": name, "name": name} for n, name in enumerate(many.steps)]
    view: Any = {**VIEWS["retried"](), "steps": steps, "graph": graph(many)}
    text = page(view)
    assert len(text) < 1_000_000
    assert unpacked(Reader(text).scripts[0])["view"]["steps"][-1]["printed"] == kinds[-1]["printed"]


def test_nothing_is_loaded_from_anywhere() -> None:
    text = page(VIEWS["retried"]())
    assert set(re.findall(r"https?://[^\s\"'<>\\]+", text)) == {"http://www.w3.org/2000/svg"}
    assert len(text) < 250_000


def test_what_a_hostile_notebook_says_is_text_wherever_it_stands() -> None:
    seen = VIEWS["hostile"]()
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": list(HOSTILE)},
        {"output_type": "error", "ename": HOSTILE[0], "evalue": HOSTILE[1], "traceback": list(HOSTILE)},
        *(rich(text_html=said, text_plain=said) for said in HOSTILE),
        rich(**{"image_svg+xml": SVG, "text_plain": '"><script>'}),
        rich(image_png=PNG + '" onerror="window.sprung=1'),
    ]
    clean = Reader(page(VIEWS["failed"](), shown(VIEWS["failed"]())))
    read = Reader(page(seen, shown(seen, *outputs)))
    assert len(read.named("script")) == len(clean.named("script")) == 2
    assert {":" in link["href"] for link in read.named("a")} == {False}  # a name with a colon in it is a name
    assert {image["src"].partition(";")[0] for image in read.named("img")} == {"data:image/svg+xml", "data:image/png"}
    assert not [(tag, name) for tag, attributes in read.elements for name in attributes if name.startswith("on")]
    assert {frame["sandbox"] for frame in read.named("iframe")} == {"allow-same-origin"}
    for frame in read.named("iframe"):
        assert not re.search(r"<script|onerror|onload|href|src=x", frame["srcdoc"])


def test_links_lead_to_the_executed_notebooks_where_they_can() -> None:
    seen = VIEWS["retried"]()
    lost = rich(**{"application_vnd.plotly.v1+json": "{}"})
    told = "This output has an interactive form that does not run here."
    here, away = (Reader(page(seen, shown(seen, lost), base=base)) for base in ("", None))
    assert [(link["href"], told in here.texts) for link in here.named("a")] == [("steps/load.ipynb", True)]
    assert (away.named("a"), told in away.texts) == ([], True)


TEXT = '<pre class="nbf-text" tabindex="0">'
INTERACTIVE = '<p class="nbf-quiet">This output has an interactive form that does not run here. </p>'

OUTPUTS: list[tuple[dict[str, Any], str]] = [
    ({"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}, f"{TEXT}a\nb</pre>"),
    (
        {"output_type": "stream", "name": "stderr", "text": "\x1b[31mred\x1b[0m"},
        f"{TEXT.replace('nbf-text', 'nbf-text nbf-stderr')}red</pre>",
    ),
    (
        rich(image_png=f"{PNG}\n", text_plain="<Figure>"),
        f'<img src="data:image/png;base64,{PNG}" alt="<Figure&gt;">',
    ),
    (rich(text_plain="1 < 2"), f"{TEXT}1 &lt; 2</pre>"),
    (rich(text_html="<script>go()</script>", text_plain="a map"), f"{TEXT}a map</pre>{INTERACTIVE}"),
    (
        rich(text_html="<p>a</p><script>go()</script>", image_png=PNG),
        f'<img src="data:image/png;base64,{PNG}" alt="a picture without words">{INTERACTIVE}',
    ),
]


@pytest.mark.parametrize(("output", "html"), OUTPUTS, ids=[str(n) for n in range(len(OUTPUTS))])
def test_outputs_in_their_static_form(output: dict[str, Any], html: str) -> None:
    seen = VIEWS["running"]()
    assert f'<p class="nbf-cell-number">cell 3</p>{html}</div>' in page(seen, shown(seen, output), base=None)


def test_a_text_of_a_megabyte_is_cut_and_the_notebook_has_it() -> None:
    seen = VIEWS["running"]()
    plain = len(page(seen))
    for text in ("x" * 1_000_000, "x\n" * 500_000):
        assert len(page(seen, shown(seen, {"output_type": "stream", "text": text}))) < plain + 30_000


KEPT: list[tuple[str, Kept]] = [
    ("<b>bold</b> &lt;i&gt;", Kept("<b>bold</b> &lt;i&gt;", False, False)),
    ("<b>open<i>", Kept("<b>open<i></i></b>", False, False)),
    ("<p>a</b></p>", Kept("<p>a</p>", False, False)),
    ('<td onclick="x()" style="color:red">1</td>', Kept('<td style="color:red">1</td>', False, False)),
    ('<a href="javascript:x()">go</a>', Kept("<a>go</a>", False, False)),
    ("<script>x()</script>", Kept("", True, True)),
    ("<scr<script>ipt>x()</script>", Kept("ipt&gt;x()", False, False)),
    ("a<iframe src=x><b>b</b></iframe>c", Kept("ac", True, False)),
    ('<img src="x" onerror="y()">', Kept("", True, True)),
    ('<img src="data:image/png;base64,AA" onerror="y()">', Kept('<img src="data:image/png;base64,AA">', False, False)),
    ('<img src="data:text/html,x">', Kept("", True, True)),
    ("<style>p{color:red}</style>", Kept("<style>p{color:red}</style>", False, True)),
    ("<style>@import 'x'</style>", Kept("<style></style>", False, True)),
    ("<style>p{background:u\\72l(x)}</style>", Kept("<style></style>", False, True)),
    ('<p style="background:url(x)">a</p>', Kept("<p>a</p>", False, False)),
    ('<p style="background:url(data:image/png;base64,A)">a</p>',
     Kept('<p style="background:url(data:image/png;base64,A)">a</p>', False, False)),
    ('<svg><rect fill="url(#a)"/><foreignObject>x</foreignObject></svg>',
     Kept('<svg><rect fill="url(#a)"></rect>x</svg>', False, False)),
    ("<!-- a --><?php b ?><!doctype c>d", Kept("d", False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("html", "kept"), KEPT, ids=[html for html, _ in KEPT])
def test_of_somebodys_html_what_can_be_looked_at_is_kept(html: str, kept: Kept) -> None:
    assert sanitized(html) == kept
