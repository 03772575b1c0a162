"""Everything between an ``.ipynb`` file and the rest of nbflow: cells in, slices and stitched copies out.

``reading`` turns a file into cells, ``slices`` makes the notebook that one step runs, ``showing`` keeps what its cells
showed, ``stitching`` puts that back into a copy of the person's notebook, ``fixing`` changes single lines of a file and
leaves every other byte alone. Nothing here runs a cell. Notebooks are plain JSON values (``Raw``); nbformat is loaded
only to convert old files. Read ``reading`` next.
"""

from nbflow.notebook.fixing import LineEdit, edited, replace_lines
from nbflow.notebook.injecting import INJECTED, injected_source
from nbflow.notebook.reading import Raw, check_source, find_notebooks, name_from, parse, raw_from, read, read_raw
from nbflow.notebook.showing import gather, places, replay, shown_from_executed
from nbflow.notebook.slices import INTERNAL_TAG, build_slice, tidy_slice
from nbflow.notebook.stitching import stitch
from nbflow.notebook.writing import write_json

__all__ = [
    "INJECTED",
    "INTERNAL_TAG",
    "LineEdit",
    "Raw",
    "build_slice",
    "check_source",
    "edited",
    "find_notebooks",
    "gather",
    "injected_source",
    "name_from",
    "parse",
    "places",
    "raw_from",
    "read",
    "read_raw",
    "replace_lines",
    "replay",
    "shown_from_executed",
    "stitch",
    "tidy_slice",
    "write_json",
]
