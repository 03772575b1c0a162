"""The server keeps its own description: whatever a program sends, sensible or not, it is answered as described there,
and nothing that is sent makes the server fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from nbflow.server.handlers import DESCRIPTION
from nbflow.server.routes import BASE
from tests.flows import new_flow, write_notebook
from tests.server.conftest import CELLS
from tests.server.serving import Site, serving

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("NBFLOW_FUZZ", "0"))
"""For each operation, other ones each time; without it a few that are always the same."""
FEW = 25

SOURCES = [
    "%%step one -o a\na = n",
    "%%step two -i a -o b\nb = a + 1",
    "%%step two -i a b c --retries x",
    "%%step é",
    "%step all -o x",
    "%%bash\necho {a}",
    "def f(:\n",
    "f'{a!r:{n}}' \\\n",
    "\0",
    "",
]


def description() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files("nbflow.server").joinpath(DESCRIPTION).read_text())
    del found["paths"]["/events"]  # it does not end
    return found


def leading(run: str) -> dict[str, Any]:
    """What is described, with values that lead somewhere beside those that lead nowhere."""
    found = description()
    schemas = found["components"]["schemas"]
    schemas["Path"] = {"type": "string", "enum": ["flow.ipynb", "plain.ipynb", "folder", "gone.ipynb"]}
    found["components"]["parameters"]["Run"]["schema"] = {"type": "string", "enum": [run, "last", "x"]}
    cell = {
        "type": ["object", "integer"],
        "properties": {
            "cell_type": {"enum": ["code", "markdown", "raw", ""]},
            "source": {
                "anyOf": [{"enum": SOURCES}, {"type": "string"}, {"type": "array", "items": {"type": "string"}}]
            },
            "metadata": {
                "type": ["object", "null"],
                "properties": {"tags": {"enum": [["parameters"], ["nbflow-skip"], 3, []]}},
            },
        },
    }
    schemas["Notebook"] = {
        "type": ["object", "null"],
        "properties": {
            "cells": {"type": "array", "items": cell},
            "metadata": {"type": ["object", "string"]},
            "nbformat": {"enum": [4, 3, 5, "4", None]},
        },
    }
    for word in ("old", "new"):
        body = found["paths"]["/rename"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        body["properties"][word] = {
            "type": "string",
            "enum": ["a", "b", "one", "two", "x", "é", "", "a b", "data/x.csv"],
        }
    return found


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A server that starts no kernels, and the id of a run."""
    root = tmp_path_factory.mktemp("fuzzed")
    run = new_flow(root, CELLS).run().id
    write_notebook(root / "plain.ipynb", {"c1": "x = 1"})
    (root / "folder").mkdir()
    with serving(root) as running:
        running.service.program = ("-m", "tests.server.pretender")
        yield running, run


@pytest.fixture(scope="module")
def api(fuzzed: tuple[Site, str]) -> Callable[[GenerationMode], Any]:
    """What fits the description is drawn from what leads somewhere. What is to be refused has to break the description
    itself: a value that only leads nowhere is none of that."""
    site, run = fuzzed
    load_all_checks()

    @cache
    def described(mode: GenerationMode) -> Any:
        made = schemathesis.openapi.from_dict(leading(run) if mode is GenerationMode.POSITIVE else description())
        made.config.update(base_url=site.address + BASE.rstrip("/"))
        # JupyterLab puts the time behind each address, and the token is what every request here has.
        made.config.generation.update(allow_extra_parameters=False, with_security_parameters=False)
        return made

    return described


UNBREAKABLE = {"/openapi.yaml", "/runs/{run}"}
"""They take nothing but texts, of which none is against the description."""

OPERATIONS = [
    pytest.param(mode, method, path, id=f"{mode.value} {method} {path}")
    for path, item in description()["paths"].items()
    for method in item
    for mode in GenerationMode
    if method != "parameters" and not (mode is GenerationMode.NEGATIVE and path in UNBREAKABLE)
]


@pytest.mark.parametrize(("mode", "method", "path"), OPERATIONS)
def test_every_answer_is_as_described(
    fuzzed: tuple[Site, str], api: Callable[[GenerationMode], Any], mode: GenerationMode, method: str, path: str
) -> None:
    site, _ = fuzzed
    headers = {"Authorization": f"token {site.token}"}

    # What fits the description may still be refused: a parameter that no notebook has is a name like others.
    @given(case=api(mode)[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES or FEW, derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck))
    def answered(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance], timeout=60)

    answered()


def test_the_description_names_every_route_and_nothing_else(fuzzed: tuple[Site, str]) -> None:
    from nbflow.server.routes import HANDLERS

    site, _ = fuzzed
    served = yaml.safe_load(site.get(DESCRIPTION).content)
    described = {
        (path.lstrip("/"), method)
        for path, item in served["paths"].items()
        for method in item
        if method != "parameters"
    }
    routes = {
        (route.replace(r"(?P<run>[^/]+)", "{run}").replace("\\", ""), method)
        for route, handler in HANDLERS.items()
        for method in ("get", "post", "put", "patch", "delete")
        if method in vars(handler)
    }
    assert described == routes
