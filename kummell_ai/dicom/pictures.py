"""Films as PNG, JPEG or TIFF."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from kummell_ai.dicom.container import damage_is_input_error
from kummell_ai.dicom.jpeg import jpeg_damage
from kummell_ai.dicom.library_text import with_library_text
from kummell_ai.dicom.limits import MAX_PIXELS
from kummell_ai.dicom.spacing import given_spacing
from kummell_ai.errors import InputError
from kummell_ai.imaging.intensity import GreyArray, robust_window
from kummell_ai.imaging.names import printable
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing

FORMATS = ("PNG", "JPEG", "TIFF")

COLOUR_DIFFERENCE = 24
"""Grey levels of 256 between the channels of one pixel; JPEG noise on a grey film stays below."""

COLOUR_SHARE = 0.0005
"""More coloured pixels than this, and the picture is a screenshot or photograph."""

_TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*")
_BIG_TIFF_SIGNATURES = (b"II+\x00", b"MM\x00+")
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", *_TIFF_SIGNATURES, *_BIG_TIFF_SIGNATURES)
_TIFF_PHOTOMETRIC = 262
_TIFF_COMPRESSION, _TIFF_JPEG, _TIFF_JPEG_TABLES = 259, 7, 347
_TIFF_PARTS = ((273, 279), (324, 325))
"""Tags of where strips and tiles begin, and of their sizes (bytes)."""
_LIBTIFF_LINE = re.compile(
    r"(?:tempfile\.tif|JPEGLib|(?:LZW|ZIP|LZMA|ZSTD|Fax|Thunder|PackBits|PixarLog|LogLuv|Dump)[A-Za-z0-9]*"
    r"|EstimateStripByteCounts|_?TIFF[A-Z][A-Za-z0-9]*): [^\n]*"
)
"""An error of libtiff, which Pillow lets through to the terminal; it keeps the warnings back."""
_ORIENTATION = 274
_EXIF_MIRROR, _EXIF_TURNS = 2, range(3, 9)


def looks_like_picture(head: bytes) -> bool:
    """Whether a file that starts with ``head`` is PNG, JPEG or TIFF."""
    return head.startswith(_SIGNATURES)


def read_picture(
    data: bytes, path: Path, spacing_mm: tuple[float, float] | None, frame: int | None
) -> tuple[GreyArray, PixelSpacing, ImageReference, tuple[str, ...]]:
    """Pixels, pixel size, reference and notes of a picture file; bone is taken to be bright, as in any viewer.

    Raises:
        InputError: damaged, in colour, turned by viewers, too large, or with several pages and no ``frame``.
    """
    name = printable(path.name)
    with damage_is_input_error(name, "the picture"):
        picture = _open(data, name)
        _check_size(picture, name)
        page = _seek(picture, frame, name)
        _check_size(picture, name)  # pages differ
        notes, was_mirrored = _load(picture, name)
        _check_jpeg(picture, data, name)
        pixels = _grey(picture, name)
    if was_mirrored:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    if spacing_mm is None:
        notes += ("A picture file has no pixel spacing; heights in mm need it: pass --spacing ROW COLUMN.",)
    digest = hashlib.sha256(data).hexdigest()
    reference = ImageReference(name=name, path=printable(str(path)), sha256=digest, frame_number=page)
    return pixels, given_spacing(spacing_mm), reference, notes


def _open(data: bytes, name: str) -> Image.Image:
    if data.startswith(_BIG_TIFF_SIGNATURES):
        raise InputError(f"{name}: a BigTIFF file, TIFF is expected; save the film as plain TIFF or greyscale PNG")
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:  # Pillow's own limit is above this program's
        raise InputError(f"{name}: the picture has more than {MAX_PIXELS} px; scale the film down") from error
    except UnidentifiedImageError as error:  # its text is of no use to a reader, and sound files of odd kinds raise it
        kind = "TIFF" if data.startswith(_TIFF_SIGNATURES) else "picture"
        raise InputError(
            f"{name}: a {kind} of a kind that is not supported, or damaged; save the film as greyscale PNG, or as TIFF "
            "of 8 or 16 bits"
        ) from error


def _check_size(picture: Image.Image, name: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise InputError(
            f"{name}: {picture.width} x {picture.height} px is more than {MAX_PIXELS} px; scale the film down",
            picture.size,
        )


def _seek(picture: Image.Image, frame: int | None, name: str) -> int | None:
    pages = int(getattr(picture, "n_frames", 1))
    if pages == 1 and frame in (None, 1):
        return None
    if frame is None:
        raise InputError(
            f"{name}: the file has {pages} pages; name one with --frame 1 to {pages} where it is given alone, "
            "or save the page as a film of its own",
            pages,
        )
    if not 1 <= frame <= pages:
        raise no_such_frame(name, "page", frame, pages)
    picture.seek(frame - 1)
    return frame


def no_such_frame(name: str, kind: str, frame: int, frames: int) -> InputError:
    """The error about a ``frame`` (1-based) that a file of so many ``frames`` does not have; ``kind`` is their word."""
    if frames == 1:
        return InputError(f"{name}: {kind} {frame} does not exist, the file has one {kind}; leave --frame out", frame)
    return InputError(f"{name}: {kind} {frame} does not exist; give --frame 1 to {frames}", frame)


def _load(picture: Image.Image, name: str) -> tuple[tuple[str, ...], bool]:
    """Load the page at hand; returns the notes of `_turn_notes` and whether Pillow has mirrored the stored rows.

    It turns a TIFF while it loads it and drops the mark, which is therefore read before. The mark of a PNG may stand
    behind its pixels.
    """
    if picture.format != "TIFF":
        picture.load()
        return _turn_notes(_turn_of(picture), name), False
    turn = _turn_of(picture)
    notes = _turn_notes(turn, name)
    _, said = with_library_text(picture.load, _LIBTIFF_LINE)
    if said:
        raise InputError(
            f"{name}: the picture is damaged ({said[0][:160]}) and would show wrong pixels; copy or export the file "
            "again",
            said[0],
        )
    return notes, turn == _EXIF_MIRROR


def _check_jpeg(picture: Image.Image, data: bytes, name: str) -> None:
    """Refuse damage in JPEG data, which Pillow passes over: the pixels behind it are wrong.

    Raises:
        InputError: the JPEG file, or a strip or tile of the TIFF page at hand, is damaged.
    """
    streams = iter((data,)) if picture.format == "JPEG" else _jpeg_of_tiff(picture, data)
    if (damage := next(filter(None, map(jpeg_damage, streams)), None)) is not None:
        raise InputError(
            f"{name}: the JPEG data is damaged ({damage}) and would show wrong pixels; copy or export the file again",
            damage,
        )


def _jpeg_of_tiff(picture: Image.Image, data: bytes) -> Iterator[bytes]:
    """The JPEG stream of each strip or tile of a TIFF page, with the tables that they share."""
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_TIFF_COMPRESSION) != _TIFF_JPEG:
        return
    tables = bytes(tags.get(_TIFF_JPEG_TABLES, b""))
    for starts, sizes in _TIFF_PARTS:
        for start, size in zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False):
            part = data[start : start + size]
            yield tables[:-2] + part[2:] if tables else part


def _turn_of(picture: Image.Image) -> object:
    """The EXIF or TIFF orientation of the page at hand; 1 is none."""
    return picture.getexif().get(_ORIENTATION, 1)


def _turn_notes(turn: object, name: str) -> tuple[str, ...]:
    """A note where viewers mirror the picture, which changes no number.

    Raises:
        InputError: viewers turn it, so that its stored rows do not have the head at the top.
    """
    if turn in _EXIF_TURNS:
        raise InputError(
            f"{name}: the picture carries a turn for viewers (EXIF orientation {turn}), 1 is expected: save it as it "
            "is shown, head up, without that mark",
            turn,
        )
    if turn != _EXIF_MIRROR:
        return ()
    return ("Viewers show the picture mirrored; coordinates are those of the stored rows.",)


def _grey(picture: Image.Image, name: str) -> GreyArray:
    mode = picture.mode
    if mode in ("1", "L"):
        return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    if mode.startswith("I;16") or mode in ("I", "F"):
        return _deep_grey(picture, name)
    if mode in ("LA", "La"):
        channels = np.asarray(picture, dtype=np.float32) / np.float32(255)
        return np.ascontiguousarray(channels[..., 0] * channels[..., 1])
    if mode in ("P", "PA", "RGB", "RGBA", "RGBX", "YCbCr"):
        return colour_to_grey(np.asarray(picture.convert("RGBA" if mode in ("P", "PA", "RGBA") else "RGB")), name)
    raise InputError(f"{name}: colour mode {mode} is no film; save it as greyscale PNG or TIFF", mode)


def _deep_grey(picture: Image.Image, name: str) -> GreyArray:
    values = np.asarray(picture).astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{name}: the picture holds values that are not finite; export it again")
    tags = getattr(picture, "tag_v2", {})
    if tags.get(_TIFF_PHOTOMETRIC) == 0:
        values = -values
    return robust_window(values)


def colour_to_grey(channels: NDArray[np.uint8], name: str) -> GreyArray:
    """Grey of a grey film stored in colour channels (H, W, 3 or 4), alpha over black.

    Raises:
        InputError: the picture really is in colour.
    """
    colour = channels[..., :3]
    spread = colour.max(axis=-1).astype(np.int16) - colour.min(axis=-1)
    visible = spread if channels.shape[-1] == 3 else np.where(channels[..., 3] > 0, spread, 0)
    if float((visible > COLOUR_DIFFERENCE).mean()) > COLOUR_SHARE:
        raise InputError(
            f"{name}: the picture is in colour (a screenshot or photograph); export the film itself as DICOM or as "
            "greyscale PNG"
        )
    grey: GreyArray = np.ascontiguousarray(colour[..., 1], dtype=np.float32) / np.float32(255)
    if channels.shape[-1] == 4:
        grey *= channels[..., 3].astype(np.float32) / np.float32(255)
    return grey
