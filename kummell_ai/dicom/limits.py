"""How large a film may be; checked before anything is inflated or decoded."""

from __future__ import annotations

import struct
import zlib

from PIL import Image
from pydicom.errors import BytesLengthException, InvalidDicomError

MAX_FILE_BYTES = 1 << 30
"""1 GiB; the largest uncompressed long film is below 100 MB."""

MAX_INFLATED_BYTES = 1 << 29
"""512 MiB for the inflated data set of a deflated file."""

MAX_PIXELS = 64_000_000
"""Rows x columns of one frame; a stitched whole-spine film at 0.1 mm has 40 million."""

MAX_TOTAL_PIXELS = 4_000_000_000
"""Rows x columns x frames that a header may promise."""

DAMAGE: tuple[type[Exception], ...] = (
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    EOFError,
    OSError,
    LookupError,
    SyntaxError,
    struct.error,
    zlib.error,
    BytesLengthException,
    InvalidDicomError,
    Image.DecompressionBombError,
)
"""What pydicom, Pillow and the codecs raise on damaged files; their callers turn these into `InputError`.

No `MemoryError`: a size that no film has is refused before anything of it is decoded, so that one tells of the memory.
"""
