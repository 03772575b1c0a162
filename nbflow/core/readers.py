"""Which calls read, list or write files, and which of their arguments says where: tables by the last words of a call.

They only say what a call looks like; whether its first name really is an import is for the check, which knows the
imports. Read ``outside`` for the place that asks, ``effects`` for calls that ask for other things.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from nbflow.core.words import words as words_in

_READERS = words_in("""
    open np.load numpy.load np.loadtxt np.genfromtxt np.fromfile np.memmap loadtxt genfromtxt
    torch.load jit.load joblib.load onnx.load nib.load librosa.load safe_open load_file
    open_dataset open_dataarray open_mfdataset open_zarr
    h5py.File netCDF4.Dataset io.loadmat loadmat loadarff cv2.imread plt.imread imread Image.open io.imread
    imageio.imread sf.read wavfile.read dcmread load_workbook load_model pd.ExcelFile pd.HDFStore ExcelFile HDFStore
    ParquetFile ParquetDataset fits.open rasterio.open fiona.open gzip.open bz2.open lzma.open zipfile.ZipFile
    tarfile.open codecs.open io.open ZipFile
    """)
_NOT_READERS = words_in(
    "read_clipboard read_sql read_sql_query read_sql_table read_gbq read_database read_database_uri"
)
_LISTINGS = words_in("glob iglob listdir scandir walk")
_METHODS = words_in("read_text read_bytes")
"""Methods of a path that read it, whatever else there is."""
_MAYBE_METHODS = words_in("open glob rglob iterdir")
"""Methods that other things than paths have, too."""

_WRITERS = words_in("""
    to_csv to_parquet to_pickle to_json to_excel to_feather to_hdf to_stata to_html to_latex to_markdown to_netcdf
    to_zarr to_file write_parquet write_csv write_ipc write_json write_ndjson write_excel sink_parquet sink_csv savefig
    write_html write_image np.save np.savez np.savez_compressed np.savetxt cv2.imwrite imwrite plt.imsave imsave
    """)
_WRITES_SECOND = words_in("joblib.dump torch.save pq.write_table urlretrieve request.urlretrieve")
_WRITING_METHODS = words_in("write_text write_bytes")
_FIRST_LOOK = frozenset(
    key.rpartition(".")[2]
    for key in (*_READERS, *_LISTINGS, *_METHODS, *_MAYBE_METHODS, *_WRITERS, *_WRITES_SECOND, *_WRITING_METHODS)
)
_PATH_KEYWORDS = words_in(
    "filepath_or_buffer path_or_buf path io file filename fname source filepath paths path_or_handle"
)


class FileCall(NamedTuple):
    """One thing that a call does with a file."""

    kind: Literal["reader", "writer"]
    path: ast.expr | None
    """What names it."""
    listing: bool = False
    """Whether the call as a whole tells: ``D.glob("*.csv")``."""
    method: bool = False
    """Whether it is a method of the path."""
    doubtful: bool = False
    """Whether other things than paths have such a method."""


def may_touch_files(word: str) -> bool:
    """A quick first look at the last word of a call."""
    return word in _FIRST_LOOK or word.startswith(("read_", "scan_"))


def file_calls(words: Sequence[str], node: ast.Call) -> Iterator[FileCall]:
    """What a call of these dotted words reads or writes."""
    word, pair, func = words[-1], ".".join(words[-2:]), node.func
    if isinstance(func, ast.Attribute):
        if word in _METHODS and not node.args:
            yield FileCall("reader", func.value, method=True)
            return
        if word in _WRITING_METHODS:
            yield FileCall("writer", func.value, method=True)
            return
        if word in _MAYBE_METHODS:
            writes = word == "open" and _only_writes(_mode(node, 0))
            yield FileCall("writer" if writes else "reader", func.value, word != "open", method=True, doubtful=True)
    if word in _LISTINGS and (words[-2:-1] or ["glob"]) in (["glob"], ["os"]):
        yield FileCall("reader", None, listing=True)
    elif pair in _WRITES_SECOND:
        yield FileCall("writer", node.args[1] if len(node.args) > 1 else None)
    elif word in _WRITERS or pair in _WRITERS:
        yield FileCall("writer", _argument(node))
    elif word in _READERS or pair in _READERS:
        writes = word in ("open", "ZipFile", "File", "HDFStore") and _only_writes(_mode(node, 1))
        yield FileCall("writer" if writes else "reader", _argument(node))
    elif word.startswith(("read_", "scan_")) and word not in _NOT_READERS and len(words) > 1 and word not in _METHODS:
        yield FileCall("reader", _argument(node))


def _argument(node: ast.Call) -> ast.expr | None:
    if node.args:
        return node.args[0]
    return next((k.value for k in node.keywords if k.arg in _PATH_KEYWORDS), None)


def _mode(node: ast.Call, at: int) -> ast.expr | None:
    return node.args[at] if len(node.args) > at else next((k.value for k in node.keywords if k.arg == "mode"), None)


def _only_writes(mode: ast.expr | None) -> bool:
    """Whether a literal mode says that nothing is read: ``open(p, "w")``."""
    if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
        return False
    return bool(set(mode.value) & {"w", "a", "x"}) and not set(mode.value) & {"r", "+"}
