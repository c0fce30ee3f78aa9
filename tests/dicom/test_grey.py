"""The grey-scale chain of the header, in its order: modality, VOI, inversion once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_films import dataset, ramp, save
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kummell_ai.dicom import read_radiograph
from kummell_ai.imaging.radiograph import Radiograph


def film(tmp_path: Path, stored: Any = None, **tags: Any) -> Radiograph:
    return read_radiograph(save(tmp_path / "a", dataset(stored, **tags)))


def lut(entries: list[int], first: int, bits: int) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return Sequence([item])


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_inversion_happens_once(tmp_path: Path, photometric: str, shape: str | None, inverse: bool) -> None:
    tags: dict[str, Any] = {"PhotometricInterpretation": photometric}
    if shape:
        tags["PresentationLUTShape"] = shape
    read = film(tmp_path, **tags)
    assert (read.pixels[0, 0] > read.pixels[-1, -1]) == inverse
    disagree = shape is not None and (shape == "INVERSE") != (photometric == "MONOCHROME1")
    assert any("disagree" in note for note in read.notes) == disagree


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    read = film(tmp_path, RescaleSlope=0.684, RescaleIntercept=200, WindowCenter=1600.5, WindowWidth=2801)
    np.testing.assert_allclose(read.pixels * 2800 + 200, np.minimum(ramp() * 0.684 + 200, 3000), atol=0.01)


def test_an_absurd_rescale_is_left_out_with_a_note(tmp_path: Path) -> None:
    assert any("unusable" in note for note in film(tmp_path, RescaleSlope=0, RescaleIntercept=0).notes)


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("LINEAR", 2047.5, 0.5),
        ("LINEAR", 2447.0, 0.5 + 399.5 / 999),
        ("LINEAR_EXACT", 2048, 0.5),
        ("LINEAR_EXACT", 2298, 0.75),
        ("SIGMOID", 2048, 0.5),
        ("SIGMOID", 2298, 1 / (1 + np.exp(-1))),
    ],
)
def test_window_functions(tmp_path: Path, function: str, value: float, expected: float) -> None:
    """Closed form of PS3.3 C.11.2.1.2.1 and C.11.2.1.3; centre 2048, width 1000."""
    stored = ramp()
    stored[:, 0] = round(value)
    read = film(tmp_path, stored, WindowCenter=2048, WindowWidth=1000, VOILUTFunction=function)
    assert float(read.pixels[5, 0]) == pytest.approx(expected, abs=1e-3)


def test_the_first_of_several_windows_is_used(tmp_path: Path) -> None:
    one = film(tmp_path, WindowCenter=2048, WindowWidth=4096).pixels
    many = film(tmp_path, WindowCenter=[2048, 10], WindowWidth=[4096, 20]).pixels
    np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize(("centre", "width"), [(90000, 10), (2048, 0), (2048, -5)])
def test_a_window_that_shows_nothing_is_replaced(tmp_path: Path, centre: float, width: float) -> None:
    read = film(tmp_path, WindowCenter=centre, WindowWidth=width)
    assert float(np.ptp(read.pixels)) > 0.9


def test_without_a_window_the_range_of_the_film_is_used(tmp_path: Path) -> None:
    read = film(tmp_path, ramp("u2", 400))
    assert read.pixels.min() == 0
    assert read.pixels.max() == 1
    assert 0.4 < float(read.pixels.mean()) < 0.6


def test_modality_and_voi_tables(tmp_path: Path) -> None:
    stored = ramp("u2", 9)
    stored[0, :3] = 0, 4, 9
    modality = lut([10, 20, 30, 40, 50], first=2, bits=8)
    voi = lut([0, 64, 128, 255], first=20, bits=8)
    voi[0].LUTDescriptor = [31, 20, 8]
    voi[0].LUTData = list(range(0, 248, 8))
    read = film(tmp_path, stored, ModalityLUTSequence=modality, VOILUTSequence=voi)
    # 0 -> clamped to the first entry 10 -> below 20 -> 0; 4 -> 30 -> 80; 9 -> clamped to 50 -> 240
    np.testing.assert_allclose(read.pixels[0, :3] * 255, [0, 80, 240], atol=0.01)


def test_a_table_stored_as_bytes_is_read(tmp_path: Path) -> None:
    voi = lut([0, 1], first=0, bits=16)
    voi[0].LUTDescriptor = [4096, 0, 16]
    voi[0].add_new("LUTData", "OW", (np.arange(4096) * 16).astype("<u2").tobytes())
    read = film(tmp_path, VOILUTSequence=voi)
    np.testing.assert_allclose(read.pixels * 65535 / 16, ramp(), atol=0.01)


def test_a_broken_table_is_ignored(tmp_path: Path) -> None:
    voi = lut([1], first=0, bits=16)
    assert float(np.ptp(film(tmp_path, VOILUTSequence=voi).pixels)) == 1


@pytest.mark.parametrize(
    ("told", "entries", "note"),
    [
        ([4096, 0, 12], 1000, "has 1000 entries of 12 bits, its header tells 4096"),
        ([0, 0, 12], 4096, "has 4096 entries of 12 bits, its header tells 65536"),
        ([4096, 0, 17], 4096, "has 4096 entries of 17 bits"),
        ([4096, 0], 4096, "no usable LUTDescriptor"),
    ],
)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_table_that_is_not_as_told_is_ignored(
    tmp_path: Path, told: list[int], entries: int, note: str, as_bytes: bool
) -> None:
    voi = lut(list(range(entries)), first=0, bits=12)
    voi[0].LUTDescriptor = told
    if as_bytes:
        voi[0].add_new("LUTData", "OW", np.arange(entries, dtype="<u2").tobytes())
    plain = film(tmp_path, WindowCenter=2048, WindowWidth=4000)
    read = film(tmp_path, VOILUTSequence=voi, WindowCenter=2048, WindowWidth=4000)
    np.testing.assert_array_equal(read.pixels, plain.pixels)
    assert any("VOILUTSequence" in text and note in text for text in read.notes)
    modality = film(tmp_path, ModalityLUTSequence=voi, WindowCenter=2048, WindowWidth=4000)
    np.testing.assert_array_equal(modality.pixels, plain.pixels)
    assert any("ModalityLUTSequence" in text and note in text for text in modality.notes)


def test_eight_bit_tables_may_be_bytes(tmp_path: Path) -> None:
    voi = lut([0, 1], first=0, bits=8)
    for entries in (4095, 4096):
        voi[0].LUTDescriptor = [entries, 0, 8]
        voi[0].add_new("LUTData", "OW", (np.arange(4096) // 16).astype("u1").tobytes())
        read = film(tmp_path, VOILUTSequence=voi)
        np.testing.assert_allclose(read.pixels * 255, np.minimum(ramp(), entries - 1) // 16, atol=0.01)


def test_a_table_beyond_its_bits_is_scaled_by_its_largest_value(tmp_path: Path) -> None:
    voi = lut(list(range(4096)), first=0, bits=8)
    read = film(tmp_path, VOILUTSequence=voi)
    np.testing.assert_allclose(read.pixels * 4095, ramp(), atol=0.01)
    assert any("values up to 4095, 8 bits hold 255; it is scaled by its largest" in note for note in read.notes)


def body(shown_from: int, shown_to: int, around: float, surroundings: int) -> Any:
    """(36, 40) of which a share ``around`` is even ``surroundings`` and the rest rises between two values."""
    stored = np.full(36 * 40, surroundings, "u2")
    inside = round(len(stored) * (1 - around))
    stored[:inside] = np.linspace(shown_from, shown_to, inside)
    return stored.reshape(36, 40)


@pytest.mark.parametrize(
    ("stored", "centre", "width"),
    [(ramp(), 2048, 1), (ramp(), 2048, 100), (body(600, 4000, 0.3, 0), 300, 600), (ramp(), 4000, 600)],
)
def test_a_window_that_clips_most_of_the_film_is_replaced(
    tmp_path: Path, stored: Any, centre: float, width: float
) -> None:
    read = film(tmp_path, stored, WindowCenter=centre, WindowWidth=width)
    np.testing.assert_array_equal(read.pixels, film(tmp_path, stored).pixels)
    assert sum("clips most of the film" in note or "shows nothing" in note for note in read.notes) == 1


@pytest.mark.parametrize("surroundings", [0, 4095])
@pytest.mark.parametrize("around", [0.0, 0.6, 0.8])
def test_surroundings_may_be_clipped(tmp_path: Path, surroundings: int, around: float) -> None:
    """The body has a third of the range, as on a film whose direct exposure is far brighter than it."""
    stored = body(1300, 2700, around, surroundings)
    read = film(tmp_path, stored, WindowCenter=2000, WindowWidth=1200)
    expected = np.clip((stored.astype(np.float64) - 1400) / 1199, 0, 1)
    np.testing.assert_allclose(read.pixels, expected, atol=1e-3)
    assert not any("window" in note for note in read.notes)


def test_bits_above_those_stored_are_told(tmp_path: Path) -> None:
    def told(stored: Any, **tags: Any) -> bool:
        bits = {"BitsStored": 10, "HighBit": 9}
        return any("bits set above BitsStored 10" in note for note in film(tmp_path, stored, **{**bits, **tags}).notes)

    assert told(ramp())
    assert not told(ramp("u2", 1023))
    overlay = dataset(ramp(), BitsStored=10, HighBit=9)
    overlay.add_new(0x60020102, "US", 15)
    assert not any("BitsStored" in note for note in read_radiograph(save(tmp_path / "b", overlay)).notes)
    negative = ramp("i2", 1000) - np.int16(500)
    assert not told(negative)
    assert told(negative * np.int16(4))
    frames = save(tmp_path / "c", dataset(np.stack([ramp("u2", 900), ramp()]), BitsStored=10, HighBit=9))
    assert [any("BitsStored" in n for n in read_radiograph(frames, frame=k).notes) for k in (1, 2)] == [False, True]


def test_padding_is_black_and_outside_the_box(tmp_path: Path) -> None:
    stored = ramp() // 2 + 1000
    stored[:, :8] = 4000
    read = film(tmp_path, stored, PixelPaddingValue=4000)
    assert not read.pixels[:, :8].any()
    assert read.valid_box == (8.0, 0.0, 40.0, 36.0)
    assert read.pixels[:, 8:].max() == 1
    stored[:, :8] = np.random.default_rng(0).integers(3990, 4096, (len(stored), 8))  # no constant border
    limits = film(tmp_path, stored, PixelPaddingValue=3990, PixelPaddingRangeLimit=4095)
    assert limits.valid_box == read.valid_box


def test_padding_that_is_written_unsigned_beside_signed_pixels(tmp_path: Path) -> None:
    stored = ramp("i2") // 2 + 1000
    stored[:, :8] = -2000
    path = save(tmp_path / "signed", dataset(stored))
    data = pydicom.dcmread(path)
    data.add(pydicom.DataElement(0x00280120, "US", 65536 - 2000))
    data.save_as(path, enforce_file_format=True)
    assert read_radiograph(path).valid_box == (8.0, 0.0, 40.0, 36.0)


def test_raw_linear_pixels_are_told(tmp_path: Path) -> None:
    tags = {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationship": "LIN"}
    (note,) = (note for note in film(tmp_path, **tags).notes if "raw and linear" in note)
    assert note.endswith("export the film FOR PRESENTATION.")
    assert not any(
        "raw and linear" in n for n in film(tmp_path, **(tags | {"PixelIntensityRelationship": "LOG"})).notes
    )
