"""Which file system a folder lies on, read from the kernel's table of mounts."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from nbflow.journal.mounts import kind_in, network_file_system

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /home rw,relatime shared:5 master:2 - nfs4 server:/home rw
31 30 0:41 / /home/me/local rw - xfs /dev/vdb rw
32 27 0:42 / /mnt/my\040share rw - cifs //server/share rw
33 27 0:43 / /twice rw - ext4 /dev/a rw
34 27 0:44 / /twice rw - lustre b rw
a line that says nothing
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/srv/project", "ext4"),
        ("/home/me/project", "nfs4"),
        ("/homes/me", "ext4"),
        ("/home/me/local/project", "xfs"),
        ("/mnt/my share/x", "cifs"),
        ("/twice/x", "lustre"),
    ],
)
def test_the_kind_of_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert kind_in(MOUNTS, PurePosixPath(path)) == kind


def test_where_nothing_is_known_there_is_no_kind() -> None:
    assert kind_in("", PurePosixPath("/x")) == ""


@pytest.mark.parametrize(("kind", "network"), [("ext4", ""), ("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs")])
def test_only_network_file_systems_matter(tmp_path: Path, kind: str, network: str) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"27 1 254:0 / / rw,relatime - {kind} source rw\n")
    found = [network_file_system(tmp_path, table), network_file_system(tmp_path, tmp_path / "no table")]
    assert found == [network, ""]
