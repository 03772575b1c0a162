"""Kills what kernels leave behind when this process dies without a chance to do so itself.

A kernel notices that its parent is gone, but not while it is deep in native code, and its own children never do. So one
tiny shell process listens on a pipe that only this process can hold open: it is told which process groups are alive,
and when the pipe closes it kills them. It may also be left a last will: a command to become then. Where there is no
shell (Windows) kernels are on their own.
"""

from __future__ import annotations

import atexit
import os
import shlex
import subprocess
import threading
from collections.abc import Sequence

SCRIPT = """
trap '' INT TERM HUP
alive=
will=
while read -r sign group mark; do
  case $sign in '!') will="$group $mark"; continue;; esac
  rest=
  for known in $alive; do [ "$known" = "$group:$mark" ] || rest="$rest $known"; done
  alive=$rest
  [ "$sign" = + ] && alive="$alive $group:$mark"
done
for known in $alive; do
  kill -s KILL -- "-${known%%:*}" 2>/dev/null
  for left in $(grep -lsF -- "${known#*:}" /proc/[0-9]*/environ 2>/dev/null); do
    left=${left#/proc/}
    kill -s KILL "${left%/environ}" 2>/dev/null
  done
done
[ "$will" = ' ' ] || [ -z "$will" ] || eval "exec $will" </dev/null
exit 0
"""


class Guardian:
    """Watches over process groups. Started with the first one; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def watch(self, group: int, mark: str) -> None:
        """From now on the group dies with this process, and all that carry the mark (see ``family``)."""
        self._tell(f"+ {group} {mark}\n")

    def release(self, group: int, mark: str) -> None:
        """The group is over."""
        if self._process is not None:
            self._tell(f"- {group} {mark}\n")

    def leave_a_will(self, words: Sequence[str]) -> None:
        """The command to run when this process dies without having taken it back (with no words)."""
        if words or self._process is not None:
            self._tell(f"! {shlex.join(words)}\n")

    def close(self) -> None:
        """Kill the groups that are still watched, and end."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            assert process.stdin is not None
            process.stdin.close()
            process.wait()

    def _tell(self, line: str) -> None:
        if os.name != "posix":
            return
        with self._lock:
            if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
                # A session of its own: Ctrl-C in the terminal must not reach it.
                self._process = subprocess.Popen(
                    ["/bin/sh", "-c", SCRIPT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                self._owner = os.getpid()
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


GUARDIAN = Guardian()
"""The one of this process."""

atexit.register(GUARDIAN.close)
