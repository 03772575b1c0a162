"""File outputs in a run: moved aside before a step, put back if it fails, checked when it is done, kept or kept by
reference, and handed on by path, folder and glob. Without Jupyter, on real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbflow.attempt.seen import Seen
from nbflow.core.events import StepFailed
from nbflow.environment.surroundings import Surroundings
from nbflow.runtime.digests import digest_bytes
from tests.flows import Flow, new_flow

IMPORTS = {"imports": "import os\nfrom pathlib import Path"}


def flow_of(root: Path, files: dict[str, str] | None = None, **steps: str) -> Flow:
    return new_flow(root, {**IMPORTS, **{name: f"%%step {name} {source}" for name, source in steps.items()}}, files)


OLD = {"out/one.txt": "old one", "out/many/a.txt": "old a", "out/many/b.txt": "old b", "out/glob-1.csv": "old glob"}
OUTPUTS = "-o out/one.txt out/many/ out/glob-*.csv"


def test_a_step_does_not_see_what_its_outputs_were(tmp_path: Path) -> None:
    source = """
seen = sorted(str(p) for p in Path("out").rglob("*") if p.is_file())
Path("out/one.txt").write_text(str(seen))
Path("out/many/c.txt").write_text("new c")
Path("out/glob-2.csv").write_text("new glob")"""
    flow = flow_of(tmp_path, OLD, make=OUTPUTS + source)
    assert flow.ran() == {"make"}
    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"one.txt", "many/c.txt", "glob-2.csv"}
    assert flow.file("out/one.txt").read_text() == "[]"


def test_what_was_there_before_and_is_not_stored_is_kept_with_the_run(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, OLD, make='-o out/one.txt\nPath("out/one.txt").write_text("new")')
    finished = flow.run()
    assert [p.read_text() for p in finished.folder.rglob("one.txt")] == ["old one"]


@pytest.mark.parametrize("end", ["1 / 0", "os._exit(3)", "pass"], ids=["fails", "crashes", "makes-too-little"])
def test_after_a_failure_files_are_as_they_were(tmp_path: Path, end: str) -> None:
    source = f"""
Path("out/one.txt").write_text("half")
Path("out/many/a.txt").write_text("half")
{end}"""
    flow = flow_of(tmp_path, OLD, make=OUTPUTS + source)
    assert flow.run().status == "failed"
    assert {path: flow.file(path).read_text() for path in OLD} == OLD


def test_after_a_failure_half_made_files_are_gone(tmp_path: Path) -> None:
    source = '\nPath("out/one.txt").write_text("half")\n1 / 0'
    flow = flow_of(tmp_path, make="-o out/one.txt" + source)
    assert flow.run().status == "failed"
    assert not flow.file("out/one.txt").exists()


def test_folders_and_globs_are_handed_on_whole(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        make="""-o parts/ tables/*.csv
for name in "ab":
    Path(f"parts/{name}/deep").mkdir(parents=True)
    Path(f"parts/{name}/deep/x.txt").write_text(name)
    Path(f"tables/{name}.csv").write_text(name)""",
        whole='-i parts/ -o x\nx = sorted(p.read_text() for p in Path("parts").rglob("*.txt"))',
        one='-i tables/a.csv -o y\ny = open("tables/a.csv").read()',
        some='-i tables/*.csv -o z\nz = sorted(p.read_text() for p in Path("tables").glob("*.csv"))',
    )
    assert flow.ran() == {"make", "whole", "one", "some"}
    with flow.open() as project:
        assert {(e.source, e.target, e.via) for e in project.pipeline.edges} == {
            ("flow.make", "flow.whole", "parts/"),
            ("flow.make", "flow.one", "tables/a.csv"),
            ("flow.make", "flow.some", "tables/*.csv"),
        }
    assert flow.is_fresh()
    flow.replace("make", 'write_text(name)\n    Path(f"tables', 'write_text(name * 2)\n    Path(f"tables')
    assert flow.ran() == {"make", "whole"}


def test_a_consumer_of_one_file_of_many_runs_when_that_file_changes(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        {"b.txt": "b"},
        make='-i b.txt -o t/*.csv\nPath("t/a.csv").write_text("a")\nPath("t/b.csv").write_text(open("b.txt").read())',
        a='-i t/a.csv -o x\nx = open("t/a.csv").read()',
        b='-i t/b.csv -o y\ny = open("t/b.csv").read()',
    )
    flow.ran()
    flow.write("b.txt", "new")
    assert flow.ran() == {"make", "b"}


BY_REFERENCE = {
    "big": '-i size.txt -o big.bin:ref\nPath("big.bin").write_bytes(b"x" * int(open("size.txt").read()))',
    "use": '-i big.bin -o n\nn = len(Path("big.bin").read_bytes())',
}


def test_a_file_kept_by_reference_is_reused_while_it_is_unchanged(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, {"size.txt": "10"}, **BY_REFERENCE)
    assert flow.ran() == {"big", "use"}
    digest = digest_bytes(b"x" * 10)
    assert not flow.file(f".nbflow/store/blobs/{digest[:2]}/{digest}").exists()
    assert flow.is_fresh()


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_a_file_kept_by_reference_is_made_again_when_it_is_not_what_it_was(tmp_path: Path, change: str) -> None:
    flow = flow_of(tmp_path, {"size.txt": "10"}, **BY_REFERENCE)
    flow.ran()
    if change == "gone":
        flow.file("big.bin").unlink()
    else:
        flow.write("big.bin", "by hand")
    assert flow.stale() == {"big": [("damaged", "big.bin, kept by reference, is not as it was made")]}
    assert flow.ran() == {"big"}
    assert flow.file("big.bin").read_bytes() == b"x" * 10
    assert flow.is_fresh()


def test_a_file_kept_by_reference_that_comes_out_different_reaches_its_consumers(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, big='-o big.bin:ref\nPath("big.bin").write_bytes(os.urandom(8))', use=BY_REFERENCE["use"])
    flow.ran()
    flow.file("big.bin").unlink()
    assert flow.ran() == {"big", "use"}
    assert flow.is_fresh()


def test_going_back_to_a_file_kept_by_reference_that_was_overwritten_makes_it_again(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, {"size.txt": "10"}, **BY_REFERENCE)
    flow.ran()
    flow.write("size.txt", "20")
    assert flow.ran() == {"big", "use"}
    flow.write("size.txt", "10")
    assert flow.ran() == {"big"}
    assert flow.is_fresh()


def test_a_file_that_two_records_made_is_put_back_as_each_made_it(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, {
        **IMPORTS,
        "parameters": "k = 1",
        "make": '%%step make -o out.txt\nPath("out.txt").write_text(str(k))',
        "use": '%%step use -i out.txt -o x\nx = open("out.txt").read()',
    })  # fmt: skip
    for k in (1, 2):
        flow.parameters = {"k": k}
        assert flow.ran() == {"make", "use"}
    for k in (1, 2, 1):
        flow.parameters = {"k": k}
        assert flow.ran() == set()
        assert flow.file("out.txt").read_text() == str(k)


def test_a_step_that_runs_below_a_reused_one_sees_its_files(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        make='-o out.txt\nPath("out.txt").write_text("made")',
        use='-i out.txt -o x\nx = open("out.txt").read()',
    )
    flow.ran()
    flow.write("out.txt", "by hand")
    flow.replace("use", ".read()", ".read() * 2")
    assert flow.ran(terms=["use"]) == {"use"}
    assert flow.file("out.txt").read_text() == "made"


def test_a_file_named_by_the_code_and_written_by_it_is_no_input(tmp_path: Path) -> None:
    source = '-o x\nPath("scratch.txt").write_text("1")\nx = open("scratch.txt").read()'
    flow = flow_of(tmp_path, {"scratch.txt": "there before"}, own=source)
    assert flow.ran() == {"own"}
    flow.write("scratch.txt", "changed")
    assert flow.is_fresh()


def test_a_folder_that_another_step_makes_just_then_is_no_file_that_the_code_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = flow_of(tmp_path, a="-o n\nPath('data').mkdir(exist_ok=True)\nn = 1")
    file, look = Surroundings.file, Seen.__init__

    def looked(self: Seen, *given: Any) -> None:
        def made_meanwhile(around: Surroundings, path: str) -> str | None:
            (tmp_path / "data").mkdir(exist_ok=True)
            return file(around, path)

        with monkeypatch.context() as patch:
            patch.setattr(Surroundings, "file", made_meanwhile)
            look(self, *given)

    monkeypatch.setattr(Seen, "__init__", looked)
    assert flow.ran() == {"a"}
    assert (tmp_path / "data").is_dir()
    assert flow.is_fresh()


def test_a_file_output_outside_the_project_is_refused(tmp_path: Path) -> None:
    flow = flow_of(tmp_path / "project", make='-o link/out.txt\nPath("link/out.txt").write_text("1")')
    (tmp_path / "elsewhere").mkdir()
    flow.file("link").symlink_to(tmp_path / "elsewhere")
    assert flow.run().status == "failed"


PARTS = {
    **IMPORTS,
    "parameters": "k = 1",
    "make": """%%step make -o parts/ t-*.csv
Path(f"parts/p{k}").mkdir()
Path(f"parts/p{k}/x.txt").write_text("x")
Path(f"t-{k}.csv").write_text("t")""",
    "use": """%%step use -i parts/ t-*.csv -o names
names = sorted(str(p) for p in [*Path("parts").rglob("*.txt"), *Path(".").glob("t-*.csv")])""",
}


def files_in(flow: Flow) -> set[str]:
    found = [*flow.file("parts").rglob("*.txt"), *flow.root.glob("*.csv")]
    return {p.relative_to(flow.root).as_posix() for p in found}


def test_a_folder_holds_what_the_result_that_counts_made_and_no_more(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, PARTS)
    for k, ran in ((1, {"make", "use"}), (2, {"make", "use"}), (1, set())):
        flow.parameters = {"k": k}
        assert flow.ran() == ran
        assert files_in(flow) == {f"parts/p{k}/x.txt", f"t-{k}.csv"}


def test_what_a_failed_attempt_left_lies_with_the_run(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, PARTS)
    flow.ran()
    flow.parameters = {"k": 2}
    flow.replace("make", 'write_text("t")', 'write_text("t")\n1 / 0')
    finished = flow.run()
    assert files_in(flow) == {"parts/p1/x.txt", "t-1.csv"}
    unfinished = finished.folder / "unfinished" / "make"
    assert {p.relative_to(unfinished).as_posix() for p in unfinished.rglob("*") if p.is_file()} == {
        "parts/p2/x.txt",
        "t-2.csv",
    }
    assert not flow.file("parts/p2").exists()


def test_a_checkpoint_folder_of_jupyter_stays_where_it_is(tmp_path: Path) -> None:
    flow = new_flow(tmp_path, PARTS)
    flow.ran()
    flow.write("parts/.ipynb_checkpoints/x.txt", "1")
    flow.parameters = {"k": 2}
    flow.ran()
    flow.ran()
    assert flow.file("parts/.ipynb_checkpoints/x.txt").exists()


LEFT_OPEN = """-o many/
left = open("many/a.txt", {mode!r})
left.write({text!r})"""


@pytest.mark.parametrize("text", ["all of it", b"all of it"])
def test_a_file_that_was_left_open_is_whole(tmp_path: Path, text: str | bytes) -> None:
    flow = flow_of(tmp_path, make=LEFT_OPEN.format(mode="w" if isinstance(text, str) else "wb", text=text))
    assert flow.ran() == {"make"}
    flow.file("many/a.txt").unlink()
    assert flow.ran() == set()
    assert flow.file("many/a.txt").read_text() == "all of it"


def test_a_file_that_changes_after_the_last_cell_fails_its_step(tmp_path: Path) -> None:
    """What ends an archive is written when it is closed, at the very end."""
    flow = flow_of(tmp_path, make='-o a.gz\nimport gzip\nleft = gzip.open("a.gz", "wb")\nleft.write(b"all of it")')
    errors: list[str] = []
    finished = flow.run(on_event=lambda event, _: errors.append(event.error) if isinstance(event, StepFailed) else None)
    assert finished.status == "failed"
    assert " ".join(errors) == (
        "the output `a.gz` changed after the step's last cell: something still had it open. Close it in the step "
        "(`with open(…) as file:`), and wait there for what writes it."
    )
