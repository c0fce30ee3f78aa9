"""scripts/calibrate_covariance.py and scripts/calibrate_names.py on films as synthesize writes them."""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from kummell_ai.annotations.coco import AnnotatedFilm, write_coco
from kummell_ai.dicom.write import write_simulated_dicom
from kummell_ai.errors import InputError
from kummell_ai.evaluation.located import locate_films
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import STRATA
from kummell_ai.imaging.radiograph import ImageReference, Radiograph
from kummell_ai.landmarks.assembly import Uncertainty
from kummell_ai.landmarks.checkpoint import read_info, save_bundle
from kummell_ai.landmarks.levels import weigh_names
from kummell_ai.landmarks.network import KeypointNetwork, NetworkSizes
from tests.annotations.test_public_sets import buu_text, write_buu
from tests.evaluation.test_calibration import SPACING, located, truth

SCRIPTS = Path(__file__).parents[2] / "scripts"
COUNT = 24


class Fake:
    """Finds what `located` says, in the order of the films; the film of ``frontal`` looks frontal to it."""

    def __init__(self, frontal: int | None = None) -> None:
        rng = np.random.default_rng(8)
        self.answers = [located(number, rng).found for number in range(COUNT)]
        self.frontal = frontal
        self.asked = 0

    def locate_uncalibrated(self, radiograph: Radiograph) -> SpineLandmarks:
        answer = self.answers[self.asked % COUNT]
        lateral = 0.1 if self.asked == self.frontal else 1.0
        self.asked += 1
        bodies = answer.vertebrae
        says = np.full((len(bodies), 20), -9.0)
        says[np.arange(len(bodies)), [v.level.index for v in bodies if v.level]] = 0.0
        centres, depths = np.array([v.centre_px for v in bodies]), np.array([v.depth_px for v in bodies])
        return replace(answer, lateral_probability=lateral, level_evidence=weigh_names(centres, depths, says))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    rows = []
    grey = np.tile(np.linspace(0.0, 255.0, 200), (500, 1)).astype(np.uint8)
    for number in range(COUNT):
        Image.fromarray(grey).save(folder / f"{number}.png")
        rows.append(AnnotatedFilm(f"{number}.png", (200, 500), truth(number), SPACING, {"field_of_view": "lumbar"}))
    write_coco(folder / "annotations.json", rows)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    sizes = NetworkSizes(deepest=32, context=16, decoder=16, level=16)
    return save_bundle(tmp_path / "model", KeypointNetwork(sizes), {"covariance_scale": [1.0, 1.0, 1.0, 1.0]})


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = import_module("calibrate_covariance")
    monkeypatch.setattr(module.Predictor, "load", lambda folder: Fake())
    return module


def run(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, words)])
    return int(module.main())


def test_a_refused_film_is_left_out(films):
    done: list[int] = []
    found = list(locate_films([films / "annotations.json"], Fake(frontal=2), limit=5, progress=done.append))
    assert [film.truth.file_name for film in found] == ["0.png", "1.png", "3.png", "4.png"]
    assert [film.patient for film in found] == ["patient-0", "patient-0", "patient-1", "patient-2"]
    assert done == [1, 2, 3, 4, 5]


def test_faulty_films_are_said_and_left_out(films):
    """A calibration takes hours; a film that an evaluation leaves out does not end it."""
    document = json.loads((films / "annotations.json").read_text())
    document["images"][1]["phase"] = "preop"
    document["images"][4]["index_level"] = "L9"
    twice = [row for row in document["annotations"] if row["image_id"] == document["images"][2]["id"]]
    twice[1]["attributes"]["level"] = twice[0]["attributes"]["level"]
    (films / "3.png").write_bytes(b"none")
    (films / "annotations.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="phase is 'preop'"):
        list(locate_films([films], Fake()))
    said: list[str] = []
    found = list(locate_films([films], Fake(), limit=6, on_fault=lambda name, error: said.append(f"{name} {error}")))
    assert [film.truth.file_name for film in found] == ["0.png", "5.png"]
    assert [line[:6] for line in said] == ["1.png ", "2.png ", "3.png ", "4.png "]


def test_films_of_any_form_serve_and_their_headers_name_the_patient(tmp_path):
    """The two films of a patient whom only the headers name are measured together, as an evaluation does it."""
    write_buu(tmp_path / "set" / "LA", buu_text())
    (film,) = locate_films([tmp_path / "set"], Fake())
    assert film.patient == "0001"
    pixels = np.tile(np.linspace(0.0, 1.0, 200, dtype=np.float32), (500, 1))
    rows = []
    for number in range(2):
        place, taken = tmp_path / f"{number}.dcm", dt.datetime(2024, 1, 1 + number)
        write_simulated_dicom(place, pixels, spacing=SPACING, patient_id="p", acquired=taken)
        unnamed = replace(truth(number), reference=ImageReference(f"{number}.dcm"))
        rows.append(AnnotatedFilm(f"{number}.dcm", (200, 500), unnamed, SPACING))
    write_coco(tmp_path / "annotations.json", rows)
    assert {film.patient for film in locate_films([tmp_path / "annotations.json"], Fake())} == {"p"}


def test_the_factors_are_written_and_the_table_says_what_they_do(monkeypatch, capsys, script, films, model):
    assert run(monkeypatch, script, "--model", model, "--films", films, "--check", films) == 0
    info = read_info(model)
    uncertainty = Uncertainty.from_info(info)
    # the corners err by 2 px, the covariance says 1 px²
    assert np.all(uncertainty.scale["intact"] > 2.5)
    assert set(uncertainty.factors["anterior_height"]) == set(STRATA)
    assert info["calibration"] == {"films": COUNT, "patients": COUNT // 2, "simulated": False}
    text = capsys.readouterr().out
    assert "24 annotated films of 12 patients" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("anterior_height") and " all " in line]
    assert len(rows) == 4  # calibration films, the same alone and together; check films, the same alone and together
    # name, stratum, n, held before -> after, ...
    assert float(rows[2][3]) < 80.0 < 90.0 < float(rows[2][5])
    assert rows[3][3] == rows[2][5], "alone, as the row before ends"
    assert set(info["together_factors"]["anterior_height"]) == set(STRATA) == set(info["together_scale"])


def test_a_dry_run_writes_nothing_and_predictions_are_kept(monkeypatch, capsys, script, films, model, tmp_path):
    before = (model / "model.json").read_bytes()
    words = ("--model", model, "--films", films, "--keep", tmp_path / "kept", "--dry-run")
    assert run(monkeypatch, script, *words) == 0
    first = capsys.readouterr().out
    assert (model / "model.json").read_bytes() == before
    (films / "annotations.json").unlink()
    assert run(monkeypatch, script, *words) == 0
    assert capsys.readouterr().out == first
    assert run(monkeypatch, script, *words, "--limit", "3") == 2
    assert "is of another model or other films than asked for" in capsys.readouterr().err


def test_missing_films_are_one_line(monkeypatch, capsys, script, model, tmp_path):
    assert run(monkeypatch, script, "--model", model, "--films", tmp_path / "nothing") == 2
    said = capsys.readouterr().err
    assert said.startswith("calibrate_covariance.py: ")
    assert said.count("\n") == 1


def test_the_names_are_reported(monkeypatch, capsys, script, films, model):
    names = import_module("calibrate_names")
    assert run(monkeypatch, names, "--model", model, "--films", films) == 0
    text = capsys.readouterr().out
    assert "lumbar            24 films, all names right 100.0 %, of the vertebrae 100.0 %" in text
    assert text.count("least with 0.0001") == 4


def test_a_model_json_is_plain_json(monkeypatch, script, films, model):
    run(monkeypatch, script, "--model", model, "--films", films)
    text = (model / "model.json").read_text(encoding="utf-8")
    assert json.loads(text)["interval_factors"]["cobb"].keys() == set(STRATA)
