"""Which browser the tests and the pictures of the documentation use, and how a bare Debian machine gets it.

``python -m tests.ui.browser.chromium`` finds one, or lets apt bring it where that may be done without asking anybody;
else it says the one command to run. No browser is downloaded by Playwright.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
INSTALL = (("apt-get", "update"), ("apt-get", "install", "-y", "--no-install-recommends", "chromium"))
ARGUMENTS = (
    "--no-sandbox",  # as root it would not start
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
)


def found(environ: Mapping[str, str] = os.environ) -> str | None:
    """The browser's path: what the variable names, else the first on the PATH."""
    if named := environ.get(VARIABLE):
        return shutil.which(named, path=environ.get("PATH"))
    return next(filter(None, (shutil.which(name, path=environ.get("PATH")) for name in NAMES)), None)


def advice(environ: Mapping[str, str] = os.environ) -> str:
    """What to do where there is none."""
    if named := environ.get(VARIABLE):
        return f"{VARIABLE} names {named}, and that is no program here. Name Chromium or Chrome, or unset it."
    if shutil.which("apt-get", path=environ.get("PATH")):
        command = " && ".join("sudo " + " ".join(words) for words in INSTALL)
        return f"The browser tests need Chromium. Run: {command}"
    return f"The browser tests need Chromium or Chrome. Install one, or name it: {VARIABLE}=/path/to/chrome make test"


def bring(environ: Mapping[str, str], root: bool, run: Callable[[Sequence[str]], int]) -> str:
    """An empty text where there is a browser now, else what to do."""
    if found(environ):
        return ""
    if root and not environ.get(VARIABLE) and shutil.which("apt-get", path=environ.get("PATH")):
        for words in INSTALL:
            if run(words):
                return f"This failed: {' '.join(words)}"
    return "" if found(environ) else advice(environ)


def _run(words: Sequence[str]) -> int:
    print("$ " + " ".join(words), flush=True)
    return subprocess.run(words, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}).returncode


if __name__ == "__main__":
    sys.exit(bring(os.environ, hasattr(os, "geteuid") and os.geteuid() == 0, _run) or None)
