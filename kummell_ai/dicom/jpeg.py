"""JPEG codestreams: their size, and whether a picture accounts for each bit of the scan that it was decoded from.

The decoders go on where a scan is damaged, with wrong pixels from there on. Huffman codes fall back into step after a
damage, so that a scan often stays readable; then it has bits too many or too few for its picture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

END_MARKER = b"\xff\xd9"

_SCAN, _END, _HUFFMAN_TABLES, _RESTART_INTERVAL = 0xDA, 0xD9, 0xC4, 0xDD
_HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)
"""Frames of 8 bits with Huffman codes: baseline, extended, progressive."""
_LOSSLESS_FRAME = 0xC3
_FRAME_MARKERS = frozenset({0xF7, *range(0xC0, 0xD0)} - {_HUFFMAN_TABLES, 0xC8, 0xCC})

_BEHIND_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]", re.DOTALL)
"""A marker that ends a scan: neither a stuffed 0xFF of its data nor a restart."""

_EXCESS = re.compile(r"Corrupt JPEG data: \d+ extraneous bytes before marker 0xd9")

_SPARE_BITS = 16
"""So many or more behind the last pixel are no padding: 7 fill the last byte, and some programs add one."""

_ROWS_AT_ONCE = 256
_UNCODED = 1 << 20
"""Bits of a difference that the Huffman table has no code for; more than a scan of that pixel can have."""

LIBRARY_COMPLAINT = re.compile(
    r"(?:Corrupt JPEG data: (?:premature end of data segment|bad (?:Huffman|arithmetic) code"
    r"|\d+ extraneous bytes before marker 0x[0-9a-f]{2}|found marker 0x[0-9a-f]{2} instead of RST\d+)"
    r"|Premature end of (?:JPEG file|input file)|Unsupported marker type 0x[0-9a-f]{2}"
    r"|Unsupported JPEG process: SOF type 0x[0-9a-f]{2}|Bogus [A-Za-z ]+"
    r"|(?:Huffman|Quantization) table 0x[0-9a-f]{2} was not defined|Inconsistent progression sequence[^\n]*"
    r"|Invalid (?:progressive|lossless|JPEG) [^\n]*|Didn't expect more than one scan)"
)
"""What libjpeg, also the one inside gdcm, says of a damaged stream."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """One segment: marker, content, and where what stands behind it, such as the data of a scan, begins (bytes)."""

    marker: int
    content: bytes
    start: int


def jpeg_size(data: bytes, bits_allocated: int) -> tuple[int, int, int] | None:
    """(rows, columns, components) of a JPEG or JPEG-LS codestream; None when its segments are not sound.

    All segments up to the scan are walked: the lossless decoder ends the process on some damaged headers instead of
    raising, so they must not reach it.
    """
    size: tuple[int, int, int] | None = None
    for segment in _segments(data):
        if segment.marker == _SCAN:
            return size if size is not None and segment.content[:1] == bytes([size[2]]) else None
        if segment.marker in _FRAME_MARKERS:
            if size is not None:
                return None
            size = _frame_size(segment.content, bits_allocated)
    return None


def jpeg_damage(data: bytes) -> str | None:
    """What is wrong with a JPEG stream of 8 bits, in libjpeg's words; None when it is sound, or of another kind.

    Zeros in front of the end marker are padding where the picture does without them.
    """
    segments = list(_segments(data))
    scans = [segment for segment in segments if segment.marker == _SCAN]
    if not scans or not any(segment.marker in _HUFFMAN_FRAMES for segment in segments):
        return None
    start = scans[-1].start
    end = _end_of_scan(data, start)
    kept, rest = start + len(data[start:end].rstrip(b"\x00")), data[end:]
    said = _libjpeg_says(data)
    if said is not None and _EXCESS.match(said) and kept < end:
        one_zero = _libjpeg_says(data[: kept + 1] + rest)  # which may be the last byte of the scan
        said = one_zero and _libjpeg_says(data[:kept] + rest)
    if said is not None:
        return said if LIBRARY_COMPLAINT.match(said) else None
    if _libjpeg_says(data[: max(start, kept - 1)] + rest) is None:
        return "the picture is whole without the end of its scan"
    return None


def lossless_damage(data: bytes, pixels: NDArray[Any]) -> str | None:
    """Why ``pixels`` (H, W) cannot be what a JPEG Lossless stream holds; None when they can, or it cannot be told.

    The code has one way to write a picture, so that the number of bits must agree: a scan that was damaged leaves some
    over, or has values that no pixel of the film can have and that were cut to its bits.
    """
    segments = list(_segments(data))
    scans = [segment for segment in segments if segment.marker == _SCAN]
    frames = [segment.content for segment in segments if segment.marker in _FRAME_MARKERS]
    restarts = any(segment.marker == _RESTART_INTERVAL and any(segment.content) for segment in segments)
    is_lossless = any(segment.marker == _LOSSLESS_FRAME for segment in segments)
    if not is_lossless or len(scans) != 1 or len(frames) != 1 or restarts:
        return None
    header, start = scans[0].content, scans[0].start
    if header[0] != 1 or (lengths := _code_lengths(segments, header[2] >> 4)) is None:
        return None
    needed = _bits_of(pixels, frames[0][0], header[3], header[5] & 15, lengths)
    body = data[start : _end_of_scan(data, start)]
    left = 8 * (len(body) - body.count(b"\xff\x00")) - needed
    return None if 0 <= left < _SPARE_BITS else "its scan does not have the length of its picture"


def _segments(data: bytes) -> Iterator[_Segment]:
    """Each segment up to the end marker; the data of a scan is stepped over."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == _END:
            return
        content = data[position + 4 : position + 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]]
        position += 4 + len(content)
        yield _Segment(marker, content, position)
        if marker == _SCAN:
            position = _end_of_scan(data, position)


def _end_of_scan(data: bytes, start: int) -> int:
    found = _BEHIND_SCAN.search(data, start)
    return len(data) if found is None else found.start()


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


def _libjpeg_says(data: bytes) -> str | None:
    """The first complaint about ``data``, or None."""
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)
    except ValueError as error:
        return str(error)
    return None


def _code_lengths(segments: list[_Segment], table: int) -> NDArray[np.int64] | None:
    """(17,) bits of the code of each category of differences in Huffman table ``table``; None when it is not there."""
    found = None
    for rest in (segment.content for segment in segments if segment.marker == _HUFFMAN_TABLES):
        while len(rest) >= 17:
            counts = np.frombuffer(rest[1:17], np.uint8)
            symbols = np.frombuffer(rest[17 : 17 + int(counts.sum())], np.uint8)
            if rest[0] == table and len(symbols) == counts.sum() and not (symbols > 16).any():
                found = np.full(17, _UNCODED, np.int64)
                found[symbols] = np.repeat(np.arange(1, 17), counts)
            rest = rest[17 + len(symbols) :]
    return found


def _bits_of(pixels: NDArray[Any], precision: int, predictor: int, shift: int, lengths: NDArray[np.int64]) -> int:
    """Bits that a scan of ``pixels`` has (ITU T.81, annex H): code and further bits of each difference."""
    differences = np.arange(1 << 16)
    category = np.frexp(np.where(differences > 1 << 15, (1 << 16) - differences, differences))[1]
    bits = lengths[category] + np.where(category == 16, 0, category)
    count = np.zeros(1 << 16, np.int64)
    for top in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = pixels[max(0, top - 1) : top + _ROWS_AT_ONCE].astype(np.int32)
        rows = (rows & ((1 << precision) - 1)) >> shift
        predicted = _predicted(rows, predictor, 1 << (precision - shift - 1))
        found = ((rows - predicted)[min(top, 1) :] & 0xFFFF).ravel()
        count += np.bincount(found, minlength=1 << 16)
    return int(count @ bits)


def _predicted(rows: NDArray[np.int32], predictor: int, start: int) -> NDArray[np.int32]:
    """What each pixel is predicted by; ``start`` is the value for the first one of the film (table H.1)."""
    out = np.empty_like(rows)
    out[0, 0] = start
    out[0, 1:], out[1:, 0] = rows[0, :-1], rows[:-1, 0]
    left, above, corner = rows[1:, :-1], rows[:-1, 1:], rows[:-1, :-1]
    ways: dict[int, Callable[[], NDArray[np.int32]]] = {
        2: lambda: above,
        3: lambda: corner,
        4: lambda: left + above - corner,
        5: lambda: left + ((above - corner) >> 1),
        6: lambda: above + ((left - corner) >> 1),
        7: lambda: (left + above) >> 1,
    }
    out[1:, 1:] = ways[predictor]() if predictor in ways else left
    return out
