"""Files that are no films, damaged or made to harm: one line that names file, problem and remedy."""

from __future__ import annotations

import datetime as dt
import os
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_films import compressed, dataset, ramp, save
from PIL import Image
from pydicom import dcmwrite, uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from kummell_ai.anatomy import Facing
from kummell_ai.dicom import limits, read_radiograph
from kummell_ai.dicom.container import read_container
from kummell_ai.errors import InputError


def refused(path: Path, match: str, **options: Any) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_radiograph(path, **options)
    message = str(caught.value)
    assert message.startswith(path.name), message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no film", "not a DICOM, PNG, JPEG or TIFF file"),
        (bytes(128) + b"DICM", "Rows None|no pixel data|cannot be read"),
        (bytes(128) + b"DICM" + b"\xff" * 50, "no pixel data|cannot be read"),
    ],
)
def test_no_film(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "ä x.dcm").write_bytes(content)
    refused(tmp_path / "ä x.dcm", match)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    refused(tmp_path / "gone.dcm", r"cannot be opened \(No such file or directory\); check the path")
    refused(tmp_path, "a folder, not a film")


def test_a_path_with_a_null_byte_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        read_radiograph("a\0b")


def test_no_pixel_data(tmp_path: Path) -> None:
    refused(
        save(tmp_path / "a", dataset(PixelData=None, Rows=None, Columns=None, Modality=None)),
        "has no pixel data; export the film itself",
    )


def test_a_file_cut_before_its_pixels_is_not_taken_for_a_report(tmp_path: Path) -> None:
    path = save(tmp_path / "a", dataset())
    path.write_bytes(path.read_bytes()[:-3000])
    refused(path, "the file has no pixel data, it was cut off or stripped; copy or export it again")


@pytest.mark.parametrize("modality", ["MR", "SR", "US"])
def test_other_modalities(tmp_path: Path, modality: str) -> None:
    refused(save(tmp_path / "a", dataset(Modality=modality)), f"Modality {modality} is no radiograph")


def test_a_ct_slice_is_refused_and_a_scout_is_read(tmp_path: Path) -> None:
    refused(save(tmp_path / "a", dataset(Modality="CT")), "Modality CT")
    scout = dataset(Modality="CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert read_radiograph(save(tmp_path / "b", scout)).height == 36


@pytest.mark.parametrize(
    "keyword",
    [
        "MRImageStorage", "EnhancedMRImageStorage", "CTImageStorage", "EnhancedCTImageStorage",
        "UltrasoundImageStorage",
        "NuclearMedicineImageStorage", "PositronEmissionTomographyImageStorage", "EnhancedPETImageStorage",
        "SegmentationStorage", "VLPhotographicImageStorage", "OphthalmicTomographyImageStorage",
    ],
)  # fmt: skip
@pytest.mark.parametrize("modality", ["", None])
def test_without_a_modality_the_sop_class_tells(tmp_path: Path, keyword: str, modality: str | None) -> None:
    film = dataset(Modality=modality, SOPClassUID=getattr(uid, keyword))
    refused(save(tmp_path / "a", film), r"SOP class .* is no radiograph, and Modality is absent; give a CR, DX or RF")
    film.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    if "CTImage" in keyword:
        assert read_radiograph(save(tmp_path / "b", film)).height == 36


@pytest.mark.parametrize(
    "keyword",
    ["ComputedRadiographyImageStorage", "SecondaryCaptureImageStorage", "XRayRadiofluoroscopicImageStorage", None],
)
def test_sop_classes_of_films_are_read_without_a_modality(tmp_path: Path, keyword: str | None) -> None:
    film = dataset(Modality=None, SOPClassUID="1.2.3.4" if keyword is None else getattr(uid, keyword))
    assert read_radiograph(save(tmp_path / "a", film)).height == 36


@pytest.mark.parametrize(
    ("modality", "keyword"),
    [
        ("DOC", "EncapsulatedPDFStorage"), ("DX", "EncapsulatedPDFStorage"),
        ("KO", "KeyObjectSelectionDocumentStorage"),
        (None, "BasicTextSRStorage"), ("SR", "EnhancedSRStorage"), ("PR", "GrayscaleSoftcopyPresentationStateStorage"),
    ],
)  # fmt: skip
def test_documents_are_not_called_cut_off(tmp_path: Path, modality: str | None, keyword: str) -> None:
    film = dataset(Modality=modality, PixelData=None, SOPClassUID=getattr(uid, keyword))
    text = r"(Modality|SOP class) .* is no radiograph but a document, or tells how to show pictures; export the film"
    refused(save(tmp_path / "a", film), text)


def test_pixels_with_fractions_are_not_called_cut_off(tmp_path: Path) -> None:
    film = dataset(PixelData=None)
    film.FloatPixelData = ramp().astype("<f4").tobytes()
    refused(
        save(tmp_path / "a", film), r"numbers with fractions \(FloatPixelData\), PixelData of whole numbers is expec"
    )


@pytest.mark.parametrize("stored", [0, 17])
def test_impossible_bits_are_told(tmp_path: Path, stored: int) -> None:
    film = dataset(BitsStored=stored)
    refused(
        save(tmp_path / "a", film), f"BitsStored is {stored} with BitsAllocated 16; 1 to 16 is expected: the header"
    )


def test_left_justified_pixels_are_refused(tmp_path: Path) -> None:
    refused(save(tmp_path / "a", dataset(ramp() << 4, HighBit=15)), "HighBit is 15 with BitsStored 12; 11 is expected")


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("tags", "moment"),
    [
        ({"AcquisitionDate": "2021", "AcquisitionTime": "121500", "StudyDate": "20210801"}, dt.datetime(2021, 8, 1)),
        ({"AcquisitionDate": "2021", "AcquisitionTime": "121500"}, None),
        ({"AcquisitionDate": "20240102", "AcquisitionTime": "0915"}, dt.datetime(2024, 1, 2, 9, 15)),
        ({"AcquisitionDate": "20240102", "AcquisitionTime": "noon"}, dt.datetime(2024, 1, 2)),
        ({"AcquisitionDate": "20240102", "AcquisitionTime": "101060"}, dt.datetime(2024, 1, 2, 10, 10, 59)),
        ({"AcquisitionDate": None, "SeriesDate": "20240105", "StudyDate": "20240101"}, dt.datetime(2024, 1, 5)),
        ({"AcquisitionDateTime": "20240103101500", "ContentDate": "20240101"}, dt.datetime(2024, 1, 3, 10, 15)),
        ({"AcquisitionDate": "20240102", "ContentDate": "20240101"}, dt.datetime(2024, 1, 2)),
    ],
)
def test_the_moment_of_the_exposure(tmp_path: Path, tags: dict[str, str], moment: dt.datetime | None) -> None:
    assert read_radiograph(save(tmp_path / "a", dataset(**tags))).reference.acquired == moment


@pytest.mark.parametrize(
    ("orientation", "place"),
    [
        (["A", "H"], "bottom"),
        (["P", "HA"], "bottom"),
        (["H", "A"], "right"),
        (["F", "P"], "left"),
        (["HP", "P"], "right"),
    ],
)
def test_a_film_whose_head_is_not_at_the_top_is_refused(tmp_path: Path, orientation: list[str], place: str) -> None:
    film = dataset(PatientOrientation=orientation)
    refused(save(tmp_path / "a", film), rf"PatientOrientation \w+\\\w+: the head is at the {place}, .*; turn the film")


@pytest.mark.parametrize(
    ("orientation", "facing"),
    [(["A", "F"], Facing.RIGHT), (["PFL", "FA"], Facing.LEFT), (["L", "F"], Facing.UNKNOWN), (None, Facing.UNKNOWN)],
)
def test_the_header_tells_which_side_is_the_front(
    tmp_path: Path, orientation: list[str] | None, facing: Facing
) -> None:
    film = dataset() if orientation is None else dataset(PatientOrientation=orientation)
    assert read_radiograph(save(tmp_path / "a", film)).facing is facing


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ({"StudyDate": "20240104"}, None),
        ({"StudyDate": "20240105"}, "AcquisitionDate is 3 days before StudyDate, at most 2 are usual; .*: check both"),
        ({"StudyDate": "20200102"}, "AcquisitionDate is 1461 days after StudyDate"),
        (
            {"AcquisitionDate": None, "ContentDate": "20240601", "StudyDate": "20240102"},
            "ContentDate is 151 days after",
        ),
        ({"StudyDate": "19000101"}, None),
        (
            {"AcquisitionDate": "19000101"},
            "AcquisitionDate is a placeholder from before 1901, and no other .*: correct",
        ),
        ({"AcquisitionDateTime": "29990101120000"}, "AcquisitionDateTime lies in the future"),
        ({"AcquisitionDate": None}, None),
    ],
)
def test_dates_that_cannot_be_right_are_warned_of(tmp_path: Path, tags: dict[str, str], match: str | None) -> None:
    warnings = read_radiograph(save(tmp_path / "a", dataset(**tags))).warnings
    assert len(warnings) == (match is not None)
    assert match is None or re.match(match, warnings[0])


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("tags", "used"),
    [
        ({"AcquisitionDate": "19000101", "StudyDate": "20240105"}, "StudyDate"),
        ({"AcquisitionDateTime": "18581117000000", "AcquisitionDate": "20240105"}, "AcquisitionDate"),
        ({"AcquisitionDate": "00000000", "StudyDate": "20240105"}, None),
    ],
)
def test_a_placeholder_gives_way_to_the_next_date(tmp_path: Path, tags: dict[str, str], used: str | None) -> None:
    read = read_radiograph(save(tmp_path / "a", dataset(**tags)))
    assert read.reference.acquired == dt.datetime(2024, 1, 5)
    assert read.warnings == ()
    told = [note for note in read.notes if "placeholder" in note]
    assert told == ([] if used is None else [f"{next(iter(tags))} is a placeholder from before 1901; {used} is used."])


def test_a_placeholder_alone_is_no_date(tmp_path: Path) -> None:
    assert read_radiograph(save(tmp_path / "a", dataset(AcquisitionDate="19000101"))).reference.acquired is None


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian], ids=str)
@pytest.mark.parametrize("tags", [{"Rows": 18}, {"Columns": 39}, {"Rows": 35}], ids=str)
def test_a_header_of_fewer_rows_or_columns_than_are_stored_is_refused(
    tmp_path: Path, syntax: str, tags: dict[str, int]
) -> None:
    path = save(tmp_path / "a", dataset(syntax=syntax, **tags))
    refused(
        path, r"the pixel data has 2880 bytes, \d+ are expected of .*; the header is damaged, export the film again"
    )


def test_padding_behind_the_pixels_is_no_damage(tmp_path: Path) -> None:
    odd = dataset(ramp("u1", 255)[:35, :39].copy())
    odd.PixelData += b"\xff"
    padded = dataset()
    padded.PixelData += bytes(12)
    frames = dataset(np.stack([ramp()] * 3))
    assert read_radiograph(save(tmp_path / "a", odd)).pixels.shape == (35, 39)
    assert read_radiograph(save(tmp_path / "b", padded)).pixels.shape == (36, 40)
    assert read_radiograph(save(tmp_path / "c", frames), frame=3).pixels.shape == (36, 40)
    padded.PixelData += b"\1" * 2
    refused(save(tmp_path / "d", padded), "the pixel data has 2894 bytes, 2880 are expected")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    refused(tmp_path / "pipe.dcm", "no regular file")
    refused(Path("/dev/zero"), "no regular file")


def test_colour(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (36, 40, 3), dtype=np.uint8)
    film = dataset(ramp("u1", 255), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    film.PixelData = rgb.tobytes()
    refused(save(tmp_path / "a", film), "the picture is in colour")
    film.PixelData = np.repeat(ramp("u1", 255)[..., None], 3, axis=2).tobytes()
    read = read_radiograph(save(tmp_path / "b", film))
    assert read.pixels.shape == (36, 40)
    assert read.pixels[-1, -1] > read.pixels[0, 0]


def test_palette_colour(tmp_path: Path) -> None:
    refused(save(tmp_path / "a", dataset(PhotometricInterpretation="PALETTE COLOR")), "PALETTE COLOR with 1.0 samples")


def test_an_empty_and_a_tiny_film(tmp_path: Path) -> None:
    refused(save(tmp_path / "a", dataset(np.full((36, 40), 7, "u2"))), "every pixel has the same value")
    refused(save(tmp_path / "b", dataset(ramp()[:8, :8].copy())), "8 x 8 px is no film")


def test_truncated_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a", dataset())
    path.write_bytes(path.read_bytes()[:-1000])
    refused(path, "the pixel data cannot be read|no pixel data")


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.RLELossless, uid.DeflatedExplicitVRLittleEndian], ids=str)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, syntax: str, share: float) -> None:
    film = compressed(syntax) if uid.UID(syntax).is_encapsulated else dataset(syntax=syntax)
    path = save(tmp_path / "a", film)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "truncated|damaged|no pixel data|Rows")


def test_a_header_that_promises_too_many_pixels(tmp_path: Path) -> None:
    refused(save(tmp_path / "a", dataset(Rows=60000, Columns=60000)), "60000 x 60000 px x 1 frames is more than")
    refused(save(tmp_path / "b", dataset(NumberOfFrames=2**31 - 1)), "2147483647 frames is more than")


def test_a_large_film_that_is_only_a_promise_is_refused_before_decoding(tmp_path: Path) -> None:
    for syntax, match in ((uid.RLELossless, "cannot be read"), (uid.JPEGLSLossless, "compressed picture is 36 x 40")):
        film = compressed(syntax)
        film.Rows = film.Columns = 7000
        refused(save(tmp_path / "a", film), match)


def test_a_deflate_bomb_stops_at_the_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kummell_ai.dicom.container.MAX_INFLATED_BYTES", 1 << 20)
    film = dataset(syntax=uid.DeflatedExplicitVRLittleEndian)
    film.add_new("TextValue", "UT", "x" * (4 << 20))
    path = save(tmp_path / "a", film)
    assert path.stat().st_size < 1 << 17
    refused(path, "grows beyond 1 MiB")


def test_a_deflated_file_with_an_odd_meta_header_is_capped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """pydicom reads a meta header of implicit VR although it is not allowed, and would inflate without a cap."""
    monkeypatch.setattr("kummell_ai.dicom.container.MAX_INFLATED_BYTES", 1000)
    meta = struct.pack("<HHL", 2, 16, 22) + uid.DeflatedExplicitVRLittleEndian.encode()
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(bytes(1 << 16)) + packer.flush()
    with pytest.raises(InputError, match="grows beyond"):
        read_container(bytes(128) + b"DICM" + meta + body, "a")


def test_a_file_above_the_cap_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kummell_ai.dicom.read.MAX_FILE_BYTES", 100)
    refused(save(tmp_path / "a", dataset()), "no film is that large")
    assert limits.MAX_FILE_BYTES > 100


@pytest.mark.parametrize("kind", ["dicom", "png"])
def test_a_film_that_takes_too_much_memory_is_not_called_damaged(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise MemoryError("Unable to allocate 122. MiB for an array with shape (8000, 8000) and data type uint16")

    path = tmp_path / "a.png"
    if kind == "png":
        Image.fromarray(np.arange(1600, dtype=np.uint8).reshape(40, 40)).save(path)
    else:
        save(path, dataset())
    monkeypatch.setattr("kummell_ai.dicom.read.decode_frame", decode)
    monkeypatch.setattr("PIL.Image.Image.convert", decode)
    refused(path, "^a.png: takes more memory than there is; close other programs, or scale the film down$")


def test_deeply_nested_sequences(tmp_path: Path) -> None:
    start = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    buffer = BytesIO()
    dcmwrite(buffer, dataset(), enforce_file_format=True)
    (tmp_path / "a").write_bytes(buffer.getvalue()[:350] + start * 5000)
    refused(tmp_path / "a", "damaged|no pixel data")


def test_header_text_is_cleaned(tmp_path: Path) -> None:
    film = dataset(PatientID="../../..\x1b[31m\nx", PatientName="Ärzte^日本", SpecificCharacterSet="ISO_IR 192")
    reference = read_radiograph(save(tmp_path / "ü 日.dcm", film)).reference
    assert reference.patient_id is not None
    assert reference.patient_id.isprintable()
    assert reference.patient_name == "Ärzte^日本"
    assert reference.name == "ü 日.dcm"


def test_values_of_the_wrong_kind_do_not_stop_the_film(tmp_path: Path) -> None:
    film = dataset(SpecificCharacterSet="ISO_IR 100")
    film.add_new("PixelSpacing", "LO", "abc")
    film.add_new("WindowCenter", "LO", "x")
    film.add_new("AcquisitionTime", "LO", "noon")
    film.add_new("PatientOrientation", "LO", "?")
    film.add_new("VOILUTSequence", "SQ", Sequence([Dataset()]))
    path = save(tmp_path / "a", film)
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"NONSENSE99"))
    read = read_radiograph(path)
    assert not read.spacing.is_metric
    assert read.reference.acquired is not None


def test_a_film_without_preamble_is_read(tmp_path: Path) -> None:
    film = dataset(syntax=uid.ImplicitVRLittleEndian)
    buffer = BytesIO()
    dcmwrite(buffer, Dataset(film), implicit_vr=True, little_endian=True)
    (tmp_path / "a").write_bytes(buffer.getvalue())
    assert read_radiograph(tmp_path / "a").pixels.shape == (36, 40)


def test_a_dicom_file_with_a_tiff_preamble_is_read_as_dicom(tmp_path: Path) -> None:
    path = save(tmp_path / "a", dataset(ImagerPixelSpacing=[0.2, 0.2]))
    path.write_bytes(b"II*\x00" + path.read_bytes()[4:])
    assert read_radiograph(path).spacing.is_metric


def test_an_index_of_films_is_not_called_cut_off(tmp_path: Path) -> None:
    index = dataset(PixelData=None, Rows=None, Columns=None, Modality=None, SOPClassUID=None)
    index.DirectoryRecordSequence = Sequence([])
    refused(save(tmp_path / "a", index), "has no pixel data; export the film itself, not its report or index")


def test_a_film_that_does_not_say_whether_bone_is_bright_is_refused(tmp_path: Path) -> None:
    text = "PhotometricInterpretation is absent, .* MONOCHROME1 or MONOCHROME2 is expected: export the film again"
    refused(save(tmp_path / "a", dataset(PhotometricInterpretation=None)), text)


def test_a_frame_of_a_film_with_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frame 2 does not exist, the file has one frame; leave --frame out"):
        read_radiograph(save(tmp_path / "a", dataset()), frame=2)


def test_several_patient_identifiers_count_as_one_and_are_told(tmp_path: Path) -> None:
    read = read_radiograph(save(tmp_path / "a", dataset(PatientID=["A", "B"])))
    assert read.reference.patient_id == "A\\B"
    assert any("PatientID has 2 values, 1 is expected" in note for note in read.notes)
    plain = read_radiograph(save(tmp_path / "b", dataset(PatientID="A")))
    assert plain.reference.patient_id == "A"
    assert not any("PatientID" in note for note in plain.notes)
