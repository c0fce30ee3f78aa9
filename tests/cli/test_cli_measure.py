from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from kummell_ai import dicom
from kummell_ai.anatomy import Phase
from kummell_ai.cli import models
from kummell_ai.cli.main import main
from kummell_ai.errors import UsageError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import SIMULATED_FILMS
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.landmarks.assembly import Uncertainty
from tests import made_up
from tests.cli.conftest import DoubtfulPredictor, FakeBundle, FakePredictor, read_rows, write_dicom


def save_png(path: Path, colour: bool = False) -> Path:
    grey = np.round(made_up.radiograph().pixels * 255).astype(np.uint8)
    if colour:
        grey = np.stack([grey, grey // 2, 255 - grey], axis=-1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)
    return path


def test_a_film_gets_json_tables_and_overlays(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["measure", str(film), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "angles.csv",
        "measurements.csv",
        "pre.json",
        "pre.overlay.png",
        "pre.overlay.svg",
    ]
    assert "pre.dcm: 6 vertebrae (T10 T11 T12 L1 L2 L3)" in capsys.readouterr().out
    result = json.loads((out / "pre.json").read_text())
    truth = made_up.landmarks().vertebrae[3].corners_px
    corners = [result["vertebrae"][3]["landmarks"][key] for key in ("superior_anterior", "superior_posterior")]
    assert np.allclose(corners, truth[:2])
    assert result["provenance"]["model"] == "made-up"
    assert result["provenance"]["statement"]
    rows = read_rows(out / "measurements.csv")
    assert [row["level"] for row in rows] == ["T10", "T11", "T12", "L1", "L2", "L3"]
    assert float(rows[3]["superior_anterior_x_px"]) == pytest.approx(truth[0, 0], abs=1e-3)


def test_formats_choose_what_is_written(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["measure", str(film), "--out", str(out), "--formats", "json"]) == 0
    assert [path.name for path in out.iterdir()] == ["pre.json"]


def test_a_film_without_spacing_gives_angles_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = save_png(tmp_path / "in" / "photo.png")
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert (
        "photo.png: no usable pixel spacing; angles and ratios are measured, heights in mm need --spacing ROW COLUMN"
        in err
    )
    assert json.loads(out)["warnings"] == [err.strip()]
    body = json.loads((tmp_path / "out" / "photo.json").read_text())["vertebrae"][3]["measurements"]
    assert body["anterior_height"]["value"] is None
    assert body["wedge_angle"]["value"] == pytest.approx(21.6, abs=0.5)


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_spacing_of_the_header_that_is_overruled_is_said_once(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, phase in (("a.dcm", Phase.PRE_OP), ("b.dcm", Phase.POST_OP)):
        write_dicom(tmp_path / "in" / name, phase)
    save_png(tmp_path / "in" / "c.png")
    words = ["measure", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--spacing", "0.7", "0.7", *more]
    assert main(words) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "overrules" in line)
    assert line.startswith("2 films: the given pixel spacing 0.7 x 0.7 mm overrules ")
    assert line.endswith(" mm of the header (a.dcm, b.dcm)")


def test_what_must_be_known_about_a_film_is_said(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: DoubtfulPredictor())
    assert main(["measure", str(film), "--out", str(tmp_path), "--spacing", "0.05", "0.05"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert any(line.startswith("pre.dcm: vertebral depth is ") for line in err)
    rows = read_rows(tmp_path / "measurements.csv")
    assert {row["film_findings"] for row in rows} == {"implausible-spacing"}


def test_spacing_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = save_png(tmp_path / "in" / "photo.png")
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--spacing", "0.3", "0.3"]) == 0
    assert capsys.readouterr().err == ""
    result = json.loads((tmp_path / "out" / "photo.json").read_text())
    assert result["vertebrae"][3]["measurements"]["anterior_height"]["value"] == pytest.approx(13.3, abs=0.3)
    assert result["provenance"]["options"]["spacing_mm"] == "0.3 0.3"


def not_dicom(folder: Path) -> Path:
    path = folder / "letter.dcm"
    path.write_bytes(b"Dear colleague, " * 40)
    return path


def truncated(folder: Path) -> Path:
    whole = write_dicom(folder / "cut.dcm", Phase.PRE_OP).read_bytes()
    (folder / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    return folder / "cut.dcm"


def no_pixels(folder: Path) -> Path:
    dataset = pydicom.dcmread(write_dicom(folder / "report.dcm", Phase.PRE_OP))
    del dataset.PixelData
    dataset.save_as(folder / "report.dcm")
    return folder / "report.dcm"


def colour(folder: Path) -> Path:
    return save_png(folder / "screenshot.png", colour=True)


def frontal(folder: Path) -> Path:
    return write_dicom(folder / "frontal.dcm", Phase.PRE_OP)


def empty(folder: Path) -> Path:
    return write_dicom(folder / "empty.dcm", Phase.PRE_OP)


def absent(folder: Path) -> Path:
    return folder / "absent.dcm"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (not_dicom, r"letter\.dcm: not a DICOM.*; give"),
        (truncated, r"cut\.dcm: .*; "),
        (no_pixels, r"report\.dcm: .*no pixel data, it was cut off or stripped; copy or export"),
        (colour, r"screenshot\.png: .*colour.*; "),
        (frontal, r"frontal\.dcm.*lateral.*: give a lateral film"),
        (empty, r"empty\.dcm.*0 vertebrae.*: give a lateral film"),
        (absent, r"absent\.dcm: no such file or folder; check the path"),
    ],
)
def test_bad_input_is_one_line_and_the_rest_goes_on(
    make: object, line: str, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = make(film.parent)  # type: ignore[operator]
    out = tmp_path / "out"
    assert main(["measure", str(film), str(bad), "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert re.search(line, err), err
    assert (out / "pre.json").exists()
    assert not [path for path in out.iterdir() if bad.stem in path.name or path.suffix == ".part"]
    assert main(["measure", str(bad), "--out", str(tmp_path / "none")]) == 3
    assert not (tmp_path / "none").exists()


def test_precision_and_device_asked_for_reach_the_network_and_the_provenance(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def load(folder: Path | None, *, precision: str, device: str) -> FakePredictor:
        asked.append(precision)
        fake = FakePredictor()
        fake.precision, fake.device = precision, device
        return fake

    monkeypatch.setattr(models, "load_predictor", load)
    for name, more in (("plain", []), ("exact", ["--precision", "float32", "--device", "cuda:1"])):
        assert main(["measure", str(film), "--out", str(tmp_path / name), *more]) == 0
    assert asked == ["auto", "float32"]
    options = [
        json.loads((tmp_path / name / "pre.json").read_text(encoding="utf-8"))["provenance"]["options"]
        for name in ("plain", "exact")
    ]
    assert {"precision", "device"}.isdisjoint(dict(options[0]))
    assert dict(options[1])["precision"] == "float32"
    assert dict(options[1])["device"] == "cuda:1"


def test_real_films_with_intervals_of_simulated_ones_are_told_once(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predictor = FakePredictor()
    predictor.bundle = FakeBundle(calibrated_on=SIMULATED_FILMS)
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: predictor)
    pictures = [save_png(tmp_path / "in" / name) for name in ("a.png", "b.png")]
    for name, films, count in (("simulated", [film], 0), ("real", [film, *pictures], 1)):
        assert main(["measure", *map(str, films), "--out", str(tmp_path / name)]) == 0
        assert capsys.readouterr().out.count("set on simulated films") == count
    found = json.loads((tmp_path / "real" / "a.json").read_text(encoding="utf-8"))
    assert found["provenance"]["calibrated_on"] == "simulated films"


def test_dry_run_writes_nothing(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(film), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "pre.dcm: would be measured and written as pre.*" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_frame_with_several_films_is_wrong_use(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_dicom(tmp_path / "in" / "b.dcm", Phase.POST_OP)
    code = main(["measure", str(film), str(other), "--out", str(tmp_path / "out"), "--frame", "1"])
    assert code == 1
    assert "--frame 1 with 2 films; give the multi-frame film alone" in capsys.readouterr().err


def test_a_file_as_output_folder_is_wrong_use(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(film), "--out", str(film)]) == 1
    assert "is a file; name a folder" in capsys.readouterr().err


def test_a_link_to_nothing_as_output_folder_is_said_before_anything_is_measured(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda *_, **__: pytest.fail("nothing is to be measured"))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for out in ("link", "link/below"):
        assert main(["measure", str(film), "--out", str(tmp_path / out)]) == 1
        assert f"{tmp_path / 'link'} is a link to nothing; name another folder" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_a_full_disk_names_the_file_and_leaves_no_half_of_it(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        assert main(["measure", str(film), "--out", str(tmp_path / "out")]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert f"kummell-ai: {tmp_path / 'out' / film.stem}.json: " in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--spacing", "0", "0.1"], "no pixel size"),
        (["--spacing", "nan", "0.1"], "no pixel size"),
        (["--index-level", "L9"], "no vertebral level"),
        (["--index-level", "S1"], "S1 is the sacrum"),
        (["--frame", "0"], "not a whole number of 1 or more"),
        (
            ["--formats", "docx"],
            "'docx' is no format; write json, csv, svg, png or labelme, and films before",
        ),
    ],
)
def test_wrong_options_exit_with_1(
    options: list[str], text: str, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(film), "--out", str(tmp_path), *options]) == 1
    err = capsys.readouterr().err
    assert text in err
    assert "see kummell-ai measure --help" in err


def test_a_given_level_names_the_injured_vertebra(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: DoubtfulPredictor())
    assert main(["measure", str(film), "--out", str(tmp_path), "--formats", "json", "--index-level", "T12"]) == 0
    result = json.loads((tmp_path / "pre.json").read_text())
    assert [v["level"] for v in result["vertebrae"]] == ["T9", "T10", "T11", "T12", "L1", "L2"]
    assert "names-pinned" in [f["code"] for f in result["findings"]]


@pytest.mark.parametrize("command", ["measure", "series"])
def test_a_dry_run_checks_the_model_and_the_device(
    command: str, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Path | None, str]] = []

    def load(folder: Path | None, *, precision: str, device: str) -> FakePredictor:
        asked.append((folder, device))
        raise UsageError("no such model")

    monkeypatch.setattr(models, "load_predictor", load)
    words = [command, str(film), "--out", str(tmp_path / "out"), "--dry-run"]
    assert main(words) == 0
    assert main([*words, "--model", "nowhere"]) == main([*words, "--device", "nothing"]) == 1
    assert asked == [(Path("nowhere"), "cpu"), (None, "nothing")]
    assert "no such model" in capsys.readouterr().err


def test_a_model_that_is_not_calibrated_is_told_once(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_dicom(tmp_path / "post.dcm", Phase.POST_OP)
    predictor = FakePredictor()
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: predictor)
    for source, count in ((None, 1), (SIMULATED_FILMS, 0)):
        predictor.bundle = FakeBundle(calibrated_on=source)
        assert main(["measure", str(film), str(other), "--out", str(tmp_path / "out")]) == 0
        assert capsys.readouterr().out.count("intervals of this model are not calibrated") == count


def test_factors_that_a_model_does_not_have_are_no_calibration(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model folder without calibration gives every body factors, of no quantity."""

    class Uncalibrated(FakePredictor):
        bundle = FakeBundle(calibrated_on=None)

        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            landmarks = super().locate(radiograph)
            own = Uncertainty.from_info({"covariance_scale": [1.0] * 4})
            return replace(
                landmarks, vertebrae=tuple(replace(v, interval_factors=own.of("intact")) for v in landmarks.vertebrae)
            )

    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: Uncalibrated())
    for lang, sentence in (("en", "of this model are not calibrated"), ("zh", "该模型的 95% 区间未经校准")):
        out = tmp_path / lang
        other = write_dicom(tmp_path / "post.dcm", Phase.POST_OP)
        assert main(["series", str(film), str(other), "--out", str(out), "--lang", lang]) == 0
        assert capsys.readouterr().out.count("intervals of this model are not calibrated") == 1
        assert (out / "report.html").read_text(encoding="utf-8").count(sentence) == 1


class NeedyPredictor(FakePredictor):
    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        if radiograph.reference.name.startswith("large"):
            raise MemoryError
        return super().locate(radiograph)


def test_a_film_that_takes_too_much_memory_is_left_out(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: NeedyPredictor())
    large = write_dicom(tmp_path / "in" / "large.dcm", Phase.POST_OP, seed=2)
    line = "large.dcm: takes more memory than there is; close other programs, or scale the film down\n"
    assert main(["measure", str(large), str(film), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == line
    manifest = tmp_path / "in" / "films.csv"
    manifest.write_text("film\nlarge.dcm\npre.dcm\n")
    main(["cohort", str(manifest), "--out", str(tmp_path / "cohort")])
    assert f"films.csv row 2: {line}" in capsys.readouterr().err

    def read(path: Path, **_: object) -> Radiograph:
        raise MemoryError

    monkeypatch.setattr(dicom, "read_radiograph", read)
    assert main(["measure", str(large), "--out", str(tmp_path / "out")]) == 3
    assert capsys.readouterr().err == line
