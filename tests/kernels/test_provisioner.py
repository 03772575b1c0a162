"""The provisioner as other Jupyter programs use it: by its name in a kernelspec."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from nbflow.kernels.parents import Child
from nbflow.kernels.provisioner import SERVERS
from tests.kernels.talking import gone, until

pytestmark = pytest.mark.slow

NAME = "nbflow"
PLACE = "nbflow.kernels.provisioner:ForkProvisioner"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A kernelspec that asks for forks, found by Jupyter."""
    factory: Any = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, PLACE, KernelProvisionerFactory.GROUP_NAME)
    folder = tmp_path / "kernels" / "quick"
    folder.mkdir(parents=True)
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    provisioner = {"provisioner_name": NAME, "config": {"preload": ["decimal"]}}
    content = {"argv": argv, "display_name": "Quick", "language": "python", "env": {"MINE": "yes"}}
    (folder / "kernel.json").write_text(json.dumps({**content, "metadata": {"kernel_provisioner": provisioner}}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    yield "quick"
    SERVERS.close()


def test_the_entry_point_is_the_one_in_the_project_file() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'[project.entry-points."{KernelProvisionerFactory.GROUP_NAME}"]\n{NAME} = "{PLACE}"\n' in text


def started(spec: str, folder: Path) -> tuple[Any, Any]:
    manager: Any = KernelManager(kernel_name=spec)
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return manager, client


def answer(client: Any, expression: str) -> str:
    reply = client.execute("import os, sys", user_expressions={"found": expression}, reply=True, timeout=60)
    return "".join(str(reply["content"]["user_expressions"]["found"]["data"]["text/plain"]).split())  # long ones wrap


def test_the_first_kernel_is_started_anew_and_later_ones_are_forked(tmp_path: Path, spec: str) -> None:
    manager, client = started(spec, tmp_path)
    try:
        assert not isinstance(manager.provisioner.process, Child)
        assert answer(client, "os.getppid()") == str(os.getpid())
        deadline = time.monotonic() + 60
        while not any(server.is_up for server in SERVERS._servers):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        manager.restart_kernel()  # the same manager, a new process
        client.wait_for_ready(timeout=60)
        assert isinstance(manager.provisioner.process, Child)
        facts = "os.getcwd(), os.environ['MINE'], 'decimal' in sys.modules"
        assert answer(client, facts) == f"({str(tmp_path)!r},'yes',True)"
        assert answer(client, "os.environ['JPY_PARENT_PID'] == str(os.getppid())") == "True"
        asked = client.execute("import time; print('on its way', flush=True); time.sleep(60)")
        while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != asked:
            pass
        assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "KeyboardInterrupt")
        pid = manager.provisioner.pid
        assert manager.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    until(lambda: gone(pid))
    assert not manager.is_alive()
