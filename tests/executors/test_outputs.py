from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.executors.papermill.outputs import KeptOutputs, OverflowLog
from nbflow.masking import Masker


def kept(folder: Path, limit: int, **secrets: str) -> tuple[KeptOutputs, Path]:
    path = folder / "sub" / "a.cell-3.log"
    return KeptOutputs(OverflowLog(path, "steps/a.cell-3.log"), Masker(secrets), limit), path


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def picture(size: int) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": "x" * size}}


def test_what_fits_is_kept_as_it_came(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 100)
    error = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["t"]}
    outputs.text("stdout", "a")
    outputs.text("stdout", "b\nc")
    outputs.text("stderr", "d")
    outputs.text("stdout", "e")
    outputs.rich(picture(40))
    outputs.text("stdout", "f")
    outputs.rich(error)
    wanted = [stream("ab\nc"), stream("d", "stderr"), stream("e"), picture(40), stream("f"), error]
    assert (outputs.finish(), path.exists()) == (wanted, False)


def test_the_middle_of_long_text_goes_to_a_log(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 20)
    for number in range(1000, 1010):
        outputs.text("stdout", f"{number}\n")
    marker = "\n… 0.1 MB more in steps/a.cell-3.log …\n"
    assert outputs.finish() == [stream("1000\n1001\n" + marker + "1008\n1009\n")]
    assert path.read_text() == "".join(f"{n}\n" for n in range(1002, 1008))


def test_one_text_that_is_too_long_is_cut_in_three(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 1_000_000)
    text = "".join(f"{n:09}\n" for n in range(1_300_000))
    outputs.text("stdout", text)
    marker = "\n… 12 MB more in steps/a.cell-3.log …\n"
    assert outputs.finish() == [stream(text[:500_000] + marker + text[-500_000:])]
    assert path.read_text() == text[500_000:-500_000]


def test_pictures_that_do_not_fit_are_in_the_log_whole(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 100)
    for size in (30, 31, 32, 33):
        outputs.rich(picture(size))
    assert outputs.finish() == [
        picture(30),
        stream("\n… 0.1 MB more in steps/a.cell-3.log …\n"),
        picture(32),
        picture(33),
    ]
    assert path.read_text().count("x") == 31


def test_a_picture_may_take_all_the_room(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 100)
    outputs.rich(picture(100))
    assert (outputs.finish(), path.exists()) == ([picture(100)], False)


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        (["10%\r", "20%\r", "100%\n", "done"], "100%\ndone"),
        (["10%\r20%\r100%"], "100%"),
        (["a\r\nb\r\n"], "a\r\nb\r\n"),
        (["keep\n1\r2", "\r3"], "keep\n3"),
        (["x\r"], "x\r"),
    ],
)
def test_a_line_that_is_written_over_is_kept_as_it_last_looked(tmp_path: Path, pieces: list[str], wanted: str) -> None:
    outputs, _ = kept(tmp_path, 100)
    for piece in pieces:
        outputs.text("stderr", piece)
    assert outputs.finish() == [stream(wanted, "stderr")]


def test_cleared_outputs_make_room(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 10)
    for _ in range(9):
        outputs.text("stdout", "12345")
        outputs.clear()
    outputs.text("stdout", "x")
    assert (outputs.finish(), path.exists()) == ([stream("x")], False)


def test_secrets_in_the_log_are_masked_also_when_split(tmp_path: Path) -> None:
    outputs, path = kept(tmp_path, 40, PASSWORD="correct-horse")
    for piece in ("begin\n", "is corr", "ect-ho", "rse!\n" + "correct-horse\n" * 5, "end"):
        outputs.text("stdout", piece)
    outputs.rich(shown("correct-horse"))
    outputs.text("stdout", "y\n" * 17)
    marker = "\n… 0.1 MB more in steps/a.cell-3.log …\n"
    assert outputs.finish() == [stream("begin\n" + marker + "y\n" * 17)]
    dropped = json.dumps(shown("***PASSWORD***"))
    assert path.read_text() == "is ***PASSWORD***!\n" + "***PASSWORD***\n" * 5 + f"end{dropped}\n"


def shown(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": text}}


BASE64, URL = "Y29ycmVjdC9ob3JzZQ==", "correct%2Fhorse"


@pytest.mark.parametrize("form", ["correct/horse", BASE64, URL])
@pytest.mark.parametrize("between", ["stdout", "display"])
@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_secret_whose_pieces_stand_apart_is_masked_where_its_last_one_comes(
    tmp_path: Path, form: str, between: str, cut: int
) -> None:
    outputs, _ = kept(tmp_path, 1000, PASSWORD="correct/horse")
    told = [outputs.text("stderr", f"login: {form[:cut]}")]
    if between == "stdout":
        told.append(outputs.text("stdout", "half\n"))
    else:
        outputs.rich(shown("half"))
    told += [outputs.text("stderr", form[cut:]), outputs.text("stderr", "!\n")]
    other = stream("half\n") if between == "stdout" else shown("half")
    assert outputs.finish() == [stream("login: ", "stderr"), other, stream("***PASSWORD***!\n", "stderr")]
    assert "".join(told).replace("half\n", "") == "login: ***PASSWORD***!\n"


def test_what_only_began_like_a_secret_is_kept_unless_the_cell_clears_it(tmp_path: Path) -> None:
    outputs, _ = kept(tmp_path, 1000, PASSWORD="correct-horse")
    outputs.text("stdout", "cor")
    outputs.clear()
    outputs.text("stdout", "corr")
    assert outputs.finish() == [stream("corr")]


@given(
    pieces=st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text("abc\n", max_size=30)), max_size=40),
    limit=st.integers(2, 200),
)
def test_nothing_is_lost_and_the_limit_holds(tmp_path_factory: pytest.TempPathFactory, pieces: Any, limit: int) -> None:
    outputs, path = kept(tmp_path_factory.mktemp("kept"), limit)
    for name, text in pieces:
        outputs.text(name, text)
    texts = [o["text"] for o in outputs.finish()]
    total = sum(len(text) for _, text in pieces)
    log = path.read_text() if path.exists() else ""
    marker = "\n… 0.1 MB more in steps/a.cell-3.log …\n"
    shown = "".join(texts)
    assert marker in shown if log else marker not in shown
    head, _, tail = shown.partition(marker)
    assert head + log + tail == "".join(text for _, text in pieces)
    assert len(head + tail) <= limit
    assert log or len(head + tail) == total
