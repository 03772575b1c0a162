"""What others see of this process's environment: the block that it was started with, as ``/proc`` shows it.

A kernel's processes are found by a mark in that block, and setting a variable does not change it. So a fork writes
its own mark over the server's, which is as long.
"""

from __future__ import annotations

import ctypes

_START, _END = 50 - 3, 51 - 3
"""Where ``/proc/self/stat`` says where the block lies: the fields 50 and 51, of which the first two are cut off."""


def replace(name: str, old: str, new: str) -> None:
    """Write ``NAME=new`` over ``NAME=old``, where both are as long and the system says where that is."""
    was, is_now = f"\0{name}={old}\0".encode(), f"\0{name}={new}\0".encode()
    if len(was) != len(is_now) or was == is_now:
        return
    try:
        with open("/proc/self/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        start, end = int(words[_START]), int(words[_END])
    except (OSError, ValueError, IndexError):
        return
    if not 0 < start < end:
        return
    at = (b"\0" + ctypes.string_at(start, end - start)).find(was)
    if at >= 0:
        ctypes.memmove(start + at, is_now[1:], len(is_now) - 1)
