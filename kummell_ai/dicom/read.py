"""Read one film: DICOM, PNG, JPEG or TIFF, told apart by content.

Hostile files are met with caps before anything is inflated or decoded and with one strict decoder a syntax. Decoding
happens in this process; an archive that reads unknown files by the thousand should add a process with limits around it.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from kummell_ai.dicom.codecs import decode_frame, unused_bits_notes
from kummell_ai.dicom.container import damage_is_input_error, looks_like_dicom, number, read_container, text
from kummell_ai.dicom.grey import to_grey
from kummell_ai.dicom.header import date_notes, date_warnings, facing_of, identity_notes, reference_of
from kummell_ai.dicom.kind import check_kind
from kummell_ai.dicom.limits import MAX_FILE_BYTES, MAX_PIXELS, MAX_TOTAL_PIXELS
from kummell_ai.dicom.pictures import colour_to_grey, looks_like_picture, no_such_frame, read_picture
from kummell_ai.dicom.shutters import content_box, mask_box, padding_mask, shutter_mask
from kummell_ai.dicom.spacing import spacing_of, with_frame_spacing
from kummell_ai.errors import InputError
from kummell_ai.imaging.intensity import Box
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing, Radiograph
from kummell_ai.workers import NO_MEMORY

MIN_SIDE = 16
"""Rows and columns that a film has at least (px)."""

MAX_ASPECT = 8.0
"""Long over short side of a film. A stitched film of the whole spine has 3 to 4, cut to the spine alone 6; the network
looks at a fixed number of rows, also of the film on its side, so that a strip would take memory without bound."""


def read_radiograph(
    path: Path | str, *, spacing_mm: tuple[float, float] | None = None, frame: int | None = None
) -> Radiograph:
    """Read a film; rows and columns stay as stored, bone becomes bright.

    Args:
        path: DICOM, PNG, JPEG or TIFF file; the content decides, not the name.
        spacing_mm: (row, column) pixel size (mm) where the file has none, or to overrule it.
        frame: 1-based frame of a multi-frame file, which is needed there.

    Raises:
        InputError: the file is missing, damaged, no film, in colour, too large, needs a frame number, or its header
            says that the head is not at the top; or it takes more memory than there is.
        UsageError: ``spacing_mm`` is not plausible.
    """
    film = Path(path)
    try:
        shown = _read(film, spacing_mm, frame)
        return replace(shown, reference=replace(shown.reference, pixels_checksum=_checksum(shown.pixels)))
    except MemoryError as error:
        raise InputError(f"{film.name}: {NO_MEMORY}", film.name) from error


def read_annotated(
    path: Path | str, size_px: tuple[int, int], *, spacing: PixelSpacing | None = None, frame: int | None = None
) -> Radiograph:
    """`read_radiograph` of a film that was annotated.

    Args:
        path: as there.
        size_px: (width, height) of the film that was annotated.
        spacing: pixel size that the annotation gives, which counts then; None = that of the file.
        frame: as there.

    Raises:
        InputError: the file cannot be read, or is not the one that was annotated.
    """
    film = read_radiograph(path, frame=frame)
    if (film.width, film.height) != size_px:
        raise InputError(
            f"{Path(path).name}: the film is {film.width} x {film.height} px, its annotation says {size_px[0]} x "
            f"{size_px[1]}; annotate this very file",
            size_px,
        )
    return film if spacing is None else replace(film, spacing=spacing)


def _read(film: Path, spacing_mm: tuple[float, float] | None, frame: int | None) -> Radiograph:
    data = _read_bytes(film)
    if looks_like_picture(data[:16]) and not looks_like_dicom(data[:132]):
        pixels, spacing, reference, notes = read_picture(data, film, spacing_mm, frame)
        _check_content(pixels, film.name)
        return Radiograph(pixels, spacing, reference, valid_box=content_box(pixels, None), notes=notes)
    if not looks_like_dicom(data[:132]):
        raise InputError(f"{film.name}: not a DICOM, PNG, JPEG or TIFF file; give the film as one of these", film.name)
    return _read_dicom(data, film, spacing_mm, frame)


def _checksum(pixels: NDArray[np.float32]) -> str:
    """Two sums (CRC-32, Adler-32) and the size, by which no two films of an archive are taken for one."""
    values = np.ascontiguousarray(pixels).data.cast("B")
    return f"{zlib.crc32(values):08x}{zlib.adler32(values):08x}-{pixels.shape[1]}x{pixels.shape[0]}"


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            os.listdir(path)  # a folder that cannot be opened is said to be one
            raise InputError(f"{path.name}: a folder, not a film; give its files", str(path))
        if not path.is_file() and path.exists():
            raise InputError(f"{path.name}: no regular file (a pipe or device); give the film's file", str(path))
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"{path.name}: {size} bytes is more than {MAX_FILE_BYTES}; no film is that large", size)
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path.name}: cannot be opened ({reason}); check the path and its rights", str(path)
        ) from error
    if not data:
        raise InputError(f"{path.name}: the file is empty; export the film again", 0)
    return data


def _read_dicom(data: bytes, path: Path, spacing_mm: tuple[float, float] | None, frame: int | None) -> Radiograph:
    name = path.name
    dataset = read_container(data, name)
    _check_header(dataset, name)
    index = _frame_index(dataset, frame, name)
    with damage_is_input_error(name, "the pixel data"):
        stored = _grey_values(decode_frame(dataset, index, name), name)
        bits = unused_bits_notes(dataset, index)
    with damage_is_input_error(name, "the DICOM header"):
        frame_number = index + 1 if frame is not None and _frames(dataset) > 1 else None
        reference = reference_of(dataset, path, data, frame_number)
        facing, doubts = facing_of(dataset, name), date_warnings(dataset)
        spacing = spacing_of(with_frame_spacing(dataset, index), spacing_mm)
        film = _shown(stored, dataset, reference.name)
    return replace(
        film,
        spacing=spacing.spacing,
        reference=reference,
        facing=facing,
        notes=bits + film.notes + spacing.notes + date_notes(dataset) + identity_notes(dataset),
        warnings=spacing.warnings + doubts,
    )


def _shown(stored: NDArray[Any], dataset: FileDataset, name: str) -> Radiograph:
    """Grey pixels with everything outside shutters and padding black, and the box that shows something."""
    shape = (int(stored.shape[0]), int(stored.shape[1]))
    hidden = padding_mask(stored, dataset)
    opened = shutter_mask(dataset, shape)
    if opened is not None:
        hidden = ~opened if hidden is None else hidden | ~opened
    box: Box | None = None if hidden is None or hidden.all() else mask_box(~hidden)
    grey = to_grey(stored, dataset, box)
    pixels = grey.pixels
    if hidden is not None and not hidden.all():
        pixels[hidden] = 0.0
    _check_content(pixels, name)
    return Radiograph(
        pixels, PixelSpacing.unknown(), ImageReference(name), valid_box=content_box(pixels, box), notes=grey.notes
    )


def _check_content(pixels: NDArray[np.float32], name: str) -> None:
    if min(pixels.shape) < MIN_SIDE:
        raise InputError(
            f"{name}: {pixels.shape[1]} x {pixels.shape[0]} px is no film; give the full picture", pixels.shape
        )
    if max(pixels.shape) > MAX_ASPECT * min(pixels.shape):
        raise InputError(
            f"{name}: {pixels.shape[1]} x {pixels.shape[0]} px is a strip, its sides are 1 to "
            f"{max(pixels.shape) / min(pixels.shape):.4g}; a film has at most 1 to {MAX_ASPECT:.0f}: give the full "
            "picture",
            pixels.shape,
        )
    if not float(pixels.max()) > float(pixels.min()):
        raise InputError(f"{name}: every pixel has the same value; the film is empty, export it again")


def _check_header(dataset: FileDataset, name: str) -> None:
    """Refuse what cannot be a film before any pixel is decoded."""
    check_kind(dataset, name)
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    if rows is None or columns is None or rows < 1 or columns < 1:
        raise InputError(f"{name}: Rows {rows} and Columns {columns} do not describe a film; the file is damaged")
    if rows * columns > MAX_PIXELS or rows * columns * _frames(dataset) > MAX_TOTAL_PIXELS:
        raise InputError(
            f"{name}: {rows:.0f} x {columns:.0f} px x {_frames(dataset)} frames is more than {MAX_PIXELS} px a frame; "
            "scale the film down",
            (rows, columns),
        )
    samples = number(dataset, "SamplesPerPixel")
    photometric = text(dataset, "PhotometricInterpretation")
    if photometric is None:
        raise InputError(
            f"{name}: PhotometricInterpretation is absent, so bone may be bright or dark; MONOCHROME1 or MONOCHROME2 "
            "is expected: export the film again"
        )
    if samples not in (1, 3) or photometric == "PALETTE COLOR":
        raise InputError(
            f"{name}: {photometric} with {samples} samples a pixel is no greyscale film; export the film itself"
        )


def _frames(dataset: FileDataset) -> int:
    return max(1, int(number(dataset, "NumberOfFrames") or 1))


def _frame_index(dataset: FileDataset, frame: int | None, name: str) -> int:
    frames = _frames(dataset)
    if frame is None and frames > 1:
        raise InputError(
            f"{name}: the file has {frames} frames; name one with --frame 1 to {frames} where it is given alone, "
            "or save the frame as a film of its own",
            frames,
        )
    if frame is not None and not 1 <= frame <= frames:
        raise no_such_frame(name, "frame", frame, frames)
    return 0 if frame is None else frame - 1


def _grey_values(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Stored values (H, W); three equal channels count as grey.

    Raises:
        InputError: the picture is in colour.
    """
    if array.ndim == 2:
        return array
    if array.dtype != np.uint8:
        raise InputError(f"{name}: colour with {array.dtype} samples is no greyscale film; export the film itself")
    return np.asarray(np.rint(colour_to_grey(array, name) * 255), dtype=np.uint8)
