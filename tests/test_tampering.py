"""File outputs that somebody changed since they were made: what the plan says is what the run does, the run puts back
what the stored results say, and what lay in their place is kept with the run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nbflow.core.paths import takes
from nbflow.store.outputs import matching
from tests.commands import Given, nbflow
from tests.flows import Flow, new_flow, short
from tests.plain_executor import PlainExecutor
from tests.unprivileged import run_unprivileged

MAKERS = {
    "imports": "import os\nfrom pathlib import Path",
    "file": '%%step file -o out.txt\nPath("out.txt").write_text("made")',
    "folder": """%%step folder -o parts/
Path("parts/deep").mkdir(parents=True)
Path("parts/a.txt").write_text("a")
Path("parts/deep/b.sh").write_text("b")
Path("parts/deep/b.sh").chmod(0o755)
print(sorted(os.listdir("parts")))""",
    "glob": """%%step glob -o t/*.csv
os.listdir("t")
for n in "12":
    Path(f"t/{n}.csv").write_text(n)""",
    "nested": '%%step nested -o u/sub/*.csv\nos.listdir("u")\nPath("u/sub/1.csv").write_text("1")',
    "ref": '%%step ref -o big.bin:ref\nPath("big.bin").write_bytes(b"big")',
    "mixed": '%%step mixed -o mix/made.txt\nPath("mix/made.txt").write_text("made")',
}
TAKE = "sorted((str(p), p.read_text()) for p in"
CONSUMERS = {
    "a_file": '%%step a_file -i out.txt -o c1\nc1 = open("out.txt").read()',
    "whole": f'%%step whole -i parts/ -o c2\nc2 = {TAKE} Path("parts").rglob("*") if p.is_file())',
    "unslashed": f'%%step unslashed -i ./parts -o c3\nc3 = {TAKE} Path("parts").rglob("*") if p.is_file())',
    "one_of_it": '%%step one_of_it -i parts/a.txt -o c4\nc4 = open("parts/a.txt").read()',
    "some": f'%%step some -i t/*.csv -o c5\nc5 = {TAKE} Path("t").glob("*.csv"))',
    "around": f'%%step around -i t/ -o c6\nc6 = {TAKE} Path("t").rglob("*") if p.is_file())',
    "lists": '%%step lists --after glob -o c7\nc7 = sorted(os.listdir("t"))',
    "opens": '%%step opens --after file -o c8\nc8 = open("out.txt").read()',
    "walks": '%%step walks --after folder -o c9\nc9 = [sorted(f) for _, _, f in os.walk("parts")]',
    "by_ref": '%%step by_ref -i big.bin -o c10\nc10 = open("big.bin", "rb").read()',
    "both": f'%%step both -i mix/ -o c11\nc11 = {TAKE} Path("mix").rglob("*"))',
    "top": '%%step top --after file -o c12\nc12 = sorted(n for n in os.listdir(".") if n.endswith(".txt"))',
}
PLACES = ("out.txt", "parts", "t", "u", "big.bin", "mix")


@dataclass(frozen=True)
class Case:
    """Something done to the files, and what must come of it."""

    tamper: Callable[[Path], object]
    certain: set[str] = field(default_factory=set)
    """Steps that the plan is certain to run."""
    maybe: set[str] = field(default_factory=set)
    """Steps that it says may run; the others are reused."""
    ran: set[str] = field(default_factory=set)
    kept: dict[str, str] = field(default_factory=dict)
    """What the run's folder keeps: path → text."""
    stays: dict[str, str] = field(default_factory=dict)
    """What is not as the results say afterwards: path → what it is."""


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def instead(path: Path) -> Path:
    """The place of what lay there."""
    remove(path)
    return path


def filled(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "x").write_text("x")


def both(*tampers: Callable[[Path], object]) -> Callable[[Path], object]:
    """All of these, in turn."""
    return lambda root: [tamper(root) for tamper in tampers]


def led_away(folder: Path, file: str) -> None:
    """The folder now lies outside the project, and a link leads there."""
    elsewhere = folder.parents[1] / "elsewhere"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    (folder / file).write_text("theirs")


BELOW_GLOB = {"some", "around", "lists"}

CASES: dict[str, Case] = {
    "nothing": Case(lambda r: None),
    "a file changed": Case(lambda r: (r / "out.txt").write_text("mine"), kept={"file/out.txt": "mine"}),
    "a file gone": Case(lambda r: remove(r / "out.txt")),
    "a file with other permissions": Case(lambda r: (r / "out.txt").chmod(0o700)),
    "a file changed, with other permissions": Case(
        both(lambda r: (r / "out.txt").write_text("mine"), lambda r: (r / "out.txt").chmod(0o600)),
        kept={"file/out.txt": "mine"}
    ),
    "a folder in the place of a file": Case(
        lambda r: filled(instead(r / "out.txt")), kept={"file/out.txt/x": "x"}
    ),
    "a link in the place of a file": Case(
        lambda r: instead(r / "out.txt").symlink_to("mix/own.txt"), kept={"file/out.txt": "-> mix/own.txt"}
    ),
    "a broken link in the place of a file": Case(
        lambda r: instead(r / "out.txt").symlink_to("nowhere"), kept={"file/out.txt": "-> nowhere"}
    ),
    "a file in a folder changed": Case(
        lambda r: (r / "parts/a.txt").write_text("mine"), kept={"folder/parts/a.txt": "mine"}
    ),
    "a file in a folder gone": Case(lambda r: remove(r / "parts/a.txt")),
    "a file in a folder with other permissions": Case(lambda r: (r / "parts/deep/b.sh").chmod(0o644)),
    "one more file in a folder": Case(
        lambda r: (r / "parts/x.txt").write_text("x"), kept={"folder/parts/x.txt": "x"}
    ),
    "one more file in folders of its own": Case(
        lambda r: filled(r / "parts/more/deep"), kept={"folder/parts/more/deep/x": "x"}
    ),
    "one more hidden file in a folder": Case(
        lambda r: (r / "parts/.x").write_text("x"), kept={"folder/parts/.x": "x"}
    ),
    "one more link in a folder": Case(
        lambda r: (r / "parts/x").symlink_to("../mix"), kept={"folder/parts/x": "-> ../mix"}
    ),
    "an empty folder in a folder": Case(  # no result has one, and a step may have made it
        lambda r: (r / "parts/empty").mkdir(), certain={"walks"}, ran={"walks"}, stays={"parts/empty": "folder"}
    ),
    "a folder gone": Case(lambda r: remove(r / "parts")),
    "a folder in a folder gone": Case(lambda r: remove(r / "parts/deep")),
    "a file in the place of a folder": Case(
        lambda r: instead(r / "parts").write_text("x"), kept={"folder/parts": "x"}
    ),
    "a link out of the project in the place of a folder": Case(
        lambda r: led_away(r / "parts", "a.txt"), kept={"folder/parts": "-> ELSEWHERE"}
    ),
    "a link out of the project in a folder": Case(
        both(
            lambda r: (r / "parts/deep").rename(r.parent / "elsewhere"),
            lambda r: (r / "parts/deep").symlink_to(r.parent / "elsewhere"),
        ),
        kept={"folder/parts/deep": "-> ELSEWHERE"},
    ),
    "a match of a glob changed": Case(lambda r: (r / "t/1.csv").write_text("mine"), kept={"glob/t/1.csv": "mine"}),
    "a match of a glob gone": Case(lambda r: remove(r / "t/1.csv")),
    "one more match of a glob": Case(lambda r: (r / "t/3.csv").write_text("3"), kept={"glob/t/3.csv": "3"}),
    "all matches of a glob gone with their folder": Case(lambda r: remove(r / "t")),
    "a hidden file beside the matches, where the step looks": Case(
        lambda r: (r / "t/.3.csv").write_text("3"), {"glob"}, BELOW_GLOB, {"glob", *BELOW_GLOB}, stays={"t/.3.csv": "3"}
    ),
    "a file beside the matches, where the step looks": Case(
        lambda r: (r / "t/3.txt").write_text("3"), {"glob"}, BELOW_GLOB, {"glob", *BELOW_GLOB}, stays={"t/3.txt": "3"}
    ),
    "a folder that a glob matches": Case(
        lambda r: filled(r / "t/d.d"), {"glob"}, BELOW_GLOB, {"glob", *BELOW_GLOB},
        stays={"t/d.d": "folder", "t/d.d/x": "x"},
    ),
    "matches gone with a folder below the one the step looks into": Case(lambda r: remove(r / "u/sub")),
    "one more match below the folder the step looks into": Case(
        lambda r: (r / "u/sub/9.csv").write_text("9"), kept={"nested/u/sub/9.csv": "9"}
    ),
    "a file in the folder the step looks into": Case(
        lambda r: (r / "u/9.txt").write_text("9"), {"nested"}, ran={"nested"}, stays={"u/9.txt": "9"}
    ),
    "a file kept by reference changed": Case(
        lambda r: (r / "big.bin").write_text("mine"), {"ref"}, {"by_ref"}, {"ref"}, kept={"ref/big.bin": "mine"}
    ),
    "a file kept by reference gone": Case(lambda r: remove(r / "big.bin"), {"ref", "top"}, {"by_ref"}, {"ref", "top"}),
    "a file kept by reference with other permissions": Case(
        lambda r: (r / "big.bin").chmod(0o600), stays={"big.bin": "big, 600"}
    ),
    "a file beside a person's own changed": Case(
        lambda r: (r / "mix/made.txt").write_text("mine"), kept={"mixed/mix/made.txt": "mine"}
    ),
    "a person's own file changed": Case(
        lambda r: (r / "mix/own.txt").write_text("mine"), {"both"}, ran={"both"}, stays={"mix/own.txt": "mine"}
    ),
    "a person's own file added": Case(
        lambda r: (r / "mix/new.txt").write_text("new"), {"both"}, ran={"both"}, stays={"mix/new.txt": "new"}
    ),
    "much at once": Case(
        both(
            lambda r: (r / "out.txt").write_text("mine"),
            lambda r: remove(r / "parts"),
            lambda r: (r / "t/3.csv").write_text("3"),
            lambda r: remove(r / "u"),
        ),
        kept={"file/out.txt": "mine", "glob/t/3.csv": "3"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has been run."""
    root = tmp_path_factory.mktemp("made") / "project"
    root.mkdir()
    flow = new_flow(root, {**MAKERS, **CONSUMERS}, {"mix/own.txt": "own"})
    assert flow.ran() == {*MAKERS, *CONSUMERS} - {"imports"}
    return root


@pytest.fixture
def flow(made: Path, tmp_path: Path) -> Flow:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "project", symlinks=True)
    return Flow(tmp_path / "project")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_run_does_what_the_plan_says_and_puts_back_what_the_results_say(flow: Flow, case: Case) -> None:
    before = what_lies_in(flow.root)
    case.tamper(flow.root)
    plan = flow.plan()
    assert {short(s) for s in plan.stale} == case.certain
    assert {short(s) for s, p in plan.steps.items() if p.action == "run" and not p.certain} == case.maybe
    executor = PlainExecutor()
    finished = flow.run(executor)
    assert (finished.status, executor.steps) == ("succeeded", case.ran)
    after = what_lies_in(flow.root)
    assert {path: what for path, what in after.items() if before.get(path) != what} == case.stays
    assert before.keys() <= after.keys()
    assert what_is_kept(finished.folder / "replaced") == case.kept
    assert flow.is_fresh()


def what_lies_in(root: Path) -> dict[str, str]:
    """What the pipeline's places hold: path → text and permissions."""
    tops = [root / name for name in PLACES]
    found = {p for top in tops for p in (top, *top.rglob("*"))}
    return {p.relative_to(root).as_posix(): told(p) for p in sorted(found)}


def told(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    mode = path.stat().st_mode & 0o777
    return "folder" if path.is_dir() else path.read_text() + (f", {mode:o}" if mode != 0o644 else "")


def what_is_kept(folder: Path) -> dict[str, str]:
    found = (p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    kept = {p.relative_to(folder).as_posix(): told(p).removesuffix(", 600") for p in found}
    return {path: "-> ELSEWHERE" if what.endswith("/elsewhere") else what for path, what in kept.items()}


FORCED: list[tuple[str, str]] = [
    ("a file changed", "a_file"),
    ("a file changed", "opens"),
    ("a folder in the place of a file", "a_file"),
    ("one more file in folders of its own", "whole"),
    ("one more hidden file in a folder", "unslashed"),
    ("a link out of the project in the place of a folder", "whole"),
    ("a folder gone", "walks"),
    ("one more match of a glob", "around"),
    ("all matches of a glob gone with their folder", "lists"),
]


@pytest.mark.parametrize(("case", "consumer"), FORCED, ids=[" / ".join(row) for row in FORCED])
def test_what_runs_below_sees_what_the_results_say(flow: Flow, case: str, consumer: str) -> None:
    before = flow.made()
    CASES[case].tamper(flow.root)
    assert flow.ran(forced="forced", terms=[consumer]) == {consumer}
    assert flow.made() == before


def test_a_link_out_of_the_project_is_not_followed(flow: Flow) -> None:
    led_away(flow.file("parts"), "a.txt")
    (flow.root.parent / "elsewhere" / "more.txt").write_text("theirs too")
    flow.ran()
    elsewhere = flow.root.parent / "elsewhere"
    assert {p.relative_to(elsewhere).as_posix(): p.read_text() for p in elsewhere.rglob("*") if p.is_file()} == {
        "a.txt": "theirs",
        "more.txt": "theirs too",
        "deep/b.sh": "b",
    }


def test_the_run_says_where_it_keeps_what_lay_in_the_way(tmp_path: Path) -> None:
    Given(("%%step make -o out.txt\nopen('out.txt', 'w').write('made')",)).write(tmp_path)
    line = "  What lay in the place of outputs and was not made by their steps is kept in nbflow_runs/RUN/replaced"
    for text, told in (("mine", True), (None, False), ("changed", True), ("made", False)):
        if text is not None:
            (tmp_path / "out.txt").write_text(text)
        said = nbflow(tmp_path, "run")
        assert (said.code, line in said.out.splitlines()) == (0, told)


UNREADABLE = """
import sys
from pathlib import Path
from tests.flows import Flow, short
flow = Flow(Path(sys.argv[1]))
print(sorted(flow.stale()), sorted(flow.ran()))
"""


def test_a_file_that_cannot_be_read_any_more_is_put_back(flow: Flow) -> None:
    for path in ("out.txt", "parts/a.txt", "t/1.csv"):
        flow.file(path).chmod(0)
    assert run_unprivileged(UNREADABLE, flow.root).stdout == "[] []\n"
    assert what_lies_in(flow.root)["parts/a.txt"] == "a"


def test_a_result_that_was_overtaken_leaves_no_trace_in_a_folder_that_is_listed(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        "imports": MAKERS["imports"],
        "parameters": "k = 1",
        "make": '%%step make -o u/*/*.csv\nPath(f"u/p{k}").mkdir(parents=True)\nPath(f"u/p{k}/x.csv").write_text("x")',
        "look": '%%step look --after make -o names\nnames = sorted(os.listdir("u"))',
    })  # fmt: skip
    for k, stale, ran in ((1, {"make", "look"}, {"make", "look"}), (2, {"make"}, {"make", "look"}), (1, set(), set())):
        flow.parameters = {"k": k}
        assert set(flow.stale()) == stale
        assert flow.ran() == ran


# --- the same files for the plan and for the disk -----------------------------------------------------------------

PATTERNS = ["a.txt", "d/", "d/*", "d/*.csv", "d/**", "**/*.csv", "*", "d/.*", "?/x.csv", "d/[!x]*", "d/sub/", "d/*/"]
FILES = ["a.txt", ".b.txt", "d/x.csv", "d/.x.csv", "d/y.txt", "d/sub/x.csv", "d/sub/.x.csv", "d/.sub/x.csv", "e/x.csv"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_output_takes_the_files_that_are_found_for_it(tmp_path: Path, pattern: str) -> None:
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = [p.relative_to(tmp_path).as_posix() for p in matching(tmp_path, pattern, ())]
    assert sorted(found) == sorted(path for path in FILES if takes(pattern, path))
