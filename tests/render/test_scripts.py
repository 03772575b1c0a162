"""Modules as one script: each behind what it imports, with the exports of the first alone, and no name there twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbflow.errors import NbflowError
from nbflow.render.scripts import STATIC, joined

EXPORT = re.compile(r"^export (?:async )?(\w+)\*? ?(\w*)", re.MULTILINE)


def written(folder: Path, **modules: str) -> Path:
    """``NAME.js`` for each; the first one."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(modules))}.js"


def refusal(entry: Path) -> str:
    with pytest.raises(NbflowError) as raised:
        joined(entry)
    return str(raised.value)


def test_each_module_stands_once_and_behind_those_that_it_imports(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    written(parts, b='import { c } from "./c.js";\nexport function b() { c(); }\n', c="export class c {}\n")
    entry = written(
        tmp_path,
        a='// First.\nimport { b } from "./parts/b.js";\nimport { c } from "./parts/c.js";\n\nb(c);\n',
    )
    assert joined(entry) == "class c {}\n\nfunction b() { c(); }\n\n// First.\n\nb(c);\n"


def test_it_exports_what_the_first_module_exports_and_nothing_else(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        a='export { one, two } from "./b.js";\nexport async function three() {}\nexport default () => {};\n',
        b='export { one } from "./c.js";\nexport const two = 2;\nexport const four = 4;\nexport class five {}\n',
        c="export function one() {}\nexport async function six() {}\nexport function* seven() {}\n",
    )
    assert [line for line in joined(entry).splitlines() if line] == [
        "export function one() {}", "async function six() {}", "function* seven() {}",
        "export const two = 2;", "const four = 4;", "class five {}",
        "export async function three() {}", "export default () => {};",
    ]  # fmt: skip


def test_what_one_that_exports_nothing_imports_is_not_exported(tmp_path: Path) -> None:
    entry = written(tmp_path, a='import { b } from "./b.js";\nb();\n', b="export function b() {}\n")
    assert joined(entry) == "function b() {}\n\nb();\n"


def test_no_name_is_there_twice_be_it_exported_or_not(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        a='import { b } from "./b.js";\nfunction same() {}\n',
        b="export const b = 1;\nclass same {}\n",
    )
    assert refusal(entry) == "b.js and a.js both have a 'same'.\nGive one of them another name."


def test_a_circle_is_named(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        a='import { b } from "./b.js";\n',
        b='import { c } from "./c.js";\nexport const b = c;\n',
        c='import { b } from "./b.js";\nexport const c = b;\n',
    )
    assert refusal(entry) == (
        "Modules import each other in a circle: b.js → c.js → b.js.\nMove what they share into another one."
    )


def test_what_is_imported_has_to_be_there(tmp_path: Path) -> None:
    no_file = written(tmp_path, a='import { x } from "./gone.js";\n')
    assert refusal(no_file) == (
        f"a.js imports gone.js, and there is no such file.\nIt would be {tmp_path / 'gone.js'}."
    )
    no_name = written(tmp_path, b='import { y, x } from "./c.js";\n', c="export const y = 1;\nconst x = 1;\n")
    assert refusal(no_name) == "b.js imports 'x', which c.js does not export.\nIt exports y."


@pytest.mark.parametrize(
    "line",
    [
        'import { b as c } from "./b.js";',
        'import * as b from "./b.js";',
        'import b from "./b.js";',
        'import "./b.js";',
        'import { b } from "../b.js";',
        'import { b } from "b";',
        "import { b } from './b.js';",
        "import {",
        'export * from "./b.js";',
        "export { b };",
        "export { b as c };",
        "export const { b } = c;",
        "const { b } = c;",
        "let [b] = c;",
        "let b, c;",
        "var b;",
    ],
)
def test_other_forms_are_refused(tmp_path: Path, line: str) -> None:
    entry = written(tmp_path, a=f"// First.\n{line}\n", b="export const b = 1;\n")
    assert refusal(entry) == (
        f"a.js, line 2, cannot be joined with other modules: {line}\n"
        "The forms that modules keep to are listed in nbflow/render/scripts.py."
    )


def test_only_the_first_module_has_a_default_export(tmp_path: Path) -> None:
    entry = written(tmp_path, a='import { b } from "./b.js";\n', b="export const b = 1;\nexport default b;\n")
    assert refusal(entry).startswith("b.js is imported and has a default export.\n")


VIEW = ["VERSION", "clean", "cleanBlock", "duration", "mount", "sign", "size", "stateClass"]


@pytest.mark.parametrize(("name", "exports"), [("view.js", VIEW), ("widget.js", ["default"]), ("report.js", [])])
def test_ours_are_one_script_each(name: str, exports: list[str]) -> None:
    script = joined(STATIC / name)
    assert sorted("default" if kind == "default" else said for kind, said in EXPORT.findall(script)) == exports
    assert not re.search(r"^import\b|</script", script, re.MULTILINE)


def test_every_module_of_the_renderer_is_part_of_it() -> None:
    script = joined(STATIC / "view.js")
    modules = list((STATIC / "view").glob("*.js"))
    assert modules
    assert [path.name for path in modules if path.read_text("utf-8").splitlines()[0] not in script] == []
