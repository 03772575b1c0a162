"""Digests of files, folders, listings and globs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.environment.files import LEFT_OUT, content_digest, file_digests, folder_names, names_digest
from nbflow.errors import UsageError
from nbflow.runtime import places
from nbflow.runtime.digests import digest_bytes, digest_file

Edit = Callable[[Path], object]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    (folder / "b.txt").write_text("2")
    (folder / "deep" / "er" / "c.csv").write_text("3")
    return folder


def test_a_file_counts_by_its_bytes(data: Path) -> None:
    assert content_digest(str(data / "a.csv"), digest_file) == digest_bytes(b"1")


@pytest.mark.parametrize("path", ["data/none", "data/a.csv/below", "no\0path", "x" * 5000, "loop"])
def test_where_nothing_is_there_is_no_digest(tmp_path: Path, data: Path, path: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert content_digest(f"{tmp_path}/{path}", digest_file) is None
    assert folder_names(f"{tmp_path}/{path}") is None


EDITS: list[tuple[str, Edit, bool]] = [
    ("nothing", lambda d: None, False),
    ("the same bytes again", lambda d: (d / "a.csv").write_text("1"), False),
    ("a time stamp", lambda d: os.utime(d / "a.csv", (0, 0)), False),
    ("other bytes", lambda d: (d / "a.csv").write_text("x"), True),
    ("other bytes deep below", lambda d: (d / "deep/er/c.csv").write_text("x"), True),
    ("a new file", lambda d: (d / "new").write_text(""), True),
    ("a file that goes", lambda d: (d / "b.txt").unlink(), True),
    ("a file renamed", lambda d: (d / "b.txt").rename(d / "c.txt"), True),
    ("two files that change places", lambda d: [(d / "a.csv").write_text("2"), (d / "b.txt").write_text("1")], True),
    ("a link that leads nowhere", lambda d: (d / "link").symlink_to("nowhere"), True),
    ("a link back to the folder", lambda d: (d / "deep/back").symlink_to(d), True),
    ("an empty folder", lambda d: (d / "empty").mkdir(), False),
    *((f"what tools put into {name}", lambda d, n=name: [(d / n).mkdir(), (d / n / "x").write_text("")], False)
      for name in sorted(LEFT_OUT)),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "changes"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_a_folder_counts_by_the_names_and_bytes_below_it(data: Path, edit: Edit, changes: bool) -> None:
    before = content_digest(str(data), digest_file)
    edit(data)
    after = content_digest(str(data), digest_file)
    assert before is not None
    assert after is not None
    assert (after != before) == changes


def test_a_folder_counts_the_same_wherever_it_lies(tmp_path: Path, data: Path) -> None:
    before = content_digest(str(data), digest_file)
    data.rename(tmp_path / "elsewhere")
    assert content_digest(str(tmp_path / "elsewhere"), digest_file) == before
    assert content_digest(f"{tmp_path}/elsewhere/", digest_file) == before


def test_a_link_to_a_folder_counts_by_where_it_leads(data: Path) -> None:
    link = data / "deep" / "link"
    (data / "x").mkdir()
    link.symlink_to(data / "x")
    before = content_digest(str(data), digest_file)
    link.unlink()
    link.symlink_to(data / "deep" / "er")
    assert content_digest(str(data), digest_file) != before


def test_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    digest = content_digest(str(tmp_path / "pipe"), digest_file)
    assert digest is not None
    assert digest != content_digest(os.devnull, digest_file)
    assert content_digest(str(tmp_path), digest_file) is not None


def refuse(path: Path) -> str:
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize(
    "ask",
    [lambda d: content_digest(f"{d}/a.csv", refuse), lambda d: file_digests(str(d), "a.*", refuse)],
    ids=["one file", "a glob"],
)
def test_a_file_that_cannot_be_read_is_named(data: Path, ask: Callable[[Path], object]) -> None:
    with pytest.raises(UsageError) as caught:
        ask(data)
    assert str(caught.value) == (
        f"Cannot read {data}/a.csv: Permission denied\n"
        "The result of a step depends on it: make it readable, or take it out of the notebook."
    )


def test_a_file_that_vanishes_while_its_folder_is_read_is_no_error(data: Path) -> None:
    def vanish(path: Path) -> str:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    assert content_digest(str(data), vanish) is not None
    assert content_digest(str(data / "a.csv"), vanish) is None


def test_a_folder_has_the_names_that_count(data: Path) -> None:
    (data / ".ipynb_checkpoints").mkdir()
    (data / "deep" / "new").write_text("")
    assert folder_names(str(data)) == frozenset({"a.csv", "b.txt", "deep"})
    assert names_digest(["deep", "b.txt", "a.csv", "__pycache__"]) == digest_bytes(b"a.csv\nb.txt\ndeep")


def test_files_that_are_left_out_are_not_looked_at(data: Path) -> None:
    hashed: list[str] = []

    def digest(path: Path) -> str:
        hashed.append(path.name)
        return "digest"

    found = file_digests(str(data), "./", digest, lambda path: path.endswith(".csv"))
    assert (found, hashed) == ({"./b.txt": "digest"}, ["b.txt"])


def test_what_does_not_count_here_does_not_count_where_it_is_recorded() -> None:
    assert LEFT_OUT == places.LEFT_OUT


def test_a_name_that_is_no_text_counts_too() -> None:
    assert names_digest([os.fsdecode(b"caf\xe9")]) == digest_bytes(b"caf\xe9")


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("data/", ["data/a.csv", "data/b.txt", "data/deep/er/c.csv"]),
        ("data/deep/", ["data/deep/er/c.csv"]),
        ("data/*.csv", ["data/a.csv"]),
        ("data/**/*.csv", ["data/a.csv", "data/deep/er/c.csv"]),
        ("data/[ab].*", ["data/a.csv", "data/b.txt"]),
        ("data/*", ["data/a.csv", "data/b.txt", "data/deep/er/c.csv"]),
        ("data/d*/", ["data/deep/er/c.csv"]),
        ("data/a.csv", ["data/a.csv"]),
        ("data/none/", []),
        ("data/*.none", []),
    ],
)
def test_a_folder_or_glob_stands_for_its_files(tmp_path: Path, data: Path, pattern: str, paths: list[str]) -> None:
    (data / "deep" / "__pycache__").mkdir()
    (data / "deep" / "__pycache__" / "x.csv").write_text("left out")
    assert file_digests(str(tmp_path), pattern, digest_file) == {p: digest_file(tmp_path / p) for p in paths}
    absolute = {f"{tmp_path}/{p}": digest_file(tmp_path / p) for p in paths}
    assert file_digests("/", f"{tmp_path}/{pattern}", digest_file) == absolute
