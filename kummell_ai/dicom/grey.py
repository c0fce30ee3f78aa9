"""From stored values to bone-bright grey in [0, 1]: modality LUT, VOI LUT or window, photometric interpretation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from kummell_ai.dicom.container import element_value, number, numbers, text
from kummell_ai.imaging.intensity import Box, GreyArray, rescale, robust_window

MIN_SPREAD = 0.02
"""A window that leaves less than this between the 1st and 99th percentile shows nothing and is not used."""


@dataclass(frozen=True, slots=True)
class GreyFilm:
    """Display-referred pixels.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright.
        notes: what was unusual, one sentence each.
    """

    pixels: GreyArray
    notes: tuple[str, ...]


def to_grey(stored: NDArray[Any], dataset: Dataset, valid_box: Box | None = None) -> GreyFilm:
    """Apply the header's grey-scale chain to stored values (H, W)."""
    notes: list[str] = []
    values = _modality(stored, dataset, notes)
    shown = _voi(values, dataset, valid_box, notes)
    if _is_inverse(dataset, notes):
        shown = np.float32(1.0) - shown
    return GreyFilm(shown, tuple(notes))


def _modality(stored: NDArray[Any], dataset: Dataset, notes: list[str]) -> NDArray[Any]:
    lut = _lut(dataset, "ModalityLUTSequence")
    if lut is not None:
        return lut.apply(stored)
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if slope is None and intercept is None:
        return stored
    if slope == 0.0 or max(abs(slope or 1.0), abs(intercept or 0.0)) > 1e12:
        notes.append(f"The rescale slope {slope} and intercept {intercept} are unusable; stored values are shown.")
        return stored
    return stored.astype(np.float32) * np.float32(1.0 if slope is None else slope) + np.float32(intercept or 0.0)


def _voi(values: NDArray[Any], dataset: Dataset, valid_box: Box | None, notes: list[str]) -> GreyArray:
    """The first VOI LUT or window of the header; a robust window when there is none or it shows nothing."""
    lut = _lut(dataset, "VOILUTSequence")
    shown: GreyArray | None = None
    if lut is not None:
        shown = rescale(lut.apply(values), 0.0, float(2**lut.bits - 1))
    else:
        centres, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
        if centres and widths:
            shown = _window(values, centres[0], widths[0], text(dataset, "VOILUTFunction") or "LINEAR")
    if shown is not None and _spread(shown) >= MIN_SPREAD:
        return shown
    if shown is not None:
        notes.append("The display window of the header shows nothing; a window over the film's own range is used.")
    return robust_window(values, valid_box)


def _window(values: NDArray[Any], centre: float, width: float, function: str) -> GreyArray | None:
    """DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3; None when the width is not allowed."""
    name = function.strip().upper()
    if name == "SIGMOID" and width > 0:
        argument = np.clip(-4.0 * (values.astype(np.float32) - np.float32(centre)) / np.float32(width), -60.0, 60.0)
        return np.asarray(1.0 / (1.0 + np.exp(argument)), dtype=np.float32)
    if name == "LINEAR_EXACT" and width > 0:
        return rescale(values, centre - width / 2, centre + width / 2)
    if width >= 1:
        half = max(width - 1.0, 1e-3) / 2
        return rescale(values, centre - 0.5 - half, centre - 0.5 + half)
    return None


def _spread(shown: GreyArray) -> float:
    step = max(1, shown.size // 65536)
    low, high = np.percentile(shown.reshape(-1)[::step], (1.0, 99.0))
    return float(high - low)


def _is_inverse(dataset: Dataset, notes: list[str]) -> bool:
    """Whether the largest value is black; PresentationLUTShape decides where it is present."""
    photometric = text(dataset, "PhotometricInterpretation")
    shape = text(dataset, "PresentationLUTShape")
    if shape not in ("IDENTITY", "INVERSE"):
        return photometric == "MONOCHROME1"
    if (shape == "INVERSE") != (photometric == "MONOCHROME1"):
        notes.append(
            f"PhotometricInterpretation {photometric} and PresentationLUTShape {shape} disagree; {shape} is used."
        )
    return shape == "INVERSE"


@dataclass(frozen=True, slots=True)
class _Lut:
    """A look-up table: (N,) output values, the input of the first entry, bits of the output."""

    table: NDArray[np.float32]
    first: int
    bits: int

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        index = np.clip(np.rint(values).astype(np.int64) - self.first, 0, len(self.table) - 1)
        return np.asarray(self.table[index])


def _lut(dataset: Dataset, keyword: str) -> _Lut | None:
    """The first item of a LUT sequence, or None when absent or unusable."""
    sequence = element_value(dataset, keyword)
    if not sequence or not isinstance(sequence[0], Dataset):
        return None
    item = sequence[0]
    descriptor = numbers(item, "LUTDescriptor")
    data = element_value(item, "LUTData")
    if len(descriptor) != 3 or data is None:
        return None
    entries, first, bits = (int(v) for v in descriptor)
    entries = 65536 if entries == 0 else entries
    if isinstance(data, (bytes, bytearray)):
        order = "<u2" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">u2"
        kind = "u1" if len(data) < 2 * entries else order
        table = np.frombuffer(bytes(data)[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind)
    else:
        table = np.atleast_1d(np.asarray(data))
    table = table[:entries].astype(np.float32)
    if len(table) < 2 or not 1 <= bits <= 16:
        return None
    return _Lut(table, first, bits)
