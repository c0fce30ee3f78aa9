"""Pixel decoding with one named decoder for each transfer syntax.

pydicom's ``pixel_array`` tries every decoder until one answers, which ends at the most lenient: on damaged JPEG-LS
streams that one returns wrong pixels instead of an error. Here each syntax has one decoder, and the codestream's own
size and end marker are checked before it runs. Most decoders give wrong pixels where the rest of a stream is damaged:
what they say meanwhile counts, and whether the picture accounts for the whole stream.
"""

from __future__ import annotations

import re
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import get_expected_length

from kummell_ai.dicom.jpeg import END_MARKER, LIBRARY_COMPLAINT, jpeg_damage, jpeg_size, lossless_damage
from kummell_ai.dicom.library_text import with_library_text
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
_RLE_EXCESS = "non-conformant padding"
"""In pydicom's warning of a segment with more bytes than there are pixels."""

_MAX_PADDING = 16
"""Bytes at the end in which the marker must lie; real files pad with 0x00 or 0xFF."""


def decode_frame(dataset: Dataset, index: int, name: str) -> NDArray[Any]:
    """Stored values (H, W) or (H, W, 3) of frame ``index`` (0-based), before any LUT.

    Raises:
        InputError: the transfer syntax is not supported, or the codestream is damaged or of another size.
    """
    _check_bits(dataset, name)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax in NATIVE:
        _check_native_length(dataset, name)
        array, _ = get_decoder(uid.UID(syntax)).as_array(dataset, index=index)
    else:
        array = _decompressed(dataset, index, syntax, name)
    if array.shape[:2] != (dataset.Rows, dataset.Columns):
        raise InputError(
            f"{name}: decoded size {array.shape[:2]} differs from Rows and Columns; the file is damaged", name
        )
    return np.asarray(array)


def _decompressed(dataset: Dataset, index: int, syntax: str, name: str) -> NDArray[Any]:
    plugin, kind = _decoder_of(dataset, syntax, name)
    stream = get_frame(dataset.PixelData, index, number_of_frames=int(dataset.get("NumberOfFrames") or 1))
    _check_codestream(stream, kind, dataset, name)
    said: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            array, said = _decode(dataset, index, syntax, plugin)
        except RuntimeError as error:
            raise InputError(
                f"{name}: the compressed picture cannot be read ({_reason(str(error))}); the file is damaged, export "
                "it again"
            ) from error
    if said or array is None:
        raise _damaged(name, said[0] if said else "no picture comes out")
    excess = any(_RLE_EXCESS in str(warning.message) for warning in warned)
    damage = _rle_excess(stream, dataset) if excess else _damage(stream, array, plugin, dataset)
    if damage is not None:
        raise _damaged(name, damage)
    return array


def _decode(dataset: Dataset, index: int, syntax: str, plugin: str) -> tuple[NDArray[Any] | None, list[str]]:
    """The pixels, and what gdcm says of the damage on its way past Python."""
    decoder = get_decoder(uid.UID(syntax))
    if plugin != "gdcm":
        return decoder.as_array(dataset, index=index, decoding_plugin=plugin)[0], []
    _silence_gdcm()
    return with_library_text(
        lambda: np.asarray(decoder.as_array(dataset, index=index, decoding_plugin=plugin)[0]), LIBRARY_COMPLAINT
    )


def _damage(stream: bytes, array: NDArray[Any], plugin: str, dataset: Dataset) -> str | None:
    """Why the picture cannot be what the stream holds, or None."""
    if plugin == "pillow":
        return jpeg_damage(stream)
    is_cut = any(int(plane.value or 0) > 0 for plane in _overlay_positions(dataset))
    signed = int(dataset.PixelRepresentation) == 1
    if plugin == "gdcm" and array.ndim == 2 and not is_cut and not signed:
        return lossless_damage(stream, array)
    return None


def _damaged(name: str, reason: str) -> InputError:
    return InputError(
        f"{name}: the compressed picture is damaged ({reason}) and would show wrong pixels; copy or export the file "
        "again",
        reason,
    )


def _reason(said: str) -> str:
    """What the decoder says, without pydicom's words before it, which name every decoder there is."""
    last = " ".join(said.rpartition("\n")[2].split()).partition(": ")[2] or said
    if "NoneType" in last:
        return "no picture comes out"
    return re.sub(r" <[^>]*>", "", last)[:160]


def unused_bits_notes(dataset: Dataset, index: int) -> tuple[str, ...]:
    """A note where frame ``index`` (0-based) of uncompressed pixels has bits set above BitsStored, which are cut off.

    Overlays that are stored there (OverlayBitPosition) and the sign of negative values explain them.
    """
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if str(dataset.file_meta.TransferSyntaxUID) not in NATIVE or allocated not in (8, 16, 32) or stored >= allocated:
        return ()
    overlaid = any(int(plane.value or 0) >= stored for plane in _overlay_positions(dataset))
    if int(dataset.SamplesPerPixel) != 1 or overlaid:
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


def _overlay_positions(dataset: Dataset) -> list[DataElement]:
    """OverlayBitPosition of each overlay that has one; above 0 it is stored among the bits of the pixels."""
    planes = (dataset.get((group, _OVERLAY_BIT_POSITION)) for group in _OVERLAY_GROUPS)
    return [plane for plane in planes if plane]


def _check_bits(dataset: Dataset, name: str) -> None:
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if not 1 <= stored <= allocated:
        raise InputError(
            f"{name}: BitsStored is {stored} with BitsAllocated {allocated}; 1 to {allocated} is expected: the header "
            "is damaged, export the film again",
            stored,
        )
    if (high := int(dataset.get("HighBit", stored - 1))) != stored - 1:
        text = (
            f"HighBit is {high} with BitsStored {stored}; {stored - 1} is expected: convert it, as with gdcmconv --raw"
        )
        raise InputError(f"{name}: {text}", high)


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
    if body.rfind(END_MARKER, max(0, len(body) - _MAX_PADDING)) < 0:
        raise InputError(f"{name}: the compressed picture has no end marker; the file is truncated, export it again")
    size = jpeg_size(data, int(dataset.BitsAllocated)) if kind == _JPEG else _jpeg_2000_size(data)
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


def _rle_excess(stream: bytes, dataset: Dataset) -> str | None:
    """What is wrong with segments that hold more bytes than there are pixels; None where only zeros pad them."""
    count, *starts = struct.unpack("<16L", stream[:64])
    ends = [*starts[1:count], len(stream)]
    size = int(dataset.Rows) * int(dataset.Columns)
    for start, end in zip(starts[:count], ends, strict=True):
        segment = stream[start:end]
        excess = _rle_length(segment) - size
        if excess > 0 and any(segment[-2 * excess :]):  # two zeros stand for one
            return f"a segment holds {size + excess} bytes, {size} are expected"
    return None


def _rle_length(segment: bytes) -> int:
    """How many bytes a run-length coded segment stands for."""
    total, at = 0, 0
    while at < len(segment):
        head = segment[at]
        if head < 128:
            total += min(head + 1, len(segment) - at - 1)
            at += head + 2
        else:
            total += 257 - head if head > 128 and at + 1 < len(segment) else 0
            at += 2 if head > 128 else 1
    return total


def _jpeg_2000_size(data: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, components) of a JPEG 2000 codestream, or None."""
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(data) < start + 42:
        return None
    width, height, x0, y0 = struct.unpack(">LLLL", data[start + 8 : start + 24])
    components = struct.unpack(">H", data[start + 40 : start + 42])[0]
    return height - y0, width - x0, components
