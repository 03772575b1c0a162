"""What kind of file system a folder lies on, as far as the journal must know.

SQLite's write-ahead log needs memory that all its readers share, which no network file system gives. Linux tells
the kind; where it cannot be told, a local disk is assumed. Read ``database`` next.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath

_NETWORK = {
    "9p", "afs", "beegfs", "beegfs_nodev", "ceph", "cifs", "drvfs", "fakeowner", "fuse.ceph", "fuse.gcsfuse",
    "fuse.glusterfs", "fuse.grpcfuse", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre",
    "nfs", "nfs4", "osxfs", "smb3", "smbfs", "virtiofs",
}  # fmt: skip


def network_file_system(folder: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of network file system (``nfs4``) a folder lies on, ``""`` for a local disk."""
    mounts = ""
    with suppress(OSError):
        mounts = table.read_text(encoding="utf-8", errors="replace")
    kind = kind_in(mounts, PurePosixPath(folder.resolve()))
    return kind if kind in _NETWORK else ""


def kind_in(mounts: str, path: PurePosixPath) -> str:
    """The kind of file system of a path by a text such as ``/proc/self/mountinfo``, ``""`` where it does not say."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        words = line.split(" ")
        if "-" not in words[6:]:
            continue
        point = PurePosixPath(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words[4]))
        depth = len(point.parts)
        if depth >= best and path.is_relative_to(point):  # of two on one place the later hides the earlier
            best, kind = depth, words[words.index("-", 6) + 1]
    return kind
