"""Pixel decoding with one named decoder for each transfer syntax.

pydicom's ``pixel_array`` tries every decoder until one answers, which ends at the most lenient: on damaged JPEG-LS
streams that one returns wrong pixels instead of an error. Here each syntax has one decoder, and the codestream's own
size and end marker are checked before it runs.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import get_expected_length

from kummell_ai.errors import InputError

NATIVE: frozenset[str] = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
    }
)

_JPEG, _JPEG_2000, _RLE = "jpeg", "j2k", "rle"

DECODERS: dict[str, tuple[str, str]] = {
    uid.RLELossless: ("pydicom", _RLE),
    uid.JPEGBaseline8Bit: ("pillow", _JPEG),
    uid.JPEGExtended12Bit: ("pillow", _JPEG),
    uid.JPEGLossless: ("gdcm", _JPEG),
    uid.JPEGLosslessSV1: ("gdcm", _JPEG),
    uid.JPEGLSLossless: ("pyjpegls", _JPEG),
    uid.JPEGLSNearLossless: ("pyjpegls", _JPEG),
    uid.JPEG2000Lossless: ("pylibjpeg", _JPEG_2000),
    uid.JPEG2000: ("pylibjpeg", _JPEG_2000),
    uid.HTJ2KLossless: ("pylibjpeg", _JPEG_2000),
    uid.HTJ2KLosslessRPCL: ("pylibjpeg", _JPEG_2000),
    uid.HTJ2K: ("pylibjpeg", _JPEG_2000),
}
"""Transfer syntax -> (decoder, kind of codestream).

pydicom's own RLE decoder is chosen because pylibjpeg-rle leaves Python's exceptions (a Rust panic) on damaged data.
"""

_OVERLAY_GROUPS, _OVERLAY_BIT_POSITION = range(0x6000, 0x6020, 2), 0x0102
_SCAN = 0xDA
_END_MARKER = b"\xff\xd9"
_MAX_PADDING = 16
"""Bytes at the end in which the marker must lie; real files pad with 0x00 or 0xFF."""


def decode_frame(dataset: Dataset, index: int, name: str) -> NDArray[Any]:
    """Stored values (H, W) or (H, W, 3) of frame ``index`` (0-based), before any LUT.

    Raises:
        InputError: the transfer syntax is not supported, or the codestream is damaged or of another size.
    """
    stored = int(dataset.BitsStored)
    if (high := int(dataset.get("HighBit", stored - 1))) != stored - 1:
        text = (
            f"HighBit is {high} with BitsStored {stored}; {stored - 1} is expected: convert it, as with gdcmconv --raw"
        )
        raise InputError(f"{name}: {text}", high)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    options: dict[str, Any] = {}
    if syntax in NATIVE:
        _check_native_length(dataset, name)
    else:
        plugin, kind = _decoder_of(dataset, syntax, name)
        frames = int(dataset.get("NumberOfFrames") or 1)
        _check_codestream(get_frame(dataset.PixelData, index, number_of_frames=frames), kind, dataset, name)
        options["decoding_plugin"] = plugin
        if plugin == "gdcm":
            _silence_gdcm()
    array, _ = get_decoder(uid.UID(syntax)).as_array(dataset, index=index, **options)
    if array.shape[:2] != (dataset.Rows, dataset.Columns):
        raise InputError(
            f"{name}: decoded size {array.shape[:2]} differs from Rows and Columns; the file is damaged", name
        )
    return np.asarray(array)


def unused_bits_notes(dataset: Dataset, index: int) -> tuple[str, ...]:
    """A note where frame ``index`` (0-based) of uncompressed pixels has bits set above BitsStored, which are cut off.

    Overlays that are stored there (OverlayBitPosition) and the sign of negative values explain them.
    """
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if str(dataset.file_meta.TransferSyntaxUID) not in NATIVE or allocated not in (8, 16, 32) or stored >= allocated:
        return ()
    planes = (dataset.get((group, _OVERLAY_BIT_POSITION)) for group in _OVERLAY_GROUPS)
    if int(dataset.SamplesPerPixel) != 1 or any(plane and int(plane.value or 0) >= stored for plane in planes):
        return ()
    order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
    size = int(dataset.Rows) * int(dataset.Columns)
    values = np.frombuffer(dataset.PixelData, f"{order}u{allocated // 8}", size, index * size * allocated // 8)
    above = np.array(-1 << stored).astype(values.dtype)
    if not np.bitwise_or.reduce(values) & above:
        return ()
    if int(dataset.PixelRepresentation) == 1:
        negative = (values >> (stored - 1)) & 1 == 1
        if not ((values & above) != np.where(negative, above, 0)).any():
            return ()
    return (
        f"Pixels have bits set above BitsStored {stored}, which are cut off; grey values may be wrong: check them.",
    )


def _check_native_length(dataset: Dataset, name: str) -> None:
    """Refuse pixel data that a header with too few rows, columns or frames would cut or shear.

    Too short a one is told by the decoder; a pad byte and a few zeros are usual.
    """
    expected = get_expected_length(dataset)
    excess = dataset.PixelData[expected:]
    if len(excess) > 1 and (len(excess) >= _MAX_PADDING or any(excess)):
        raise InputError(
            f"{name}: the pixel data has {len(dataset.PixelData)} bytes, {expected} are expected of {dataset.Rows} x "
            f"{dataset.Columns} px; the header is damaged, export the film again",
            len(dataset.PixelData),
        )


def _decoder_of(dataset: Dataset, syntax: str, name: str) -> tuple[str, str]:
    if syntax not in DECODERS:
        raise InputError(
            f"{name}: transfer syntax {uid.UID(syntax).name} is not supported; convert the file, for example with "
            "gdcmconv --raw",
            syntax,
        )
    if syntax == uid.JPEGExtended12Bit and int(dataset.BitsStored) > 8:
        raise InputError(
            f"{name}: 12-bit JPEG Extended is not supported; convert the file with dcmdjpeg, or install "
            "pylibjpeg-libjpeg (GPLv3) and convert it with pydicom",
            syntax,
        )
    return DECODERS[syntax]


def _silence_gdcm() -> None:
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()


def _check_codestream(data: bytes, kind: str, dataset: Dataset, name: str) -> None:
    if kind == _RLE:
        _check_rle(data, dataset, name)
        return
    body = data.rstrip(b"\x00")
    if body.rfind(_END_MARKER, max(0, len(body) - _MAX_PADDING)) < 0:
        raise InputError(f"{name}: the compressed picture has no end marker; the file is truncated, export it again")
    size = _jpeg_size(data, int(dataset.BitsAllocated)) if kind == _JPEG else _jpeg_2000_size(data)
    if size is None:
        raise InputError(f"{name}: the compressed picture has no readable header; the file is damaged")
    rows, columns, samples = size
    if (rows, columns, samples) != (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel):
        raise InputError(
            f"{name}: the compressed picture is {rows} x {columns} x {samples}, the header says {dataset.Rows} x "
            f"{dataset.Columns} x {dataset.SamplesPerPixel}; the file is damaged",
            size,
        )


def _check_rle(data: bytes, dataset: Dataset, name: str) -> None:
    segments = struct.unpack("<L", data[:4])[0] if len(data) >= 64 else -1
    expected = int(dataset.BitsAllocated) // 8 * int(dataset.SamplesPerPixel)
    if segments != expected:
        raise InputError(
            f"{name}: the RLE header names {segments} segments, expected {expected}; the file is damaged", segments
        )


def _jpeg_size(data: bytes, bits_allocated: int) -> tuple[int, int, int] | None:
    """(rows, columns, components) of a JPEG or JPEG-LS codestream; None when its segments are not sound.

    All segments up to the scan are walked: the lossless decoder ends the process on some damaged headers instead of
    raising, so they must not reach it.
    """
    size: tuple[int, int, int] | None = None
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        segment = data[position + 4 : position + 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]]
        if marker == _SCAN:
            return size if size is not None and segment[:1] == bytes([size[2]]) else None
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            if size is not None:
                return None
            size = _frame_size(segment, bits_allocated)
        position += 4 + len(segment)
    return None


def _frame_size(segment: bytes, bits_allocated: int) -> tuple[int, int, int] | None:
    """(rows, columns, components) of a JPEG frame header; None with an impossible precision or sampling factor."""
    if len(segment) < 9:
        return None
    precision, rows, columns, components = struct.unpack(">BHHB", segment[:6])
    sampling = segment[7 : 6 + 3 * components : 3]
    possible = all(1 <= factor >> 4 <= 4 and 1 <= factor & 15 <= 4 for factor in sampling)
    if not possible or not 2 <= precision <= bits_allocated or len(segment) != 6 + 3 * components:
        return None
    return rows, columns, components


def _jpeg_2000_size(data: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, components) of a JPEG 2000 codestream, or None."""
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(data) < start + 42:
        return None
    width, height, x0, y0 = struct.unpack(">LLLL", data[start + 8 : start + 24])
    components = struct.unpack(">H", data[start + 40 : start + 42])[0]
    return height - y0, width - x0, components
