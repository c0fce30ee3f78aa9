"""Damage inside compressed pixels is an error, never a wrong picture; sound streams of every kind are read."""

from __future__ import annotations

import os
import re
import struct
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_films import compressed, dataset, put_stream, ramp, save
from PIL import Image
from pydicom import uid
from pydicom.encaps import get_frame

from kummell_ai.dicom import read_radiograph
from kummell_ai.dicom.jpeg import jpeg_damage, lossless_damage
from kummell_ai.dicom.library_text import with_library_text
from kummell_ai.errors import InputError

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
SOUND = ({}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1})


def texture(rows: int = 160, columns: int = 120) -> np.ndarray:
    """A smooth film with grain, (rows, columns) of 8 bits."""
    y, x = np.mgrid[:rows, :columns]
    grain = np.random.default_rng(0).normal(0, 4, (rows, columns))
    return np.clip(128 + 60 * np.sin(x / 17) * np.cos(y / 23) + grain, 0, 255).astype("u1")


def jpeg(pixels: np.ndarray, mode: str = "L", **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def stream_of(film: Any) -> bytes:
    return get_frame(film.PixelData, 0, number_of_frames=1)


def mutants(stream: bytes, start: int, count: int) -> list[bytes]:
    """``stream`` with one to three bytes changed behind ``start``."""
    found = []
    for seed in range(count):
        rng, out = np.random.default_rng(seed), bytearray(stream)
        for at in rng.integers(start, len(stream) - 2, int(rng.integers(1, 4))):
            out[at] = int(rng.integers(256))
        found.append(bytes(out))
    return found


def wrong_films(path: Path, streams: list[Any], write: Any) -> tuple[int, int]:
    """How many of ``streams`` are refused, and how many are read with over 2 % of the pixels off by over 5 %."""
    write(streams[0])
    whole = read_radiograph(path).pixels
    refused = wrong = 0
    for stream in streams[1:]:
        write(stream)
        try:
            wrong += (np.abs(read_radiograph(path).pixels - whole) > 0.05).mean() > 0.02
        except InputError:
            refused += 1
    return refused, wrong


@pytest.mark.parametrize(
    ("syntax", "most"), [(uid.JPEGLosslessSV1, 2), (uid.RLELossless, 0), (uid.JPEGBaseline8Bit, 20)]
)
def test_damaged_pixels_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str], syntax: str, most: int) -> None:
    """A change that leaves the length of a scan as it was cannot be told: a step of a lossless scan for another one of
    as many bits, or codes of a baseline scan that are in step again before the next block, most of those."""
    film = compressed(syntax, **(WINDOW if syntax != uid.JPEGBaseline8Bit else {}))
    stream = stream_of(film)
    if syntax == uid.JPEGBaseline8Bit:
        film = dataset(texture(), WindowCenter=128, WindowWidth=256)
        stream = jpeg(texture(), quality=90)
    start = 64 if syntax == uid.RLELossless else stream.find(b"\xff\xda") + 10
    streams = [stream, *mutants(stream, start, 60)]
    path = tmp_path / "a"
    refused, wrong = wrong_films(path, streams, lambda s: save(path, put_stream(film, s, syntax)))
    assert refused > 15
    assert wrong <= most
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 90}), ("TIFF", {"compression": "jpeg"})])
def test_damaged_jpeg_pictures_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(texture()).save(path, kind, **options)
    stream = path.read_bytes()
    start = stream.rfind(b"\xff\xda") + 10
    end = stream.find(b"\xff\xd9", start)
    streams = [stream, *(m[:end] + stream[end:] for m in mutants(stream[: end + 2], start, 60))]
    refused, wrong = wrong_films(path, streams, path.write_bytes)
    assert refused > 20
    assert wrong <= 20
    assert capfd.readouterr().err == ""


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    film = compressed(uid.JPEGLosslessSV1)
    stream = bytearray(stream_of(film))
    stream[300:303] = b"\x12\x34\x56"
    put_stream(film, bytes(stream), uid.JPEGLosslessSV1)
    with pytest.raises(InputError, match=r"^a: the compressed picture is damaged \(.+\) and would show .*; copy or"):
        read_radiograph(save(tmp_path / "a", film))


def test_a_decoder_that_gives_nothing_is_told_without_its_own_words(tmp_path: Path) -> None:
    film = compressed(uid.JPEGLosslessSV1)
    stream = stream_of(film)
    at = stream.find(b"\xff\xc4")
    told = []
    for place in range(20):
        out = bytearray(stream)
        out[at + 4 + place] = 200
        put_stream(film, bytes(out), uid.JPEGLosslessSV1)
        try:
            read_radiograph(save(tmp_path / "a", film))
        except InputError as error:
            told.append(str(error))
    assert any("no picture comes out" in text or "Bogus Huffman" in text for text in told)
    assert not any("NoneType" in text or "plugins" in text for text in told)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", SOUND, ids=str)
@pytest.mark.parametrize("size", [(160, 120), (33, 47)])
def test_sound_jpegs_are_read(tmp_path: Path, mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    stream = jpeg(texture(*size), mode, **options)
    body, end = stream[:-2], stream[-2:]
    for name, whole in {
        "plain": stream,
        "one zero": body + b"\0" + end,
        "zeros": body + bytes(7) + end,
        "fill": body + b"\xff\xff" + end,
        "behind": stream + b"\0",
    }.items():
        (tmp_path / name).write_bytes(whole)
        assert read_radiograph(tmp_path / name).pixels.shape == size


def test_an_even_picture_whose_codes_are_all_zeros_is_sound() -> None:
    even = np.full((512, 352), 7, "u1")
    even[0, 0] = 0
    stream = jpeg(even, optimize=True)
    assert stream[-20:-2].count(0) > 10
    assert jpeg_damage(stream) is None


def test_other_kinds_of_jpeg_are_not_judged() -> None:
    assert jpeg_damage(stream_of(compressed(uid.JPEGLSLossless))) is None
    assert jpeg_damage(jpeg(texture(), "CMYK", subsampling=2)) is None
    assert lossless_damage(jpeg(texture()), texture()) is None


def test_a_jpeg_without_its_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(jpeg(texture())[:-2])
    with pytest.raises(InputError, match=r"a: the (picture cannot be read|JPEG data is damaged)"):
        read_radiograph(tmp_path / "a")


def test_rle_segments_padded_with_zeros_are_read_and_longer_ones_are_not(tmp_path: Path) -> None:
    film = compressed(uid.RLELossless, **WINDOW)
    stream = stream_of(film)
    put_stream(film, stream + bytes(6), uid.RLELossless)
    np.testing.assert_allclose(read_radiograph(save(tmp_path / "a", film)).pixels * 4095, ramp(), atol=0.01)
    put_stream(film, stream + b"\x01\x05\x06", uid.RLELossless)
    with pytest.raises(InputError, match=r"damaged \(a segment holds 1442 bytes, 1440 are expected\)"):
        read_radiograph(save(tmp_path / "a", film))


def lossless(pixels: np.ndarray, predictor: int, precision: int = 12) -> bytes:
    """The JPEG Lossless stream of ``pixels``, pixel by pixel as ITU T.81 annex H says; all codes have 5 bits."""
    rows, columns = pixels.shape
    bits = ""
    for y in range(rows):
        for x in range(columns):
            left, above = int(pixels[y, x - 1]), int(pixels[y - 1, x])
            corner = int(pixels[y - 1, x - 1])
            if y == 0 or x == 0:
                guess = left if x else above if y else 1 << (precision - 1)
            else:
                guess = {
                    1: left, 2: above, 3: corner, 4: left + above - corner, 5: left + ((above - corner) >> 1),
                    6: above + ((left - corner) >> 1), 7: (left + above) >> 1,
                }[predictor]  # fmt: skip
            step = int(pixels[y, x]) - guess
            size = abs(step).bit_length()
            bits += f"{size:05b}" + (f"{step if step > 0 else step + (1 << size) - 1:0{size}b}" if size else "")
    bits += "1" * (-len(bits) % 8)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    return (
        b"\xff\xd8\xff\xc3" + struct.pack(">HBHHB", 11, precision, rows, columns, 1) + b"\x01\x11\x00"
        + b"\xff\xc4" + struct.pack(">H", 2 + len(table)) + table
        + b"\xff\xda\x00\x08\x01\x01\x00" + bytes([predictor]) + b"\x00\x00" + body + b"\xff\xd9"
    )  # fmt: skip


@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_streams_of_every_predictor_are_read(tmp_path: Path, predictor: int) -> None:
    pixels = (ramp() + np.random.default_rng(0).integers(0, 90, ramp().shape)).clip(0, 4095).astype("u2")
    stream = lossless(pixels, predictor)
    assert lossless_damage(stream, pixels) is None
    other = pixels.copy()
    other[18:, 20:] ^= 0x155
    assert lossless_damage(stream, other) == "its scan does not have the length of its picture"
    path = save(tmp_path / "a", put_stream(dataset(**WINDOW), stream, uid.JPEGLossless))
    np.testing.assert_allclose(read_radiograph(path).pixels * 4095, pixels, atol=0.01)


PATTERN = re.compile("Corrupt JPEG data: bad Huffman code")


def test_text_of_other_threads_goes_on_and_is_no_damage(capfd: pytest.CaptureFixture[str]) -> None:
    def decode() -> int:
        writer = threading.Thread(target=lambda: os.write(2, "film 3 of 9 é\r".encode()))
        writer.start()
        writer.join()
        os.write(2, b"Corrupt JPEG data: bad Huffman code\nCorrupt weather\n")
        return 7

    assert with_library_text(decode, PATTERN) == (7, ["Corrupt JPEG data: bad Huffman code"])
    assert capfd.readouterr().err == "film 3 of 9 é\rCorrupt weather\n"
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_what_the_decoder_raises_is_let_through_unless_the_library_told_why(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(told: bytes) -> None:
        os.write(2, told)
        raise MemoryError("too large")

    with pytest.raises(MemoryError, match="too large"):
        with_library_text(lambda: fail(b"x"), PATTERN)
    assert capfd.readouterr().err == "x"
    told = b"Corrupt JPEG data: bad Huffman code\n"
    assert with_library_text(lambda: fail(told), PATTERN) == (None, [told.decode().strip()])


def test_without_a_stderr_the_picture_is_decoded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: int) -> int:
        raise OSError("Bad file descriptor")

    monkeypatch.setattr("kummell_ai.dicom.library_text.os.dup", closed)
    assert with_library_text(lambda: 7, PATTERN) == (7, [])
