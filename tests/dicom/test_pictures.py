"""PNG, JPEG and TIFF films, told apart by content."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_films import ramp
from PIL import Image, TiffImagePlugin

from kummell_ai.dicom import read_radiograph
from kummell_ai.errors import InputError, UsageError
from kummell_ai.imaging.radiograph import Calibration


def put(path: Path, values: Any, kind: str = "PNG", **options: Any) -> Path:
    picture = values if isinstance(values, Image.Image) else Image.fromarray(values)
    picture.save(path, kind, **options)
    return path


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_eight_bits_keep_their_grey(tmp_path: Path, kind: str) -> None:
    read = read_radiograph(put(tmp_path / "no_ending", ramp("u1", 200), kind))
    np.testing.assert_allclose(read.pixels * 255, ramp("u1", 200), atol=1e-4)
    assert read.spacing.calibration is Calibration.NONE
    assert any("pass --spacing" in note for note in read.notes)


def test_jpeg(tmp_path: Path) -> None:
    read = read_radiograph(put(tmp_path / "a.jpg", ramp("u1", 255), "JPEG", quality=95))
    np.testing.assert_allclose(read.pixels * 255, ramp("u1", 255), atol=4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_windowed(tmp_path: Path, kind: str) -> None:
    read = read_radiograph(put(tmp_path / "a", ramp("u2", 4095), kind))
    assert read.pixels.max() == 1
    assert np.corrcoef(read.pixels.ravel(), ramp().ravel())[0, 1] > 0.999


def test_tiff_where_white_is_zero_is_turned(tmp_path: Path) -> None:
    deep = read_radiograph(put(tmp_path / "deep", ramp("u2", 4095), "TIFF", tiffinfo={262: 0}))
    assert deep.pixels[0, 0] > deep.pixels[-1, -1]
    # Pillow turns eight bits itself, both ways
    flat = read_radiograph(put(tmp_path / "flat", ramp("u1", 255), "TIFF", tiffinfo={262: 0}))
    assert flat.pixels[0, 0] < flat.pixels[-1, -1]


def test_float_tiff(tmp_path: Path) -> None:
    assert read_radiograph(put(tmp_path / "a", ramp().astype("f4"), "TIFF")).pixels.max() == 1
    values = ramp().astype("f4")
    values[3, 3] = np.nan
    with pytest.raises(InputError, match="b: the picture holds values that are not finite"):
        read_radiograph(put(tmp_path / "b", values, "TIFF"))


def test_grey_in_colour_channels_palette_and_alpha(tmp_path: Path) -> None:
    grey = ramp("u1", 255)
    forms = {
        "rgb": Image.fromarray(np.repeat(grey[..., None], 3, 2)),
        "palette": Image.fromarray(grey).convert("P"),
        "alpha": Image.merge("LA", (Image.fromarray(grey), Image.new("L", (40, 36), 255))),
        "rgba": Image.merge("RGBA", (*(Image.fromarray(grey),) * 3, Image.new("L", (40, 36), 255))),
    }
    for name, picture in forms.items():
        read = read_radiograph(put(tmp_path / name, picture))
        np.testing.assert_allclose(read.pixels * 255, grey, atol=1e-3, err_msg=name)


def test_transparent_pixels_are_black(tmp_path: Path) -> None:
    alpha = np.full((36, 40), 255, np.uint8)
    alpha[:, :10] = 0
    picture = Image.merge("LA", (Image.fromarray(ramp("u1", 200) + np.uint8(50)), Image.fromarray(alpha)))
    read = read_radiograph(put(tmp_path / "a", picture))
    assert not read.pixels[:, :10].any()
    assert read.valid_box == (10.0, 0.0, 40.0, 36.0)


def test_grey_jpeg_in_three_channels_is_no_colour(tmp_path: Path) -> None:
    noisy = np.clip(ramp("u1", 255)[..., None] + np.random.default_rng(0).integers(-4, 5, (36, 40, 3)), 0, 255)
    assert read_radiograph(put(tmp_path / "a", noisy.astype("u1"), "JPEG", quality=60)).pixels.shape == (36, 40)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_colour_screenshot_is_refused(tmp_path: Path, kind: str) -> None:
    picture = np.repeat(ramp("u1", 255)[..., None], 3, 2)
    picture[:4, :20] = 255, 200, 0
    with pytest.raises(InputError, match=r"a\.img: the picture is in colour .*; export the film itself as DICOM"):
        read_radiograph(put(tmp_path / "a.img", picture, kind))


def test_cmyk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="colour mode CMYK is no film"):
        read_radiograph(put(tmp_path / "a", Image.new("CMYK", (40, 36)), "TIFF"))


def test_pages_need_a_number(tmp_path: Path) -> None:
    pages = [Image.fromarray(ramp("u1", top)) for top in (100, 200)]
    path = put(tmp_path / "a", pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert read_radiograph(path, frame=2).pixels.max() > 0.7
    assert read_radiograph(path, frame=2).reference.frame_number == 2
    with pytest.raises(InputError, match="the file has 2 pages; name one with --frame 1 to 2"):
        read_radiograph(path)
    with pytest.raises(InputError, match="page 3 does not exist; give --frame 1 to 2"):
        read_radiograph(path, frame=3)
    with pytest.raises(InputError, match="page 2 does not exist, the file has one page; leave --frame out"):
        read_radiograph(put(tmp_path / "b", pages[0]), frame=2)


def test_a_large_page_behind_a_small_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(
        tmp_path / "a", Image.new("L", (40, 36), 9), "TIFF", save_all=True, append_images=[Image.new("L", (400, 360))]
    )
    monkeypatch.setattr("kummell_ai.dicom.pictures.MAX_PIXELS", 10_000)
    with pytest.raises(InputError, match="400 x 360 px is more than 10000 px"):
        read_radiograph(path, frame=2)


@pytest.mark.parametrize("turn", [3, 4, 6, 8])
def test_a_picture_that_viewers_turn_is_refused(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[274] = turn
    path = put(tmp_path / "a", ramp("u1", 255), "JPEG", exif=exif.tobytes())
    with pytest.raises(InputError, match=rf"EXIF orientation {turn}\), .*: save it as it is shown, head up"):
        read_radiograph(path)


@pytest.mark.parametrize(("turn", "notes"), [(1, 0), (2, 1)])
def test_a_picture_that_viewers_mirror_is_read_as_stored(tmp_path: Path, turn: int, notes: int) -> None:
    exif = Image.Exif()
    exif[274] = turn
    read = read_radiograph(put(tmp_path / "a", ramp("u1", 255), "JPEG", exif=exif.tobytes()))
    assert read.pixels.shape == (36, 40)
    assert sum("mirrored" in note for note in read.notes) == notes


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("turn", [3, 6])
def test_a_tiff_that_viewers_turn_is_refused(tmp_path: Path, turn: int, compression: str) -> None:
    path = put(tmp_path / "a", ramp("u1", 255), "TIFF", tiffinfo={274: turn}, compression=compression)
    with pytest.raises(InputError, match=rf"EXIF orientation {turn}\), .*: save it as it is shown, head up"):
        read_radiograph(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
@pytest.mark.parametrize("white_is_zero", [0, 1])
def test_a_tiff_that_viewers_mirror_is_read_as_stored(tmp_path: Path, white_is_zero: int, compression: str) -> None:
    options: dict[str, Any] = {"compression": compression}
    films = [
        read_radiograph(
            put(tmp_path / "a", ramp("u2", 4095), "TIFF", tiffinfo={274: turn, 262: 1 - white_is_zero}, **options)
        )
        for turn in (1, 2)
    ]
    np.testing.assert_array_equal(films[0].pixels, films[1].pixels)
    assert [sum("mirrored" in note for note in film.notes) for film in films] == [0, 1]


def test_each_page_of_a_tiff_has_a_turn_of_its_own(tmp_path: Path) -> None:
    pages = [Image.fromarray(ramp("u1", top)) for top in (100, 200)]
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "a", new=True) as file:
        for page, turn in zip(pages, (1, 6), strict=True):
            page.save(file, "TIFF", tiffinfo={274: turn})
            file.newFrame()
    assert read_radiograph(tmp_path / "a", frame=1).pixels.shape == (36, 40)
    with pytest.raises(InputError, match="EXIF orientation 6"):
        read_radiograph(tmp_path / "a", frame=2)


def test_given_spacing(tmp_path: Path) -> None:
    path = put(tmp_path / "a", ramp("u1", 255))
    spacing = read_radiograph(path, spacing_mm=(0.2, 0.1)).spacing
    assert (spacing.row_mm, spacing.column_mm, spacing.calibration) == (0.2, 0.1, Calibration.ASSUMED)
    with pytest.raises(UsageError, match="is not plausible"):
        read_radiograph(path, spacing_mm=(0.0, 0.1))


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kummell_ai.dicom.pictures.MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="40 x 36 px is more than 1000 px; scale the film down"):
        read_radiograph(put(tmp_path / "a", ramp("u1", 255)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)  # Pillow refuses twice its own limit before the size is known
    with pytest.raises(InputError, match=r"^a: the picture has more than 1000 px; scale the film down$"):
        read_radiograph(tmp_path / "a")


def test_a_tiff_that_pillow_cannot_tell_is_not_called_damaged_for_sure(tmp_path: Path) -> None:
    entries = ((256, 40), (257, 36), (258, 64), (259, 1), (262, 1), (273, 8), (277, 1), (278, 36), (279, 40 * 36 * 8))
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in (*entries, (339, 3)))
    values = ramp().astype("<f8").tobytes()
    path = tmp_path / "a"
    path.write_bytes(
        b"II*\x00" + struct.pack("<I", 8 + len(values)) + values + struct.pack("<H", len(entries) + 1) + tags + bytes(4)
    )
    with pytest.raises(InputError) as refused:
        read_radiograph(path)
    assert str(refused.value) == (
        "a: a TIFF of a kind that is not supported, or damaged; save the film as greyscale PNG, or as TIFF of 8 or 16 "
        "bits"
    )


@pytest.mark.parametrize("shape", [(320, 39), (39, 320)])
def test_a_strip_is_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    strip = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    with pytest.raises(InputError, match=r"px is a strip, its sides are 1 to 8\.205; a film has at most 1 to 8: give"):
        read_radiograph(put(tmp_path / "a", strip))
    assert read_radiograph(put(tmp_path / "b", strip[: 39 * 8, : 39 * 8])).pixels.size == 39 * 39 * 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 60), dtype=np.uint8)
    path = put(tmp_path / "a", noise, kind)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"a: the picture cannot be read .*; the file is damaged"):
        read_radiograph(path)


@pytest.mark.parametrize("head", [b"II+\x00\x08\x00\x00\x00", b"MM\x00+\x00\x08\x00\x00"])
def test_a_big_tiff_is_called_so(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head + bytes(64))
    with pytest.raises(
        InputError, match="a: a BigTIFF file, TIFF is expected; save the film as plain TIFF or greyscale"
    ):
        read_radiograph(tmp_path / "a")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_what_libtiff_says_of_damage_is_the_error_and_not_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    path = put(tmp_path / "a", ramp("u1", 255), "TIFF", compression=compression)
    data = bytearray(path.read_bytes())
    with Image.open(path) as picture:
        at = picture.tag_v2[273][0]
    data[at + 20 : at + 40] = bytes(range(100, 120))
    path.write_bytes(bytes(data))
    with pytest.raises(
        InputError, match=r"a: the picture is damaged \(.+\) and would show wrong pixels; copy or export"
    ):
        read_radiograph(path)
    assert capfd.readouterr().err == ""
