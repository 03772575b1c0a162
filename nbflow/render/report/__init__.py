"""The report of a run: one HTML file that needs nothing beside itself, for the browser, the mail and the archive.

``page`` puts it together: the renderer of ``static/view.js`` with the run's view, and below it the same as plain tables
that work without scripts, then what the cells of each step showed. ``outputs`` makes those static, ``sanitized`` keeps
of somebody's HTML what a page can hold without running or loading anything. Nothing here reads a notebook.
"""

from nbflow.render.report.outputs import ShownCell
from nbflow.render.report.page import page

__all__ = ["ShownCell", "page"]
