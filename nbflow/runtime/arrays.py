"""numpy arrays to ``.npy`` and back: written without a copy, mapped copy-on-write, exact or not at all.

It may import numpy only where an array is at hand or a ``.npy`` file is read. Read ``serializers.py`` for
when this format is chosen.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from . import pickles

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from .digests import Buffer
    from .sink import Sink

NUMBERS_AND_TEXT = frozenset("biufcmMSU")
"""Kinds of dtypes that ``.npy`` describes in one word."""

PIECE = 1024 * 1024
"""Elements of a scattered array that are gathered at a time."""


def is_plain_array(value: Any) -> bool:
    """Whether a value is a numpy array and no subclass of one."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is getattr(numpy, "ndarray", None)


def survives_npy(dtype: Any) -> bool:
    """Whether an array of this dtype comes back from ``.npy`` with exactly this dtype."""
    if dtype.hasobject or dtype.metadata or dtype.itemsize == 0:
        return False
    if dtype.names is None:
        return dtype.kind in NUMBERS_AND_TEXT and dtype.isbuiltin != 2 and dtype.subdtype is None
    return _survives_as_struct(dtype)


def _survives_as_struct(dtype: Any) -> bool:
    from numpy.lib import format as npy

    if dtype.isalignedstruct or any(len(field) > 2 for field in dtype.fields.values()):
        return False
    fields = [field[0].base for field in dtype.fields.values()]
    if not all(survives_npy(field) for field in fields):
        return False
    if sum(field[0].itemsize for field in dtype.fields.values()) != dtype.itemsize:
        return False  # padding between fields: its bytes are never set, so equal arrays would differ
    try:
        ",".join(dtype.names).encode("latin1")
        return bool(npy.descr_to_dtype(npy.dtype_to_descr(dtype)) == dtype)
    except Exception:  # what the format cannot describe does not survive it
        return False


def write_npy(array: Any, sink: Sink) -> None:
    """Write an array whose dtype survives, without holding a second copy of it."""
    from numpy.lib import format as npy

    header = io.BytesIO()
    described = npy.header_data_from_array_1_0(array)
    try:
        npy.write_array_header_1_0(header, described)
    except ValueError:  # a header of more than 64 KiB
        header = io.BytesIO()
        npy.write_array_header_2_0(header, described)
    sink.write(header.getvalue())
    for piece in raw_pieces(array):
        sink.write(piece)


def raw_pieces(array: Any) -> Iterator[Buffer]:
    """The bytes of an array's elements, in Fortran order for a Fortran array, else in C order."""
    import numpy

    if array.size == 0:
        return
    flat = array if array.flags.c_contiguous else array.T if array.flags.f_contiguous else None
    if flat is not None:
        yield flat.reshape(-1).view(numpy.uint8).data
        return
    chunks: Any = numpy.nditer(array, flags=["external_loop", "buffered", "zerosize_ok"], buffersize=PIECE, order="C")
    for chunk in chunks:
        yield chunk.tobytes("C")


def read_npy(path: str | os.PathLike[str]) -> Any:
    """The array, writable. A big file is mapped copy-on-write: the file never changes."""
    import numpy
    from numpy.lib import format as npy

    with open(path, "rb") as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        start = file.tell()
        if file.seek(0, 2) < pickles.MAPPED:
            file.seek(0)
            return npy.read_array(file, allow_pickle=False)
    count = 1
    for length in shape:
        count *= length
    flat = numpy.frombuffer(pickles.mapped(path), dtype, count, start)
    return flat.reshape(shape, order="F" if fortran else "C")
