"""Declared file outputs: what a path, a folder and a glob stand for, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.runtime import digests
from tests.runtime.orders import Project, failure


def make_files(project: Project, *paths: str) -> None:
    for path in paths:
        target = project.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path)


FILES = ("out/a.csv", "out/b.csv", "out/deep/c.csv", "out/deep/d.txt", "out/.git/x", "plain.txt", "out/[x].csv")
OUTPUTS: list[tuple[str, list[str]]] = [
    ("plain.txt", ["plain.txt"]),
    ("./out/../plain.txt", ["plain.txt"]),
    ("out/", ["out/[x].csv", "out/a.csv", "out/b.csv", "out/deep/c.csv", "out/deep/d.txt"]),
    ("out/*.csv", ["out/[x].csv", "out/a.csv", "out/b.csv"]),
    ("out/?.csv", ["out/a.csv", "out/b.csv"]),
    ("out/**/*.csv", ["out/[x].csv", "out/a.csv", "out/b.csv", "out/deep/c.csv"]),
    ("out/*", ["out/[x].csv", "out/a.csv", "out/b.csv"]),
    ("out/[[]x].csv", ["out/[x].csv"]),
]


@pytest.mark.parametrize(("declared", "expected"), OUTPUTS, ids=[case[0] for case in OUTPUTS])
def test_a_file_output_stands_for_its_files(declared: str, expected: list[str], project: Project) -> None:
    work = project.open({}, outputs=[{"path": declared, "name": None, "format": None}])
    work.begin()
    make_files(project, *FILES)
    work.finish()
    (artifact,) = project.result()["artifacts"]
    listed = [(file["path"], file["digest"]) for file in artifact["files"]]
    assert listed == [(f"notebooks/{path}", digests.digest_bytes(path.encode())) for path in expected]
    assert (artifact["name"], artifact["size"]) == (declared, sum(map(len, expected)))


def test_the_working_directory_of_the_step_does_not_matter(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_files(project, "a.txt")
    work = project.open({}, outputs=[{"path": "*.txt", "name": None, "format": None}])
    work.begin()
    monkeypatch.chdir(tmp_path)
    work.finish()
    assert project.result()["artifacts"][0]["files"][0]["path"] == "notebooks/a.txt"


def test_a_reference_is_the_digest_of_the_bytes(project: Project) -> None:
    make_files(project, "big.bin")
    work = project.open({}, outputs=[{"path": "big.bin", "name": "big", "format": "ref"}])
    work.begin()
    work.finish()
    (artifact,) = project.result()["artifacts"]
    expected = digests.digest_bytes(b"big.bin")
    assert (artifact["digest"], artifact["format"], artifact["blob"]) == (expected, "ref", None)


def test_the_digest_of_a_file_output_does_not_depend_on_where_the_notebook_lies(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        project = Project(tmp_path / name)
        project.folder = project.root / name
        project.folder.mkdir()
        make_files(project, "out/a.csv")
        work = project.open({}, outputs=[{"path": "out/", "name": None, "format": None}])
        work.begin()
        work.finish()
        found.append(project.result()["artifacts"][0]["digest"])
    assert found[0] == found[1]


NOT_MADE: list[tuple[str, str]] = [
    ("none.txt", "the step did not make its output `none.txt`: no such file is there (looked in {folder}). {write}"),
    ("none/", "the step did not make its output `none/`: no such folder is there (looked in {folder}). {write}"),
    ("*.none", "the step did not make its output `*.none`: no file matches it (looked in {folder}). {write}"),
    ("empty/", "the step did not make its output `empty/`: the folder holds no file (looked in {folder}). {write}"),
    ("out", "the output `out` is a folder. Declare it as a folder: `-o out/`."),
    ("plain.txt/", "the output `plain.txt/` is a file. Declare it without the last `/`: `-o plain.txt`."),
    (
        "../../outside.txt",
        "the output `../../outside.txt` lies outside the project root: {outside} is not below {root}. {inside}",
    ),
    (
        "link.txt",
        "the output `link.txt` lies outside the project root: {outside} is not below {root}. {inside}",
    ),
    (
        "links/",
        "the output `links/` holds a link to a folder, `there`, which cannot be stored. {copy}",
    ),
    ("pipes/", "the output `pipes/` holds `{folder}/pipes/p`, which is no regular file. Write a file."),
    (
        "broken.txt",
        "the output `broken.txt` cannot be read: [Errno 2] No such file or directory: '{folder}/broken.txt'. {check}",
    ),
]


@pytest.mark.parametrize(("declared", "message"), NOT_MADE, ids=[case[0] for case in NOT_MADE])
def test_a_file_output_that_is_not_there_or_lies_outside_fails_the_step(
    declared: str, message: str, project: Project
) -> None:
    make_files(project, "out/a.csv", "plain.txt", "links/x", "pipes/x")
    outside = project.root.parent / "outside.txt"
    outside.write_text("x")
    (project.folder / "empty").mkdir()
    (project.folder / "link.txt").symlink_to(outside)
    (project.folder / "broken.txt").symlink_to("nowhere")
    (project.folder / "links" / "there").symlink_to(project.folder / "out")
    os.mkfifo(project.folder / "pipes" / "p")
    work = project.open({}, outputs=[{"path": declared, "name": None, "format": None}])
    work.begin()
    assert failure(work.finish) == message.format(
        folder=project.folder,
        outside=outside.resolve(),
        root=project.root.resolve(),
        inside="Write it inside the project.",
        copy="Copy the files instead of linking the folder.",
        check="Check the file and its rights.",
        write="Write it in the step, or take it out of `-o`.",
    )
