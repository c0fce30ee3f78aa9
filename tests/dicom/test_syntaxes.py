"""Every transfer syntax gives the pixels that were stored, whatever the sample format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_films import compressed, dataset, put_stream, ramp, save
from pydicom import uid
from pydicom.encaps import get_frame

from kummell_ai.dicom import read_radiograph
from kummell_ai.errors import InputError

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
)
LOSSLESS = (
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
)
LOSSY = {uid.JPEGLSNearLossless: 2.5, uid.JPEG2000: 8.0}
ROUNDING = 0.01


def shown(path: Path) -> np.ndarray:
    return np.asarray(read_radiograph(path).pixels, dtype=np.float64)


@pytest.mark.parametrize("syntax", NATIVE, ids=str)
def test_uncompressed(tmp_path: Path, syntax: str) -> None:
    path = save(tmp_path / "a", dataset(syntax=syntax, **WINDOW))
    np.testing.assert_allclose(shown(path) * 4095, ramp(), atol=ROUNDING)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=str)
def test_lossless(tmp_path: Path, syntax: str) -> None:
    path = save(tmp_path / "a", compressed(syntax, **WINDOW))
    np.testing.assert_allclose(shown(path) * 4095, ramp(), atol=ROUNDING)


@pytest.mark.parametrize("syntax", LOSSY, ids=str)
def test_lossy(tmp_path: Path, syntax: str) -> None:
    path = save(tmp_path / "a", compressed(syntax, **WINDOW))
    np.testing.assert_allclose(shown(path) * 4095, ramp(), atol=LOSSY[syntax])


def test_jpeg_baseline(tmp_path: Path) -> None:
    path = save(tmp_path / "a", compressed(uid.JPEGBaseline8Bit, WindowCenter=128, WindowWidth=256))
    np.testing.assert_allclose(shown(path) * 255, ramp("u1", 255), atol=2)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_sample_formats(tmp_path: Path, syntax: str, dtype: str) -> None:
    stored = (ramp("i4", 200) - (100 if dtype == "i2" else 0)).astype(dtype)
    tags = {"WindowCenter": 0 if dtype == "i2" else 100, "WindowWidth": 401}
    film = (
        compressed(syntax, stored, **tags)
        if uid.UID(syntax).is_encapsulated
        else dataset(stored, syntax=syntax, **tags)
    )
    low = -200.5 if dtype == "i2" else -100.5
    np.testing.assert_allclose(shown(save(tmp_path / "a", film)) * 400 + low, stored, atol=0.01)


def test_signed_twelve_bits_in_sixteen_with_rubbish_above(tmp_path: Path) -> None:
    values = ramp("i4", 3000) - 1500
    stored = ((values & 0x0FFF) | 0x5000).astype("u2")
    film = dataset(stored, PixelRepresentation=1, WindowCenter=0.5, WindowWidth=4001)
    np.testing.assert_allclose(shown(save(tmp_path / "a", film)) * 4000 - 2000, values, atol=0.01)


def test_unsigned_rubbish_above_the_stored_bits_is_cleared(tmp_path: Path) -> None:
    film = dataset((ramp() | 0xA000).astype("u2"), **WINDOW)
    np.testing.assert_allclose(shown(save(tmp_path / "a", film)) * 4095, ramp(), atol=ROUNDING)


def test_a_frame_of_several(tmp_path: Path) -> None:
    stack = np.stack([ramp(), ramp()[::-1], ramp()[:, ::-1]])
    path = save(tmp_path / "a", dataset(stack, **WINDOW))
    film = read_radiograph(path, frame=2)
    np.testing.assert_allclose(film.pixels * 4095, ramp()[::-1], atol=ROUNDING)
    assert film.reference.frame_number == 2
    with pytest.raises(InputError, match="a: the file has 3 frames; name one with --frame 1 to 3"):
        read_radiograph(path)
    with pytest.raises(InputError, match="frame 4 does not exist; give --frame 1 to 3"):
        read_radiograph(path, frame=4)


def test_a_frame_of_several_compressed(tmp_path: Path) -> None:
    stack = np.stack([ramp(), ramp()[::-1]])
    path = save(tmp_path / "a", compressed(uid.RLELossless, stack, **WINDOW))
    np.testing.assert_allclose(read_radiograph(path, frame=2).pixels * 4095, ramp()[::-1], atol=ROUNDING)


def test_frame_one_of_a_single_frame_is_the_film(tmp_path: Path) -> None:
    assert read_radiograph(save(tmp_path / "a", dataset()), frame=1).reference.frame_number is None


@pytest.mark.parametrize("syntax", [*LOSSLESS, *LOSSY, uid.JPEGBaseline8Bit], ids=str)
def test_a_truncated_stream_is_refused(tmp_path: Path, syntax: str) -> None:
    film = compressed(syntax)
    stream = get_frame(film.PixelData, 0, number_of_frames=1)
    put_stream(film, stream[: len(stream) * 2 // 3], syntax)
    with pytest.raises(InputError, match=r"a: .*(no end marker|cannot be read)"):
        read_radiograph(save(tmp_path / "a", film))


@pytest.mark.parametrize("syntax", LOSSLESS[1:], ids=str)
def test_a_stream_of_another_size_is_refused_before_decoding(tmp_path: Path, syntax: str) -> None:
    film = compressed(syntax)
    film.Rows = 35
    with pytest.raises(InputError, match="compressed picture is 36 x 40 x 1, the header says 35 x 40 x 1"):
        read_radiograph(save(tmp_path / "a", film))


@pytest.mark.parametrize(("offset", "value"), [(4, 252), (4, 0), (11, 0xF1)])
def test_an_impossible_jpeg_frame_header_never_reaches_the_decoder(tmp_path: Path, offset: int, value: int) -> None:
    """Precision (byte 4 of the frame header) and sampling factor (byte 11); gdcm crashes on some of them."""
    film = compressed(uid.JPEGLosslessSV1)
    stream = bytearray(get_frame(film.PixelData, 0, number_of_frames=1))
    stream[stream.find(b"\xff\xc3") + offset] = value
    put_stream(film, bytes(stream), uid.JPEGLosslessSV1)
    with pytest.raises(InputError, match="has no readable header; the file is damaged"):
        read_radiograph(save(tmp_path / "a", film))


def test_rle_with_wrong_segments_is_refused(tmp_path: Path) -> None:
    film = compressed(uid.RLELossless)
    put_stream(film, b"\x07" + get_frame(film.PixelData, 0, number_of_frames=1)[1:], uid.RLELossless)
    with pytest.raises(InputError, match="RLE header names 7 segments, expected 2"):
        read_radiograph(save(tmp_path / "a", film))


def test_twelve_bit_jpeg_extended_is_refused_with_a_remedy(tmp_path: Path) -> None:
    film = compressed(uid.JPEGLosslessSV1)
    film.file_meta.TransferSyntaxUID = uid.JPEGExtended12Bit
    with pytest.raises(InputError, match="12-bit JPEG Extended is not supported; convert the file with dcmdjpeg"):
        read_radiograph(save(tmp_path / "a", film))


def test_a_video_syntax_is_refused(tmp_path: Path) -> None:
    film = compressed(uid.JPEGLosslessSV1)
    film.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    with pytest.raises(InputError, match=r"MPEG2 .* is not supported; convert the file"):
        read_radiograph(save(tmp_path / "a", film))
